"""What the checks found, on the figure itself: a figure travels without its record."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any, cast

from ._canvas import INK, WARNING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Affine2DBase

    from ..get import BaselineComparison

_GAP = 6.0  # points between a note and what is next to it
_LINE = 1.35  # height of a line in units of its letters
_LETTER = 0.65  # width of a letter in the same units
_MARGIN = 0.012  # of the figure, left of a note
_CIRCULAR = {
    "yes": "Labels are clusters of this matrix: says nothing about cell types.",
    "suspected": "Labels may be clusters of this matrix: it would then say nothing about cell types.",
}
_PREDICTED = "Labels were predicted from this matrix: says nothing about cell types."


def write_notes(ax: Axes, comparison: BaselineComparison, *, own_figure: bool) -> None:
    """Write above the plot that nobody wins, and below it what the ranking does not show.

    To be called when the axes have their labels and legend, because it measures what is there.
    """
    warning: dict[str, Any] = {"color": WARNING, "size": _points("medium"), "weight": "bold"}
    remark: dict[str, Any] = {"color": INK, "size": _points("small"), "style": "italic"}
    write = _of_figure if own_figure else _of_axes
    if text := no_winner(comparison):
        write(ax, text, warning, above=True)
    if text := not_shown(comparison):
        write(ax, text, remark, above=False)


def no_winner(comparison: BaselineComparison) -> str:
    """Name the checks that forbid to name a winner; empty if none does."""
    if not comparison.void:
        return ""
    faults = comparison.faults
    names = dict.fromkeys(faults.loc[faults["severity"] == "void", "check"].astype(str))
    return f"No winner: {', '.join(name.replace('_', ' ') for name in names)}"


def not_shown(comparison: BaselineComparison) -> str:
    """Say what circular labels, or a comparison without checks, do not show; empty otherwise."""
    if not len(comparison.checks):
        return "Interrupted: no check has looked at these scores."
    if comparison.circular == "yes" and _basis(comparison) == "model":
        return _PREDICTED
    return _CIRCULAR.get(comparison.circular, "")


def _basis(comparison: BaselineComparison) -> str:
    """What the answer of the check for circular labels rests on."""
    faults = comparison.faults
    evidence = faults.loc[faults["check"] == "circular", "evidence"]
    return str(json.loads(evidence.iloc[0]).get("basis", "")) if len(evidence) else ""


def _of_figure(ax: Axes, text: str, style: dict[str, Any], *, above: bool) -> None:
    """Write over the whole width of a figure of our own, and make it so much higher."""
    figure = ax.figure.figure
    text, height = _wrapped(text, 72 * figure.get_figwidth(), style["size"])
    (figure.suptitle if above else figure.supxlabel)(text, x=_MARGIN, ha="left", **style)
    figure.set_figheight(figure.get_figheight() + (height + _GAP) / 72)


def _of_axes(ax: Axes, text: str, style: dict[str, Any], *, above: bool) -> None:
    """Write in axes of their own above or below axes that were given.

    Titles keep clear of such axes: one that is set later can neither replace the warning nor cover it.
    The layout sees the height of these axes, but not the text, for whose width it would make the plot
    narrower, and then wider than that the text again.
    """
    from matplotlib.transforms import Affine2D, ScaledTranslation

    ax.figure.figure.draw_without_rendering()
    unit = ax.figure.figure.dpi / 72
    text, height = _wrapped(text, ax.bbox.width / unit, style["size"])
    taken = (_highest(ax) - ax.bbox.y1 if above else ax.bbox.y0 - _lowest(ax)) / unit + _GAP
    bounds = (0, taken, 1, height) if above else (0, -taken - height, 1, height)
    points = Affine2D().scale(1 / 72) + ax.figure.dpi_scale_trans
    axes = cast("Affine2DBase", ax.transAxes)
    corner = ScaledTranslation(0, 1 if above else 0, axes)
    place = ax.inset_axes(bounds, transform=points + corner)
    place.set_axis_off()
    place.text(0, 1, text, transform=place.transAxes, va="top", in_layout=False, **style)


def _highest(ax: Axes) -> float:
    legend = ax.get_legend()
    return ax.bbox.y1 if legend is None else max(ax.bbox.y1, legend.get_window_extent().y1)


def _lowest(ax: Axes) -> float:
    labels = ax.xaxis.get_tightbbox()
    return ax.bbox.y0 if labels is None else min(ax.bbox.y0, labels.y0)


def _wrapped(text: str, width: float, size: float) -> tuple[str, float]:
    """Break a text into lines of at most `width` points; also their height."""
    lines = textwrap.wrap(text, max(20, int(width / (_LETTER * size))))
    return "\n".join(lines), _LINE * size * len(lines)


def _points(size: str) -> float:
    from matplotlib.font_manager import FontProperties

    return float(FontProperties(size=size).get_size_in_points())
