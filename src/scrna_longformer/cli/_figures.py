"""The figure of the demo that is not one of ``sl.pl``: two embeddings side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from anndata import AnnData
    from matplotlib.axes import Axes

# After Okabe and Ito come colours of Paul Tol's sets; black is kept for the rings.
CLASS_COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#B8A900"),
    *("#332288", "#44AA99", "#8C8C8C", "#117733", "#AA4499", "#88CCEE", "#661100", "#DDCC77"),
)
MARKERS = ("o", "s", "^", "D")


def embeddings(
    adata: AnnData, panels: dict[str, str], *, key: str, held_out: np.ndarray, save: Path
) -> None:
    """Draw one panel per title and `obsm` key, coloured by class; held-out cells are ringed."""
    from matplotlib import pyplot as plt

    labels = adata.obs[key].astype("category")
    names = labels.cat.categories.astype(str)
    figure, axes = plt.subplots(
        *(1, len(panels)), figsize=(4.4 * len(panels), 4.6), layout="constrained", squeeze=False
    )
    for ax, (title, slot) in zip(axes[0], panels.items(), strict=True):
        _scatter(ax, adata.obsm[slot], labels.cat.codes.to_numpy(), len(names), held_out)
        ax.set_title(title, loc="left", fontsize="medium")
    columns = 3 if max(map(len, names)) > 16 else 5
    figure.legend(
        *_legend(names), loc="outside lower center", ncols=columns, frameon=False, fontsize="small"
    )
    figure.savefig(save, dpi=130, facecolor="white")
    plt.close(figure)


def _scatter(
    ax: Axes, points: np.ndarray, codes: np.ndarray, n_classes: int, held_out: np.ndarray
) -> None:
    """Small pale dots for cells the model was fitted on, ringed dots for cells it never saw."""
    for i in range(n_classes):
        colour, marker = CLASS_COLOURS[i % len(CLASS_COLOURS)], MARKERS[i // len(CLASS_COLOURS) % 4]
        seen, unseen = (codes == i) & ~held_out, (codes == i) & held_out
        x, y = points[seen].T
        ax.scatter(x, y, s=9, c=colour, marker=marker, alpha=0.45, linewidths=0)
        x, y = points[unseen].T
        ax.scatter(x, y, s=26, c=colour, marker=marker, edgecolors="black", linewidths=0.7)
    missing = codes < 0
    x, y = points[missing].T
    ax.scatter(x, y, s=6, c="#C8C8C8", linewidths=0, zorder=0)
    ax.set(xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color("#767676")


def _legend(names: list[str]) -> tuple[list, list[str]]:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], ls="", ms=6, marker=MARKERS[i // len(CLASS_COLOURS) % 4], color=colour)
        for i in range(len(names))
        for colour in [CLASS_COLOURS[i % len(CLASS_COLOURS)]]
    ]
    ring = Line2D([], [], ls="", ms=6, marker="o", mfc="white", mec="black", mew=0.8)
    return [*handles, ring], [*names, "held-out cells"]
