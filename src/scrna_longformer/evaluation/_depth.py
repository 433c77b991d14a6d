"""What expression values tell about sequencing depth, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from ..features._checked import CellTransformer, checked_values

if TYPE_CHECKING:
    from ..features._ranking import Matrix


_MOST_ODD = 0.05  # share of unscaled cells whose smallest count is not that of the others


class DepthFeatures(CellTransformer):
    """Logarithms of the total counts and of the number of detected genes of each cell.

    Log values no longer hold the totals, but they give them back: after scaling to a common total
    and log1p, a gene with a single count has the smallest value of its cell, ``log1p(s / total)``,
    so ``-log(expm1(smallest))`` is the log total up to a constant. Where (nearly) all training cells
    share that smallest value, nothing was scaled and ``log(sum(expm1(x)))`` is the total itself.

    Only genes seen in the training cells count. Standardised values carry no depth of their own,
    and for them these features mean little.
    """

    def fit(self, X: Matrix, y: Any = None) -> Self:
        """Learn which genes occur in the training cells, and how totals can be read from them."""
        X = checked_values(self, X, fitting=True)
        rows = _positive(X)
        self.seen_ = np.bincount(rows.indices, minlength=X.shape[1]) > 0
        smallest = _smallest(rows)[np.diff(rows.indptr) > 0]
        middle = np.median(smallest) if len(smallest) else 0.0
        is_odd = np.abs(smallest - middle) > 1e-4
        # a cell without any single count is odd by itself; scaling sets all cells apart
        self.was_scaled_ = bool(is_odd.sum() > _MOST_ODD * len(smallest))
        return self

    def transform(self, X: Matrix) -> np.ndarray:
        """Return cells x 2: log total counts (up to a constant) and log detected genes."""
        check_is_fitted(self)
        rows = _positive(checked_values(self, X)[:, self.seen_])
        detected = np.diff(rows.indptr)
        if self.was_scaled_:
            log_total = -np.log(np.expm1(_smallest(rows)))
        else:
            linear = sparse.csr_array(
                (np.expm1(rows.data), rows.indices, rows.indptr), shape=rows.shape
            )
            log_total = np.log1p(np.asarray(linear.sum(axis=1)).ravel())
        return np.column_stack([log_total, np.log1p(detected)])


def _positive(X: Matrix) -> Matrix:
    """Return the positive values as float64 CSR, sharing nothing with ``X``."""
    rows = sparse.csr_array(X, dtype=np.float64, copy=True)
    rows.sum_duplicates()
    rows.data[rows.data < 0] = 0.0
    rows.eliminate_zeros()
    return rows


def _smallest(rows: Matrix) -> np.ndarray:
    """Smallest stored value of each row; 1 for an empty one."""
    filled = np.diff(rows.indptr) > 0
    smallest = np.ones(rows.shape[0])
    if filled.any():
        smallest[filled] = np.minimum.reduceat(rows.data, rows.indptr[:-1][filled])
    return smallest
