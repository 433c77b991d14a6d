"""What a better score costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._docs import with_shared_parts
from ._canvas import NO_SKILL, axes_for, finish, quieten
from ._contestants import metric_name
from ._labels import label_points
from ._notes import write_notes
from ._roles import roles_in

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from anndata import AnnData
    from matplotlib.axes import Axes


@with_shared_parts
def cost(
    adata: AnnData,
    *,
    cost: str = "fit_seconds",
    metric: str = "macro_f1",
    key: str = "baseline_compare",
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw the score of every model against what it costs, on a logarithmic axis.

    The line joins the models that none beats at a lower cost: what you pay for the next step up. The
    transformer is orange, simple models are blue; models without skill are left out, unless there
    are no others. A hollow diamond left the ranking by a check, and the line passes it by; where a
    check voided the comparison, the figure says so. Costs were measured while the folds ran, on that
    machine and its load.

    Parameters
    ----------
    adata
        Annotated data with a comparison (:func:`~scrna_longformer.tl.baseline_compare`).
    cost
        ``'fit_seconds'``, ``'predict_ms_per_cell'``, ``'peak_memory_mb'`` (on top of the data),
        ``'energy_wh'`` (both where they were measured) or ``'n_parameters'`` (of the models that have
        a clear number).
    metric
        Score: a column of :attr:`scrna_longformer.get.BaselineComparison.table`.
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
        `cost` or `metric` is not in it.

    See Also
    --------
    scrna_longformer.get.baseline_compare : Its ``table`` has the numbers.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> models = ["nearest_centroid", "knn_pca"]
    >>> sl.tl.baseline_compare(adata, "bulk_labels", models=models, n_splits=3)
    >>> ax = sl.pl.cost(adata, show=False)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('seconds to fit', 'macro-F1 on held-out cells')
    """
    import numpy as np

    from ..evaluation import COSTS, LOWER_IS_BETTER
    from ..get import baseline_compare

    comparison = baseline_compare(adata, key)
    table = comparison.table
    for name, value in (("cost", cost), ("metric", metric)):
        known = [c for c in table.columns if (c in COSTS) == (name == "cost")]
        if value not in known:
            msg = f"cost: `{name}`={value!r} is not in the comparison; it has {known}."
            raise ValueError(msg)
    table.index = table.index.astype(str)
    roles = roles_in(comparison)
    skilled = table[~table.index.isin(roles.floors)]
    points = (skilled if len(skilled) else table)[[cost, metric]].dropna().sort_values(cost)

    own_figure = ax is None
    ax = axes_for(ax, size=(6.8, 4.4))
    out = points.index.isin(roles.excluded)
    ranked = points[~out]
    gain = -ranked[metric] if metric in LOWER_IS_BETTER else ranked[metric]
    best = ranked[gain > gain.cummax().shift(fill_value=-float("inf"))]
    ax.step(best[cost], best[metric], where="post", color=NO_SKILL, lw=1.2, zorder=1)
    colours = [roles.colour_of(model) for model in points.index]
    _scatter(ax, points.to_numpy(), np.array(colours), out)
    above = points.loc[points[cost] > 0, cost]
    if len(above) == len(points):
        ax.set_xscale("log")
    else:  # memory too little to be measured, say
        ax.set_xscale("symlog", linthresh=above.min() if len(above) else 1.0)
    ax.margins(x=0.12, y=0.12)
    better = ", lower is better" if metric in LOWER_IS_BETTER else ""
    ax.set_xlabel(metric_name(cost))
    ax.set_ylabel(f"{metric_name(metric)} on held-out cells{better}")
    quieten(ax, grid="y")
    write_notes(ax, comparison, own_figure=own_figure)
    names = [roles.label_of(model) for model in points.index]
    label_points(ax, points.to_numpy(), names, colours, path=_corners(best.to_numpy()))
    return finish(ax, own_figure=own_figure, show=show, save=save)


def _scatter(ax: Axes, points: np.ndarray, colours: np.ndarray, out: np.ndarray) -> None:
    """Draw filled dots, and hollow diamonds for those that left the ranking."""
    x, y = points.T
    ax.scatter(x[~out], y[~out], s=70, c=colours[~out], edgecolors="white", zorder=3)
    if out.any():
        edges: dict[str, Any] = {"edgecolors": colours[out], "linewidths": 1.8}
        ax.scatter(x[out], y[out], s=50, c="white", marker="D", zorder=3, **edges)


def _corners(steps: np.ndarray) -> np.ndarray:
    """Corners of a line that goes right and then up from point to point."""
    import numpy as np

    x, y = np.repeat(steps, 2, axis=0).T
    return np.column_stack([x[1:], y[:-1]])
