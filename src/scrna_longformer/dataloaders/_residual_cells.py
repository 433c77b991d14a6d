"""Rows of Pearson residuals as float32 batches of the model's genes."""

from __future__ import annotations

import numpy as np

from ..features._counts import recover_counts
from ..features._residuals import pearson_residuals
from ._cells import Matrix
from ._moments import moments


class ResidualCells:
    """Cells x tokens view of the Pearson residuals behind a matrix of log values.

    Residuals are computed batch by batch from counts, which are found once and kept sparse.

    Parameters
    ----------
    X
        Cells x genes log values, dense or CSR.
    columns
        Column of `X` for each gene of the vocabulary; -1 for a gene that `X` does not have.
    tokens
        Positions of the tokens in the vocabulary.
    share
        Share of each gene of the vocabulary in its counts, in the training cells.

    Notes
    -----
    A cell's total is taken over the vocabulary, and extended to genes that are absent by their
    share. The residual of an absent gene is 0, its expectation.

    Examples
    --------
    >>> X = np.log1p(np.array([[4.0, 1.0], [1.0, 4.0]]))
    >>> both = np.array([0, 1])
    >>> ResidualCells(X, both, both, np.array([0.5, 0.5])).rows(np.array([1])).round(2)
    array([[-0.94,  0.94]], dtype=float32)
    """

    def __init__(
        self,
        X: Matrix,
        columns: np.ndarray,
        tokens: np.ndarray,
        share: np.ndarray,
        fill: np.ndarray | None = None,
    ) -> None:
        columns, tokens, share = (np.asarray(part) for part in (columns, tokens, share))
        is_present = columns >= 0
        # few cells, or few genes, are no ground to judge on: the caller has
        counts = recover_counts(X[:, columns[is_present]], most_wrong=1)
        self.n_cells, self.n_tokens = X.shape[0], len(tokens)
        self._fill = np.zeros(len(tokens), dtype=np.float32) if fill is None else fill
        self._totals = counts.sum(axis=1, dtype=np.float64) / share[is_present].sum()
        self._present = np.flatnonzero(is_present[tokens])
        found = tokens[self._present]
        self._share = share[found]
        self._counts = counts[:, (np.cumsum(is_present) - 1)[found]]

    def __len__(self) -> int:
        return self.n_cells

    def rows(self, index: np.ndarray) -> np.ndarray:
        """Return ``(len(index), n_tokens)`` float32 residuals of these cells."""
        residuals = pearson_residuals(
            self._counts[index].toarray(), self._share, totals=self._totals[index]
        )
        if len(self._present) == self.n_tokens:
            return residuals
        out = np.repeat(self._fill[None], len(index), axis=0)
        out[:, self._present] = residuals
        return out

    def moments(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each token over these cells, both ``(n_tokens,)`` float32."""
        return moments(self, index)
