"""Means and standard deviations of tokens, and what all kinds of cells have in common."""

from __future__ import annotations

from typing import Protocol

import numpy as np

BLOCK = 2**20  # numbers that are dense at a time


class Cells(Protocol):
    """Cells whose token values are read in batches."""

    n_tokens: int

    def __len__(self) -> int:
        """Return the number of cells."""

    def rows(self, index: np.ndarray) -> np.ndarray:
        """Return ``(len(index), n_tokens)`` float32 values of these cells."""

    def moments(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each token over these cells."""


def moments(cells: Cells, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each token over these cells, both ``(n_tokens,)`` float32.

    Summed in float64, block by block, so that the result does not depend on how values are stored.
    """
    total, squares = np.zeros(cells.n_tokens), np.zeros(cells.n_tokens)
    size = max(1, BLOCK // max(cells.n_tokens, 1))
    for start in range(0, len(index), size):
        block = cells.rows(index[start : start + size]).astype(np.float64)
        total += block.sum(axis=0)
        squares += np.square(block).sum(axis=0)
    mean = total / len(index)
    variance = np.maximum(squares / len(index) - mean**2, 0)
    variance[variance < 1e-12 * np.maximum(mean**2, 1)] = 0  # rounding of a constant gene
    return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)
