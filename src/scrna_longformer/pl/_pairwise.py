"""Every contestant against every other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._docs import with_shared_parts
from ._canvas import FAINT, INK, NO_SKILL, axes_for, finish
from ._contestants import LEVEL, metric_name
from ._notes import write_notes
from ._roles import roles_in

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

_SIDE = 0.62  # inches per contestant
_LETTER = 0.095  # inches of a letter of a name
_LEGEND, _WORD = 3.8, 1.0  # inches of what the colours mean, and of one word more
_HATCH = "////"
# lighter than the colours of the models, so that text on them can be read
_BETTER, _WORSE, _LEVELLED, _OPEN = "#9CCBE8", "#F2B48A", "#E4E4E4", "#FFFFFF"


@with_shared_parts
def pairwise(
    adata: AnnData,
    *,
    metric: str = "macro_f1",
    key: str = "baseline_compare",
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw by how much each model is better than each other one, and whether that is told apart.

    A square has the mean difference, the model of the row less that of the column, best model on top.
    Blue: the row is better, orange: it is worse (corrected resampled t-test, Holm-adjusted over all
    pairs, p < 0.05; the number is bold). Grey: with 95 % probability the difference is too small to
    matter (within the region of practical equivalence). White: these folds cannot tell. Colours mean
    these outcomes here, not kinds of models.

    Squares of a contestant that a check took out of the ranking are hatched, below the others, and
    say nothing of better or worse. Where a check forbids to name a winner, the figure says which.

    Parameters
    ----------
    adata
        Annotated data with a comparison (:func:`~scrna_longformer.tl.baseline_compare`).
    metric
        Score to draw: a column of :attr:`scrna_longformer.get.BaselineComparison.table`.
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
        `metric` is none of its scores, or there are no two contestants to compare.

    See Also
    --------
    scrna_longformer.get.baseline_compare : Its ``pairwise`` has the numbers.

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52, 239-281.
    Corani and Benavoli (2015), A Bayesian approach for comparing cross-validated algorithms on
    multiple data sets, Machine Learning 100, 285-304.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> models = ["majority", "nearest_centroid", "knn_pca"]
    >>> sl.tl.baseline_compare(adata, "bulk_labels", models=models, n_splits=3)
    >>> ax = sl.pl.pairwise(adata, show=False)
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['nearest centroid', 'kNN on principal components', 'majority']
    """
    from ..evaluation import LOWER_IS_BETTER
    from ..get import baseline_compare

    comparison = baseline_compare(adata, key)
    if not len(comparison.pairwise):
        msg = (
            f"pairwise: no two contestants of uns[{key!r}] finished a fold in common; it has "
            f"{[str(name) for name in comparison.table.index]}. Call sl.tl.baseline_compare(adata, "
            "models=[...]) with two contestants or more."
        )
        raise ValueError(msg)
    pairs = comparison.pairwise[comparison.pairwise["metric"] == metric]
    if not len(pairs):
        known = [str(name) for name in comparison.pairwise["metric"].unique()]
        msg = f"pairwise: `metric`={metric!r} is not in the comparison; it has {known}."
        raise ValueError(msg)
    lower = metric in LOWER_IS_BETTER
    means = comparison.table[metric].sort_values(ascending=lower, kind="stable")
    roles = roles_in(comparison)
    order = roles.ranked_first(str(model) for model in means.dropna().index)
    left = roles.excluded.intersection(order)

    own_figure = ax is None
    side = _SIDE * len(order)
    names = [roles.label_of(model) for model in order]
    label = _LETTER * max(len(name) for name in names) + 0.3
    legend = _LEGEND + _WORD * bool(left)
    ax = axes_for(ax, size=(max(side, legend) + label, side + 0.75 * label + 0.7))
    row_of = {model: row for row, model in enumerate(order)}
    for _, pair in pairs.iterrows():
        both = str(pair.model_a), str(pair.model_b)
        a, b = (row_of[model] for model in both)
        out = not left.isdisjoint(both)
        _square(ax, a, b, pair, sign=1, lower=lower, out=out)
        _square(ax, b, a, pair, sign=-1, lower=lower, out=out)
    n = len(order)
    ax.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), aspect="equal")
    ax.set_yticks(range(n), names)
    ax.set_xticks(range(n), names, rotation=45, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0, colors=INK)
    ax.spines[:].set_color(NO_SKILL)
    title = f"difference in {metric_name(metric)}" + (", lower is better" if lower else "")
    _legend(ax, title, excluded=bool(left))
    write_notes(ax, comparison, own_figure=own_figure)
    return finish(ax, own_figure=own_figure, show=show, save=save)


def _legend(ax: Axes, title: str, *, excluded: bool) -> None:
    """Say what the numbers and the colours are, above the squares."""
    from matplotlib.patches import Patch

    words = {"row better": _BETTER, "row worse": _WORSE, "equivalent": _LEVELLED, "not told": _OPEN}
    edge: dict[str, Any] = {"edgecolor": NO_SKILL, "lw": 0.5}
    patches = [Patch(facecolor=colour, label=word, **edge) for word, colour in words.items()]
    if excluded:
        patches.append(Patch(facecolor=_OPEN, label="excluded", hatch=_HATCH, **edge))
    ax.legend(
        handles=patches,
        title=title,
        alignment="left",
        frameon=False,
        labelcolor=INK,
        fontsize="small",
        title_fontproperties={"size": "medium"},
        ncols=len(patches),
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
        columnspacing=1,
        handlelength=1,
    )


def _square(
    ax: Axes, row: int, column: int, pair: pd.Series, *, sign: int, lower: bool, out: bool
) -> None:
    """Draw the model of a row against that of a column; hatched, if one is `out` of the ranking."""
    difference = sign * pair.difference
    told = pair.p_holm < LEVEL and not out
    better = (difference < 0) if lower else (difference > 0)
    colour = _OPEN
    if told:
        colour = _BETTER if better else _WORSE
    elif pair.p_equivalent > 1 - LEVEL and not out:
        colour = _LEVELLED
    box: dict[str, Any] = {"facecolor": colour, "edgecolor": FAINT, "linewidth": 0.6}
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **box, hatch=_HATCH if out else None))
    ax.text(
        column,
        row,
        f"{difference:+.3f}".replace("-", "\N{MINUS SIGN}"),
        ha="center",
        va="center",
        fontsize=8,
        color=NO_SKILL if out else INK,
        weight="bold" if told else "normal",
    )
