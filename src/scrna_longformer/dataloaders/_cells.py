"""Rows of an expression matrix as float32 batches of the model's genes."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ._moments import moments

# Dense copies up to this size are made once; larger sparse matrices are densified batch by batch.
RESIDENT_BYTES = 2**30

Matrix = np.ndarray | sparse.csr_matrix


class CellMatrix:
    """Cells x tokens view of a cells x genes matrix.

    Parameters
    ----------
    X
        Cells x genes, dense or CSR.
    columns
        Column of `X` for each token, shape ``(n_tokens,)``; -1 for a gene that `X` does not have.
    fill
        Value of the tokens that `X` does not have (their training mean), shape ``(n_tokens,)``.

    Examples
    --------
    >>> cells = CellMatrix(np.eye(3, dtype="f4"), np.array([2, -1]), np.array([0.0, 7.0], "f4"))
    >>> cells.rows(np.array([2, 0]))
    array([[1., 7.],
           [0., 7.]], dtype=float32)
    """

    def __init__(self, X: Matrix, columns: np.ndarray, fill: np.ndarray | None = None) -> None:
        columns = np.asarray(columns)
        self.n_cells, self.n_tokens = X.shape[0], len(columns)
        self._present = np.flatnonzero(columns >= 0)
        if fill is None and len(self._present) < self.n_tokens:
            msg = "`fill` is needed where `columns` has missing genes."
            raise ValueError(msg)
        self._fill = None if fill is None else np.asarray(fill, dtype=np.float32)
        # always copies, so that training never depends on what the caller does to `X` meanwhile
        self._values: Any = X[:, columns[self._present]].astype(np.float32)
        if sparse.issparse(X):
            csr = sparse.csr_matrix(self._values)
            small = csr.shape[0] * csr.shape[1] * 4 <= RESIDENT_BYTES
            self._values = csr.toarray() if small else csr

    def __len__(self) -> int:
        return self.n_cells

    def rows(self, index: np.ndarray) -> np.ndarray:
        """Return ``(len(index), n_tokens)`` float32 values of these cells."""
        rows: Any = self._values[index]
        block: np.ndarray = rows.toarray() if isinstance(rows, sparse.csr_matrix) else rows
        if len(self._present) == self.n_tokens:
            return block
        assert self._fill is not None
        out = np.tile(self._fill, (len(index), 1))
        out[:, self._present] = block
        return out

    def moments(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each token over these cells, both ``(n_tokens,)`` float32."""
        return moments(self, index)
