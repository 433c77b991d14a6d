"""What all plots share: colours, axes to draw on, and how a figure is shown or saved."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from matplotlib.axes import Axes

# Colours that people with colour-blind eyes tell apart (Okabe and Ito, 2008). One meaning each:
# the transformer is orange in every figure, simple models are blue, grey needs no skill.
LONGFORMER = "#D55E00"
SIMPLE = "#0072B2"
NO_SKILL = "#767676"
INK = "#333333"
FAINT = "#D9D9D9"
WARNING = "#B3001B"
# several of a kind differ in lightness
BLUES = (SIMPLE, "#56B4E9", "#003F6B", "#7F9FBF", "#2E8BC0")
ORANGES = (LONGFORMER, "#E69F00", "#8C3B00")
GREYS = (NO_SKILL, "#A6A6A6", "#4D4D4D")


def axes_for(ax: Axes | None, *, size: tuple[float, float]) -> Axes:
    """Return `ax`, or the axes of a new figure of `size` inches."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax


def quieten(ax: Axes, *, grid: Literal["x", "y"] | None = None) -> None:
    """Keep the two axis lines that carry a scale; draw a faint grid behind the data."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(NO_SKILL)
    ax.tick_params(colors=INK)
    if grid is not None:
        ax.grid(axis=grid, color=FAINT, linewidth=0.6)
        ax.set_axisbelow(True)


def finish(ax: Axes, *, own_figure: bool, show: bool | None, save: str | Path | None) -> Axes:
    """Save and show the figure as the caller asked, and return the axes."""
    if save is not None:
        root = ax.figure.figure  # of a subfigure too
        root.savefig(save, dpi=150, bbox_inches="tight", facecolor="white")
    if autoshow(own_figure) if show is None else show:
        from matplotlib import pyplot as plt

        plt.show()
    return ax


def autoshow(own_figure: bool) -> bool:  # noqa: FBT001
    """Whether to show by default: as Scanpy's settings say, but never someone else's figure."""
    scanpy = sys.modules.get("scanpy")  # who never imported it cannot have changed its default
    return own_figure and (scanpy is None or bool(scanpy.settings.autoshow))


def spread(positions: Sequence[float], *, gap: float, low: float, high: float) -> np.ndarray:
    """Move ascending label positions apart: neighbours at least `gap` from each other.

    The result is the nearest (in squares) to where the labels want to be, inside [`low`, `high`]
    where there is room.
    """
    import numpy as np
    from scipy.optimize import isotonic_regression

    if not len(positions):
        return np.empty(0)
    gap = min(gap, (high - low) / max(len(positions) - 1, 1))
    steps = gap * np.arange(len(positions))
    moved = isotonic_regression(np.asarray(positions, dtype=float) - steps).x
    return np.clip(moved, low, high - steps[-1]) + steps
