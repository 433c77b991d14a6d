"""Which classes a model takes for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._docs import with_shared_parts
from ._canvas import INK, NO_SKILL, axes_for, finish
from ._choice import best_model, chosen_models
from ._notes import write_notes
from ._plain_text import plain
from ._roles import roles_in

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from anndata import AnnData
    from matplotlib.axes import Axes

_CELL = 0.42  # inches per class
_MOST_NUMBERS = 25  # classes up to which shares are written into the squares
_LEAST_WRITTEN = 0.005


@with_shared_parts
def confusion(
    adata: AnnData,
    *,
    model: str | None = None,
    key: str = "baseline_compare",
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw which share of each class was predicted as which, on held-out cells.

    Every row is a class and adds up to 100 %; the diagonal is the share found (recall). Classes are
    in the order of the label column; the number of cells is beside the name. A contestant that left
    the ranking is drawn in grey; where a check voided the comparison, the figure says so.

    Parameters
    ----------
    adata
        Annotated data with a comparison (:func:`~scrna_longformer.tl.baseline_compare`).
    model
        Which contestant; by default the one with the best macro-F1 of those that are ranked.
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
        `model` is not in the comparison.

    See Also
    --------
    scrna_longformer.get.baseline_compare : Its ``confusion`` has the numbers.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.tl.baseline_compare(adata, "bulk_labels", models=["nearest_centroid"], n_splits=3)
    >>> sl.pl.confusion(adata, show=False).get_ylabel()
    'label (cells)'
    """
    import numpy as np

    from ..get import baseline_compare

    comparison = baseline_compare(adata, key)
    roles = roles_in(comparison)
    first = model or best_model(comparison, roles)
    (chosen,) = chosen_models(comparison, roles, first, caller="confusion", most=1)
    pairs = comparison.confusion[comparison.confusion["model"] == chosen]
    counts = pairs.pivot_table(
        index="true", columns="predicted", values="n_cells", aggfunc="sum", observed=False
    ).fillna(0)
    sizes = counts.sum(axis=1).to_numpy()
    shares = counts.to_numpy() / np.maximum(sizes, 1)[:, None]
    names = [str(name) for name in counts.index]

    own_figure = ax is None
    side = _CELL * len(names)
    ax = axes_for(ax, size=(side + 3.2, side + 2.4))
    colours = "Greys" if chosen in roles.excluded else "Blues"
    image = ax.imshow(shares, cmap=colours, vmin=0, vmax=1)
    if len(names) <= _MOST_NUMBERS:
        _write_shares(ax, shares)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.6, pad=0.02, format=_percent)
    bar.set_label("share of the class")
    bar.outline.set_visible(False)
    # of the class: repeats and seeds count a cell more than once
    cells = comparison.per_class.groupby("class", observed=False)["n_cells"].first()
    cells.index = cells.index.astype(str)
    ax.set_yticks(range(len(names)), [f"{plain(str(name))} ({cells[name]:,.0f})" for name in names])
    shown = [plain(str(name)) for name in names]
    ax.set_xticks(range(len(names)), shown, rotation=45, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0, colors=INK, labelsize="small")
    ax.spines[:].set_color(NO_SKILL)
    ax.set_ylabel("label (cells)")
    ax.set_xlabel(f"predicted by {roles.label_of(chosen)}")
    write_notes(ax, comparison, own_figure=own_figure)
    return finish(ax, own_figure=own_figure, show=show, save=save)


def _write_shares(ax: Axes, shares: np.ndarray) -> None:
    """Write the share, in percent, into every square that has one."""
    for row, values in enumerate(shares):
        for column, share in enumerate(values):
            if share >= _LEAST_WRITTEN:
                colour = "white" if share > 0.55 else INK
                text = f"{100 * share:.0f}"
                ax.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)


def _percent(share: float, _: int) -> str:
    return f"{share:.0%}"
