"""Names of classes and contestants as they are drawn: short enough, and never as mathematics."""

from __future__ import annotations

LONGEST = 30  # characters; longer names leave no room for the axes
_END = 11  # of them from the end, where names that begin alike differ


def plain(name: str) -> str:
    r"""Shorten a long name in its middle, and keep Matplotlib from reading dollars as mathematics.

    Examples
    --------
    >>> plain("cost $5 to $6")
    'cost \\$5 to \\$6'
    >>> plain("CD4-positive, alpha-beta memory T cell")
    'CD4-positive, alph…mory T cell'
    """
    if len(name) > LONGEST:
        name = f"{name[: LONGEST - _END - 1]}\N{HORIZONTAL ELLIPSIS}{name[-_END:]}"
    return name.replace("$", r"\$")
