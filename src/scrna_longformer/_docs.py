"""Parts of docstrings that many functions share, written once."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable")

AX_SHOW_SAVE = """\
ax
    Axes to draw on; a new figure by default.
show
    Whether to show the figure. By default as ``scanpy.settings.autoshow`` says, and never if
    `ax` is given.
save
    File to write the figure to; its ending chooses the format."""

RETURNS_AXES = """\
Axes
    The axes, also when the figure was shown."""

COMPARISON_KEY = """\
key
    Which comparison: the `key_added` of ``baseline_compare``."""

_PARTS = {
    "{ax_show_save}": AX_SHOW_SAVE,
    "{returns_axes}": RETURNS_AXES,
    "{comparison_key}": COMPARISON_KEY,
}


def with_shared_parts(function: F) -> F:
    """Replace ``{ax_show_save}`` and the like, each alone on its line, in the docstring."""
    text = inspect.getdoc(function)
    if text is not None:  # python -OO has none
        for name, part in _PARTS.items():
            text = text.replace(name, part)
        function.__doc__ = text
    return function
