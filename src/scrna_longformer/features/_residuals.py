"""Analytic Pearson residuals of the counts, with everything learned on the training cells."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ._counts import recover_counts
from ._ranking import Matrix

_BLOCK = 512  # genes made dense at a time while ranking


class PearsonResiduals(TransformerMixin, BaseEstimator):
    """Pearson residuals of the counts behind log values, for the genes where they vary most.

    The null model is that every cell has the same composition: the expected count of a gene is the
    cell's total times the gene's share of all training counts, with a negative binomial variance.
    Both the shares and the choice of genes come from the fitted cells alone. Totals are taken over
    the chosen genes, so that nothing outside of them is needed, or matters, later.

    Parameters
    ----------
    n_genes
        Number of genes to keep, by the variance of their residuals in the fitted cells. All if
        there are fewer.
    theta
        Inverse overdispersion of the negative binomial.
    clip
        Largest absolute residual.

    Attributes
    ----------
    genes_
        Columns that are kept, ascending.
    share_
        Share of each kept gene in the kept counts of the fitted cells; sums to 1.
    n_features_in_
        Number of genes of the matrix it was fitted on.

    References
    ----------
    Lause, Berens and Kobak (2021). Analytic Pearson residuals for normalization of single-cell
    RNA-seq UMI data. Genome Biology 22, 258.

    Examples
    --------
    >>> counts = np.array([[4.0, 1.0], [1.0, 4.0]])
    >>> PearsonResiduals().fit_transform(np.log1p(counts)).round(2)
    array([[ 0.94, -0.94],
           [-0.94,  0.94]], dtype=float32)
    """

    def __init__(self, n_genes: int = 3000, theta: float = 100.0, clip: float = 10.0) -> None:
        self.n_genes = n_genes
        self.theta = theta
        self.clip = clip

    def fit(self, X: Matrix, y: object = None) -> Self:
        """Choose genes and learn their shares from cells x genes log values; ``y`` is ignored."""
        self._learn(recover_counts(X))
        return self

    def transform(self, X: Matrix) -> np.ndarray:
        """Return the residuals of the kept genes, cells x genes, dense float32."""
        check_is_fitted(self)
        if X.shape[1] != self.n_features_in_:
            msg = f"`X` has {X.shape[1]} genes, but it was fitted on {self.n_features_in_}."
            raise ValueError(msg)
        counts = recover_counts(X[:, self.genes_])  # no other gene has a say
        return pearson_residuals(counts.toarray(), self.share_, theta=self.theta, clip=self.clip)

    def _learn(self, counts: sparse.csr_array) -> None:
        self.n_features_in_ = counts.shape[1]
        sums = counts.sum(axis=0, dtype=np.float64)
        seen = np.flatnonzero(sums > 0)
        if len(seen) > self.n_genes:
            seen = _best_genes(counts, seen, sums, self.n_genes, self.theta, self.clip)
        self.genes_ = seen
        self.share_ = sums[seen] / sums[seen].sum()


def pearson_residuals(
    counts: np.ndarray,
    share: np.ndarray,
    *,
    totals: np.ndarray | None = None,
    theta: float = 100.0,
    clip: float = 10.0,
) -> np.ndarray:
    """Residuals of dense counts, given each gene's share of the counts.

    Parameters
    ----------
    counts
        Cells x genes.
    share
        Expected share of each gene in a cell's total, ``(genes,)``.
    totals
        Counts per cell, ``(cells,)``; by default the sums of `counts`.
    theta, clip
        As in :class:`PearsonResiduals`.

    Returns
    -------
    Cells x genes float32; 0 for cells without counts.
    """
    counts = np.asarray(counts, dtype=np.float32)
    if totals is None:
        totals = counts.sum(axis=1, dtype=np.float64)
    expected = np.multiply.outer(totals.astype(np.float32), share.astype(np.float32))
    spread = np.square(expected)  # and from here on in place: these arrays are large
    spread /= np.float32(theta)
    spread += expected
    np.sqrt(spread, out=spread)
    spread[spread == 0] = np.inf  # nothing is expected: the residual is 0
    residuals = np.subtract(counts, expected, out=expected)
    residuals /= spread
    return np.clip(residuals, -clip, clip, out=residuals)


def _best_genes(
    counts: sparse.csr_array, genes: np.ndarray, sums: np.ndarray, n: int, theta: float, clip: float
) -> np.ndarray:
    """Return the `n` of these genes whose residuals vary most, ascending; of equals the first.

    A block of genes at a time, those that may vary most first: no residual is beyond the clip, and
    squares of those of zeros sum to no more than the gene's counts. The rest is spared once `n` genes
    vary more than any of it can.
    """
    totals = counts.sum(axis=1, dtype=np.float64)
    columns = counts.tocsc()
    most = (clip**2 * np.diff(columns.indptr)[genes] + sums[genes]) / counts.shape[0]
    order = np.argsort(-most, kind="stable")
    variance = np.full(len(genes), -np.inf)
    for start in range(0, len(genes), _BLOCK):
        if start >= n and np.partition(variance, -n)[-n] > most[order[start]]:
            break
        block = order[start : start + _BLOCK]
        residuals = pearson_residuals(
            columns[:, genes[block]].toarray(),
            sums[genes[block]] / sums.sum(),
            totals=totals,
            theta=theta,
            clip=clip,
        )
        variance[block] = residuals.var(axis=0, dtype=np.float64)
    return np.sort(genes[np.argsort(-variance, kind="stable")[:n]])
