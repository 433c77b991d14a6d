"""The comparison of models on the same folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._docs import with_shared_parts
from ._canvas import NO_SKILL, axes_for, finish, quieten
from ._contestants import LEVEL, metric_name
from ._notes import write_notes
from ._roles import hollow, roles_in

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

    from ..get._frames_scores import Scores

# in units of the distance between two models
_BELOW = 0.1  # mean and interval
_FOLD_BAND = (0.34, 0.12)  # folds, above them


@with_shared_parts
def baseline_compare(
    adata: AnnData,
    *,
    metric: str = "macro_f1",
    key: str = "baseline_compare",
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw the score of every model on every fold, best model on top.

    Small dots are folds, the large dot is their mean and the bar its 95 % interval. The transformer
    is orange, simple models are blue, models without skill grey; the dotted line is where always
    predicting the largest class gets. Overlapping bars are no test, because all models saw the same
    folds: a hollow mean is worse than the model on top by the corrected resampled t-test on the
    differences (Holm-adjusted over all pairs, p < 0.05), a filled one was not told apart from it.

    A contestant that a check took out of the ranking stands below the others, with a hollow diamond
    and a dashed bar. A transformer whose gate was closed in most fits is blue, as the simple model
    that it predicts as. Where a check forbids to name a winner, the figure says which.

    Parameters
    ----------
    adata
        Annotated data with a comparison (:func:`~scrna_longformer.tl.baseline_compare`).
    metric
        Score to draw: a column of :func:`scrna_longformer.get.baseline_compare`.
    {comparison_key}
    {ax_show_save}

    Returns
    -------
    {returns_axes}

    Raises
    ------
    KeyError
        There is no comparison under `key`.
    ValueError
        `metric` is none of its scores.

    See Also
    --------
    scrna_longformer.pl.pairwise : Every model against every other.
    scrna_longformer.get.baseline_compare : The numbers behind it.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> models = ["majority", "nearest_centroid"]
    >>> sl.tl.baseline_compare(adata, "bulk_labels", models=models, n_splits=3)
    >>> ax = sl.pl.baseline_compare(adata, show=False)
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['nearest centroid', 'majority']
    """
    from ..evaluation import COSTS, LOWER_IS_BETTER
    from ..get import baseline_compare as read
    from ..get._frames_scores import read_scores

    scores = read_scores(adata, metric, key=key, caller="baseline_compare")
    comparison = read(adata, key)
    roles = roles_in(comparison)
    models = roles.ranked_first(scores.models)
    worse = _told_from_best(comparison.pairwise, metric, models[0]) - roles.excluded
    own_figure = ax is None
    ax = axes_for(ax, size=(6.8, 1.1 + 0.42 * len(models)))

    for row, model in enumerate(models):
        told = {"worse": model in worse, "out": model in roles.excluded}
        _row(ax, row, scores, model, roles.colour_of(model), **told)
    for model in roles.majority.intersection(models):
        ax.axvline(scores.mean[model], color=NO_SKILL, ls=(0, (1, 2)), lw=1.2, zorder=0)

    ax.set_yticks(range(len(models)), [roles.label_of(model) for model in models])
    ax.set_ylim(len(models) - 0.4, -0.6)
    better = ", lower is better" if metric in {*LOWER_IS_BETTER, *COSTS} else ""
    where = "" if metric in COSTS else " on held-out cells"
    # below the axis rather than in a legend above it, where a title goes
    what = "hollow dot" if roles.excluded.intersection(models) else "hollow"
    note = f"\n{what}: worse than the model on top (p < {LEVEL})" if worse else ""
    ax.set_xlabel(f"{metric_name(metric)}{where}{better}{note}")
    ax.margins(x=0.04)
    left, right = ax.get_xlim()
    if 0 <= left < 0.1 * right:  # so near to zero, the axis may as well begin there
        ax.set_xlim(left=0)
    quieten(ax, grid="x")
    ax.tick_params(axis="y", length=0)
    write_notes(ax, comparison, own_figure=own_figure)
    return finish(ax, own_figure=own_figure, show=show, save=save)


def _row(
    ax: Axes, row: int, scores: Scores, model: str, colour: str, *, worse: bool, out: bool
) -> None:
    """Draw one model: its folds, its mean with the interval, and the mean in digits.

    Where a fold tests no cell of some class, it has no score of its own to draw.
    Hollow are those told to be `worse` than the best, and as diamonds those `out` of the ranking.
    """
    if not scores.is_pooled:
        folds = scores.folds[model].dropna().to_numpy()
        faint = 0.25 if out else 0.5
        ax.plot(folds, row - _offsets(len(folds)), "o", color=colour, ms=3.5, alpha=faint, mew=0)
    bar: dict[str, Any] = {"lw": 1.2, "ls": "dashed"} if out else {"lw": 1.8}
    ax.hlines(row + _BELOW, scores.low[model], scores.high[model], color=colour, **bar)
    filled: dict[str, Any] = {"mfc": colour, "mec": "white", "mew": 1.2}
    style = hollow(colour) if worse or out else filled
    style |= {"marker": "D", "ms": 7} if out else {"marker": "o", "ms": 9}
    ax.plot(scores.mean[model], row + _BELOW, color=colour, zorder=4, **style)
    ax.annotate(
        f"{scores.mean[model]:.3f}",
        xy=(1, row),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize="small",
        color=colour,
    )


def _told_from_best(pairs: pd.DataFrame, metric: str, best: str) -> set[str]:
    """Models that differ from the best one more than chance explains."""
    if "p_holm" not in pairs:
        return set()
    pairs = pairs[(pairs["metric"] == metric) & (pairs["p_holm"] < LEVEL)]
    sides = pairs[["model_a", "model_b"]].astype(str).to_numpy()
    return {str(model) for pair in sides if best in pair for model in pair} - {best}


def _offsets(n: int) -> np.ndarray:
    """Heights of the folds above a model's bar, in their order: equal scores stay countable."""
    import numpy as np

    return np.linspace(*_FOLD_BAND, n) if n > 1 else np.full(n, np.mean(_FOLD_BAND))
