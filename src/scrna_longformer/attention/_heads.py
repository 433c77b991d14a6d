"""Packed, head-minor features: how ``qkv`` is laid out, said once."""

from __future__ import annotations

from numbers import Integral

import torch


def check_n_heads(n_heads: int) -> None:
    """Raise unless there is a whole number of heads, and at least one."""
    if not isinstance(n_heads, Integral) or n_heads < 1:
        msg = f"`n_heads` must be an integer of at least 1, not {n_heads!r}."
        raise ValueError(msg)


def split_heads(qkv: torch.Tensor, n_heads: int) -> tuple[torch.Tensor, ...]:
    """Return queries, keys and values, ``(cells, heads, tokens, d / heads)`` each.

    Feature ``f`` belongs to head ``f % n_heads``, so that the heads of a token
    lie side by side.
    """
    cells, tokens, width = qkv.shape
    parts = qkv.reshape(cells, tokens, 3, width // (3 * n_heads), n_heads)
    return parts.permute(2, 0, 4, 1, 3).unbind(0)


def merge_heads(x: torch.Tensor) -> torch.Tensor:
    """Return ``(cells, tokens, d)``, head-minor, from ``(cells, heads, tokens, d / heads)``."""
    cells, n_heads, tokens, head_width = x.shape
    return x.permute(0, 2, 3, 1).reshape(cells, tokens, n_heads * head_width)
