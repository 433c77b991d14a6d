"""Rows that are computed once, where there is room for them."""

from __future__ import annotations

import numpy as np

from ._moments import Cells, moments

ROOM = 2**24  # numbers: 64 MB


class ResidentCells:
    """A view of cells whose rows stand ready in memory.

    Parameters
    ----------
    values
        ``(cells, n_tokens)`` float32.

    Examples
    --------
    >>> ResidentCells(np.eye(3, dtype="f4")).rows(np.array([2]))
    array([[0., 0., 1.]], dtype=float32)
    """

    def __init__(self, values: np.ndarray) -> None:
        self._values = values
        self.n_tokens = values.shape[1]

    def __len__(self) -> int:
        return len(self._values)

    def rows(self, index: np.ndarray) -> np.ndarray:
        """Return ``(len(index), n_tokens)`` float32 values of these cells."""
        return self._values[index]

    def moments(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each token over these cells, both ``(n_tokens,)`` float32."""
        return moments(self, index)


def resident(cells: Cells) -> Cells:
    """Compute the rows of all cells now, if they are few enough; else return the view as it is.

    Training reads every row some hundred times, and making one takes longer than a small layer.
    """
    if len(cells) * cells.n_tokens > ROOM:
        return cells
    return ResidentCells(cells.rows(np.arange(len(cells))))
