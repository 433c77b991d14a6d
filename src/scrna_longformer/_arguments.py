"""Checks of arguments that calls of several packages share."""

from __future__ import annotations

from numbers import Integral
from typing import Any

LARGEST_SEED = 2**32 - 1  # scikit-learn's


def check_random_state(random_state: Any, *, caller: str) -> int:
    """Return a seed as Python's integer, or raise unless it is one that every library takes.

    Raises
    ------
    ValueError
        It is no integer, negative, or too large.

    Examples
    --------
    >>> check_random_state(-1, caller="fit")
    Traceback (most recent call last):
    ...
    ValueError: fit: `random_state` must be an integer from 0 to 4294967295, not -1: ...
    """
    if not isinstance(random_state, Integral) or not 0 <= int(random_state) <= LARGEST_SEED:
        msg = (
            f"{caller}: `random_state` must be an integer from 0 to {LARGEST_SEED}, not "
            f"{random_state!r}: the same one gives the same result."
        )
        raise ValueError(msg)
    return int(random_state)


def check_key_added(key_added: Any, *, caller: str) -> None:
    """Raise unless slots of this name can be written to a file and read again.

    Raises
    ------
    TypeError
        It is no text.
    ValueError
        It is empty, or has a ``/``.
    """
    if not isinstance(key_added, str):
        msg = f"{caller}: `key_added` must be text, not {key_added!r}."
        raise TypeError(msg)
    if not key_added or "/" in key_added:
        msg = (
            f"{caller}: `key_added`={key_added!r} cannot name slots: in h5ad and zarr a '/' begins a "
            "folder, and the file could not be read again."
        )
        raise ValueError(msg)
