"""A view of cells whose values are mapped, gene by gene."""

from __future__ import annotations

import numpy as np

from ..features._depth import AffineMap
from ._moments import Cells, moments


class MappedCells:
    """The values of another view of the cells, each gene scaled and shifted.

    Parameters
    ----------
    cells
        The other view.
    to
        The map.
    genes
        Which gene of the map each column of the view is.

    Examples
    --------
    >>> from scrna_longformer.dataloaders._cells import CellMatrix
    >>> cells = CellMatrix(np.eye(2, dtype="f4"), np.arange(2))
    >>> to = AffineMap(np.array([2.0, 1.0], "f4"), np.array([0.0, 5.0], "f4"))
    >>> MappedCells(cells, to, np.array([1, 0])).rows(np.array([0]))
    array([[6., 0.]], dtype=float32)
    """

    def __init__(self, cells: Cells, to: AffineMap, genes: np.ndarray) -> None:
        self._cells, self._to, self._genes = cells, to, genes
        self.n_tokens = cells.n_tokens

    def __len__(self) -> int:
        return len(self._cells)

    def rows(self, index: np.ndarray) -> np.ndarray:
        """Return ``(len(index), n_tokens)`` float32 values of these cells."""
        return self._to(self._cells.rows(index), self._genes)

    def moments(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each token over these cells, both ``(n_tokens,)`` float32."""
        return moments(self, index)
