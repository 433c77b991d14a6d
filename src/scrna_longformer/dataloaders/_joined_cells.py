"""Two views of the same cells, side by side."""

from __future__ import annotations

import numpy as np

from ._moments import Cells


class JoinedCells:
    """The columns of one view of the cells, then those of another.

    Parameters
    ----------
    first, second
        Views of the same cells.

    Examples
    --------
    >>> from scrna_longformer.dataloaders._cells import CellMatrix
    >>> X = np.eye(2, dtype="f4")
    >>> cells = JoinedCells(CellMatrix(X, np.array([0])), CellMatrix(X, np.array([1, 0])))
    >>> cells.rows(np.array([1]))
    array([[0., 1., 0.]], dtype=float32)
    """

    def __init__(self, first: Cells, second: Cells) -> None:
        self._views = first, second
        self.n_tokens = first.n_tokens + second.n_tokens

    def __len__(self) -> int:
        return len(self._views[0])

    def rows(self, index: np.ndarray) -> np.ndarray:
        """Return ``(len(index), n_tokens)`` float32 values of these cells."""
        return np.hstack([view.rows(index) for view in self._views])

    def moments(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each column over these cells, both ``(n_tokens,)``."""
        mean, sd = zip(*(view.moments(index) for view in self._views), strict=True)
        return np.concatenate(mean), np.concatenate(sd)
