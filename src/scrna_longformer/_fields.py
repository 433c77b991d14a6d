"""Fields of a frozen record that refuse what they cannot be."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def require_number(record: object, name: str, what: str, holds: Callable[[Any], bool]) -> None:
    """Refuse a field of `record` that is no number, or not one of those wanted (NaN never is).

    Raises
    ------
    ValueError
        Naming the field, its value, and `what` it must be or do.
    """
    value = getattr(record, name)
    if not isinstance(value, Real) or not holds(value):
        msg = f"`{name}` must {what}, not {value!r}."
        raise ValueError(msg)
