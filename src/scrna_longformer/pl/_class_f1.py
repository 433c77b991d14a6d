"""How well each class is found, large classes and small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._docs import with_shared_parts
from ._canvas import FAINT, INK, axes_for, finish, quieten
from ._choice import chosen_models
from ._notes import write_notes
from ._plain_text import plain
from ._roles import hollow, roles_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes

_MARKERS = "oDs^"


@with_shared_parts
def class_f1(
    adata: AnnData,
    *,
    models: str | Sequence[str] | None = None,
    key: str = "baseline_compare",
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw the F1 of every class, the largest class on top.

    A marker is the F1 of the out-of-fold predictions, the bar its 95 % interval; a small class has a
    wide one. The number of cells is beside the name.
    A contestant that left the ranking is hollow, with a dashed bar; where a check voided the comparison,
    the figure says so.

    Parameters
    ----------
    adata
        Annotated data with a comparison (:func:`~scrna_longformer.tl.baseline_compare`).
    models
        One to four contestants; by default the best transformer and the best simple model that
        are ranked. A hybrid whose gate was closed in most fits is taken only if there is no other
        transformer, because its predictions are those of a simple model.
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
        `models` has a name that the comparison has not, or more than four.

    See Also
    --------
    scrna_longformer.get.baseline_compare : Its ``per_class`` has the numbers.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.tl.baseline_compare(adata, "bulk_labels", models=["nearest_centroid"], n_splits=3)
    >>> ax = sl.pl.class_f1(adata, show=False)
    >>> [tick.get_text() for tick in ax.get_yticklabels()][:2]
    ['Dendritic (240)', 'CD14+ Monocyte (129)']
    """
    import numpy as np

    from ..get import baseline_compare

    comparison = baseline_compare(adata, key)
    roles = roles_in(comparison)
    shown = chosen_models(comparison, roles, models, caller="class_f1", most=len(_MARKERS))
    table = comparison.per_class
    sizes = table.groupby("class", observed=True)["n_cells"].first()
    order = sizes.sort_values(ascending=False, kind="stable").index

    own_figure = ax is None
    ax = axes_for(ax, size=(6.8, 1.3 + 0.36 * len(order)))
    rows = np.arange(len(order))
    ax.hlines(rows, 0, 1, color=FAINT, lw=0.6, zorder=0)
    lowest = 1.0
    offsets = np.linspace(-0.16, 0.16, len(shown)) if len(shown) > 1 else [0.0]
    for model, colour, marker, offset in zip(
        shown, roles.colours_of(shown), _MARKERS, offsets, strict=False
    ):
        of_model = table[table["model"] == model].set_index("class").reindex(order)
        mean, low, high = (of_model[name].to_numpy() for name in ("f1", "low", "high"))
        lowest = min(lowest, float(np.nanmin([low, mean])))
        out = model in roles.excluded
        dashes = "dashed" if out else "solid"
        ax.hlines(rows + offset, low, high, color=colour, lw=1.4, alpha=0.5, ls=dashes)
        style: dict[str, Any] = {"color": colour, "ms": 7, "mec": "white", "mew": 0.8, "zorder": 3}
        style |= hollow(colour) if out else {}
        ax.plot(mean, rows + offset, marker, label=roles.label_of(model), clip_on=False, **style)
    ax.set_yticks(rows, [f"{plain(str(name))} ({sizes[name]:,})" for name in order])
    ax.set_ylim(len(order) - 0.5, -0.6)
    ax.set_xlim(max(0.0, np.floor(10 * lowest - 0.2) / 10), 1.0)
    ax.set_xlabel("F1 on held-out cells")
    ax.legend(
        frameon=False,
        labelcolor=INK,
        fontsize="small",
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        borderaxespad=0.2,
        handletextpad=0.2,
    )
    quieten(ax, grid="x")
    ax.tick_params(axis="y", length=0)
    write_notes(ax, comparison, own_figure=own_figure)
    return finish(ax, own_figure=own_figure, show=show, save=save)
