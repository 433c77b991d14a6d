"""From the tokens of a cell to one vector."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def sum_pool(h: Tensor) -> Tensor:
    """Sum over genes, divided by the square root of their number.

    Independent tokens then give a vector of the same scale for any number of genes, and no
    normalisation follows that would take the cell's magnitude away.
    """
    return h.sum(dim=1) / h.shape[1] ** 0.5


def mean_pool(h: Tensor) -> Tensor:
    """Mean over genes."""
    return h.mean(dim=1)


POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {"sum": sum_pool, "mean": mean_pool}
