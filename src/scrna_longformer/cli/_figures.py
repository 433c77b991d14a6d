"""The figure of the demo that is not one of ``sl.pl``: two embeddings side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

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

    figure, axes = plt.subplots(
        *(1, len(panels)), figsize=(4.4 * len(panels), 4.6), layout="constrained", squeeze=False
    )
    for ax, (title, slot) in zip(axes[0], panels.items(), strict=True):
        names = draw_embedding(ax, adata.obsm[slot], adata.obs[key], held_out)
        ax.set_title(title, loc="left", fontsize="medium")
    columns = 3 if max(map(len, names)) > 16 else 5
    figure.legend(
        *_legend(names),
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize="small",
    )
    figure.savefig(save, dpi=130, facecolor="white")
    plt.close(figure)


def draw_embedding(
    ax: Axes, points: np.ndarray, labels: pd.Series, held_out: np.ndarray
) -> list[str]:
    """Draw cells in two dimensions and return the names of the classes, in the colours' order.

    Small pale dots are cells that the model was fitted on, ringed dots cells that it never saw,
    grey dots cells without a label.
    """
    labels = labels.astype("category")
    names = [str(name) for name in labels.cat.categories]
    codes = labels.cat.codes.to_numpy()
    for i in range(len(names)):
        colour, marker = _colour(i), _marker(i)
        x, y = points[(codes == i) & ~held_out].T
        ax.scatter(x, y, s=9, c=colour, marker=marker, alpha=0.45, linewidths=0)
        x, y = points[(codes == i) & held_out].T
        ax.scatter(x, y, s=26, c=colour, marker=marker, edgecolors="black", linewidths=0.7)
    x, y = points[codes < 0].T
    ax.scatter(x, y, s=6, c="#C8C8C8", linewidths=0, zorder=0)
    ax.set(xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color("#767676")
    return names


def _colour(i: int) -> str:
    return CLASS_COLOURS[i % len(CLASS_COLOURS)]


def _marker(i: int) -> str:
    """Classes beyond the colours get the same colours with another shape."""
    return MARKERS[i // len(CLASS_COLOURS) % len(MARKERS)]


def _legend(names: list[str]) -> tuple[list[Line2D], list[str]]:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], ls="", ms=6, marker=_marker(i), color=_colour(i)) for i in range(len(names))
    ]
    ring = Line2D([], [], ls="", ms=6, marker="o", mfc="white", mec="black", mew=0.8)
    return [*handles, ring], [*names, "held-out cells"]
