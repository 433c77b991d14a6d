"""Totals of log-normalised cells: what they add up to, and the same cells at another total."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ._ranking import Matrix, is_sparse


def cell_totals(X: Matrix) -> np.ndarray:
    """Sum of each cell's ``expm1(X)``, ``(cells,)`` float64: the total that it was scaled to.

    Examples
    --------
    >>> cell_totals(np.log1p(np.array([[3.0, 1.0], [0.0, 0.0]])))
    array([4., 0.])
    """
    if is_sparse(X):
        linear = sparse.csr_array(X, dtype=np.float64)
        linear.data = np.expm1(linear.data)
        return np.asarray(linear.sum(axis=1))
    return np.expm1(np.asarray(X, dtype=np.float64)).sum(axis=1)


def at_totals(X: Matrix, total: float) -> Matrix:
    """Log values of the same cells, float32, scaled anew so that each adds up to `total`.

    Cells without any molecule stay as they are.

    Examples
    --------
    >>> np.expm1(at_totals(np.log1p(np.array([[3.0, 1.0]])), 8.0)).round(3)
    array([[6., 2.]], dtype=float32)
    """
    totals = cell_totals(X)
    factor = np.divide(total, totals, out=np.ones_like(totals), where=totals > 0)
    if is_sparse(X):
        scaled = sparse.csr_matrix(X, dtype=np.float64, copy=True)
        per_value = np.repeat(factor, np.diff(scaled.indptr))
        scaled.data = np.log1p(np.expm1(scaled.data) * per_value)
        return scaled.astype(np.float32)
    values = np.asarray(X)
    return np.log1p(np.expm1(values.astype(np.float64)) * factor[:, None]).astype(np.float32)
