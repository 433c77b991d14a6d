"""Whether models are right as often as they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from .._docs import with_shared_parts
from ._canvas import INK, NO_SKILL, axes_for, finish, quieten
from ._choice import chosen_models
from ._notes import write_notes
from ._roles import roles_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

_LARGEST = 130.0  # area of the marker of a bin with all cells, in square points
_MARKERS = "oDs^"


@with_shared_parts
def reliability(
    adata: AnnData,
    *,
    models: str | Sequence[str] | None = None,
    key: str = "baseline_compare",
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw how often models are right against how sure they say they are.

    Held-out cells are binned by the probability of their predicted class. On the dotted diagonal a
    model is right as often as it says; below it, it is too sure. The area of a marker is the number
    of cells, the bar the 95 % interval of their share that is right (Wilson). The legend has the
    expected calibration error (ECE): the mean distance from the diagonal, weighted by cells. A
    contestant that left the ranking is hollow; where a check voided the comparison, the figure says
    so.

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
    scrna_longformer.get.baseline_compare : Its ``reliability`` has the numbers.

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks, ICML.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> models = ["majority", "nearest_centroid"]
    >>> sl.tl.baseline_compare(adata, "bulk_labels", models=models, n_splits=3)
    >>> sl.pl.reliability(adata, show=False).get_xlabel()
    'probability of the predicted class'
    """
    from ..get import baseline_compare

    comparison = baseline_compare(adata, key)
    roles = roles_in(comparison)
    shown = chosen_models(comparison, roles, models, caller="reliability", most=len(_MARKERS))
    of_first = comparison.per_class["model"] == comparison.per_class["model"].iloc[0]
    n_labelled = int(comparison.per_class.loc[of_first, "n_cells"].sum())
    own_figure = ax is None
    ax = axes_for(ax, size=(5.0, 4.8))

    ax.plot([0, 1], [0, 1], color=NO_SKILL, ls=(0, (1, 2)), lw=1.2, zorder=1)
    ax.annotate(
        "as sure as it should be",
        xy=(0.03, 0.03),
        xytext=(3, 8),
        textcoords="offset points",
        rotation=45,
        rotation_mode="anchor",
        transform_rotates_text=True,
        fontsize="small",
        color=NO_SKILL,
    )
    table = comparison.reliability
    for model, colour, marker in zip(shown, roles.colours_of(shown), _MARKERS, strict=False):
        bins, name = table[table["model"] == model], roles.label_of(model)
        _draw(ax, bins, name, colour, marker, n_labelled, out=model in roles.excluded)
    ax.set(xlim=(-0.02, 1.03), ylim=(-0.02, 1.03), aspect="equal")
    ax.set_xlabel("probability of the predicted class")
    ax.set_ylabel("share of these cells that are of it")
    legend = ax.legend(
        frameon=False, labelcolor=INK, fontsize="small", loc="upper left", handletextpad=0.3
    )
    for handle in legend.legend_handles:
        cast("PathCollection", handle).set_sizes([45])
    quieten(ax, grid="y")
    write_notes(ax, comparison, own_figure=own_figure)
    return finish(ax, own_figure=own_figure, show=show, save=save)


def _draw(
    ax: Axes,
    bins: pd.DataFrame,
    name: str,
    colour: str,
    marker: str,
    n_labelled: int,
    *,
    out: bool,
) -> None:
    """Draw one model: a marker and an interval for each bin, hollow if it left the ranking."""
    import numpy as np

    sure, right = bins["confidence"].to_numpy(), bins["accuracy"].to_numpy()
    share = (bins["n_cells"] / bins["n_cells"].sum()).to_numpy()
    # repeats and seeds test a cell again: that is not more cells
    low, high = wilson(right, share * min(n_labelled, bins["n_cells"].sum()))
    error = float((share * np.abs(sure - right)).sum())
    ax.vlines(sure, low, high, color=colour, lw=1.2, alpha=0.45, zorder=2)
    ax.plot(sure, right, color=colour, lw=1, alpha=0.6, zorder=2, ls="dashed" if out else "solid")
    ax.scatter(
        sure,
        right,
        s=12 + _LARGEST * share,
        c="white" if out else colour,
        marker=marker,
        edgecolors=colour if out else "white",
        linewidths=1.4 if out else 0.8,
        label=f"{name} (ECE {error:.3f})",
        zorder=3,
    )


def wilson(share: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a share among `n`, also where it is 0 or 1."""
    import numpy as np

    z = 1.959964
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return centre - reach, centre + reach
