"""Names beside points, none on top of another."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

_RING = (9, 15, 24, 36, 50)  # distances from the point to try, in points
_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.8, 0.6), (-0.8, 0.6), (0.8, -0.6), (-0.8, -0.6))
_MARKER = 6  # half the size of a marker


def label_points(
    ax: Axes,
    points: np.ndarray,
    names: Sequence[str],
    colours: Sequence[str],
    *,
    path: np.ndarray | None = None,
) -> None:
    """Write each name at the first free place around its point, with a line if it is not next to it.

    Places are tried outwards; a place is free if the text covers no point, no other name, not the
    horizontal and vertical pieces of `path` (its corners in data coordinates), and stays inside the
    axes. Where there is none, the name is left out of the collision test rather than of
    the figure. To be called last: it measures the figure as it is laid out.
    """
    import numpy as np
    from matplotlib.transforms import Bbox

    figure = ax.figure.figure
    figure.draw_without_rendering()
    scale = figure.dpi / 72
    at = ax.transData.transform(points)
    reach = _MARKER * scale
    taken = [Bbox([p - reach, p + reach]) for p in at]
    if path is not None and len(path):
        corners = ax.transData.transform(path)
        taken += [
            Bbox([np.minimum(a, b) - scale, np.maximum(a, b) + scale])
            for a, b in itertools.pairwise(corners)
        ]
    inside = ax.get_window_extent()
    for point, place, name, colour in zip(points, at, names, colours, strict=True):
        text = ax.annotate(
            name,
            point,
            (0, 0),
            textcoords="offset points",
            va="bottom",
            fontsize="small",
            color=colour,
        )
        box = text.get_window_extent()
        size = (box.width / scale, box.height / scale)
        offset = _free_place(place, size, taken, inside, scale)
        text.set_position(offset)
        if _far(offset, size):
            _leader(ax, point, offset, size, colour)
        taken.append(_box(place, offset, size, scale))


def _free_place(
    place: np.ndarray,
    size: tuple[float, float],
    taken: list[Bbox],
    inside: Bbox,
    scale: float,
) -> tuple[float, float]:
    """Offset of the lower left corner, in points."""
    width, height = size
    for distance in _RING:
        for x, y in _DIRECTIONS:
            offset = (
                x * distance - width * (0 if x > 0 else 1 if x < 0 else 0.5),
                y * distance - height * (0.5 if y == 0 else 0 if y > 0 else 1),
            )
            box = _box(place, offset, size, scale)
            fits = (
                inside.x0 <= box.x0
                and box.x1 <= inside.x1
                and inside.y0 <= box.y0
                and box.y1 <= inside.y1
            )
            if fits and not box.count_overlaps(taken):
                return offset
    return _RING[0], -height / 2


def _box(
    place: np.ndarray, offset: tuple[float, float], size: tuple[float, float], scale: float
) -> Bbox:
    from matplotlib.transforms import Bbox

    x, y = place[0] + offset[0] * scale, place[1] + offset[1] * scale
    return Bbox.from_bounds(x, y, size[0] * scale, size[1] * scale)


def _far(offset: tuple[float, float], size: tuple[float, float]) -> bool:
    """Whether the text begins farther from its point than the first ring."""
    nearest = [max(o, 0) if o > 0 else max(-(o + s), 0) for o, s in zip(offset, size, strict=True)]
    return max(nearest) > _RING[1]


def _leader(
    ax: Axes, point: np.ndarray, offset: tuple[float, float], size: tuple[float, float], colour: str
) -> None:
    """Draw a thin line from the point to the nearest edge of its name."""
    end = [min(max(0, o), o + s) if o < 0 else o for o, s in zip(offset, size, strict=True)]
    style = {
        "arrowstyle": "-",
        "color": colour,
        "lw": 0.6,
        "alpha": 0.6,
        "shrinkA": 0,
        "shrinkB": 3,
    }
    ax.annotate(
        "", (point[0], point[1]), (end[0], end[1]), textcoords="offset points", arrowprops=style
    )
