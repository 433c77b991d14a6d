"""Rows of an expression matrix as float32 batches of the model's genes."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from scipy import sparse

from ._moments import moments

Matrix = np.ndarray | sparse.csr_matrix


class CellMatrix:
    """Cells x tokens view of a cells x genes matrix; sparse ones stay sparse, batches are dense.

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
            self._values = sparse.csr_matrix(self._values)
            self._values.sum_duplicates()

    def __len__(self) -> int:
        return self.n_cells

    def rows(self, index: np.ndarray) -> np.ndarray:
        """Return ``(len(index), n_tokens)`` float32 values of these cells."""
        if sparse.issparse(self._values):
            csr: Any = self._values
            block = np.zeros((len(index), len(self._present)), np.float32)
            _write_rows(csr.indptr, csr.indices, csr.data, np.asarray(index), block)
        else:
            block = self._values[index]
        if len(self._present) == self.n_tokens:
            return block
        assert self._fill is not None
        out = np.tile(self._fill, (len(index), 1))
        out[:, self._present] = block
        return out

    def moments(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each token over these cells, both ``(n_tokens,)`` float32."""
        return moments(self, index)


@numba.njit(cache=True, nogil=True)
def _write_rows(indptr, indices, data, index, out):  # type: ignore[no-untyped-def]
    """Write these rows of a CSR matrix into a matrix of zeros."""
    for i, row in enumerate(index):
        for e in range(indptr[row], indptr[row + 1]):
            out[i, indices[e]] = data[e]
