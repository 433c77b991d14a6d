"""Analytic Pearson residuals of the counts, with everything learned on the training cells."""

from __future__ import annotations

from typing import Self

import numba
import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from ._checked import CellTransformer, checked_values
from ._counts import recover_counts
from ._ranking import Matrix


class PearsonResiduals(CellTransformer):
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
        self._learn(recover_counts(checked_values(self, X, fitting=True)))
        return self

    def transform(self, X: Matrix) -> np.ndarray:
        """Return the residuals of the kept genes, cells x genes, dense float32."""
        check_is_fitted(self)
        # no other gene has a say, and few cells are no ground to judge on: `fit` has
        counts = recover_counts(checked_values(self, X)[:, self.genes_], most_wrong=1)
        return pearson_residuals(counts.toarray(), self.share_, theta=self.theta, clip=self.clip)

    def _learn(self, counts: sparse.csr_array) -> None:
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
    """Return the `n` of these genes whose residuals vary most, ascending; of equals the first."""
    columns = counts[:, genes].tocsc()
    totals = counts.sum(axis=1, dtype=np.float64)
    share = sums[genes] / sums.sum()
    variance = _variances(
        columns.indptr, columns.indices, columns.data, totals, share, float(theta), float(clip)
    )
    return np.sort(genes[np.argsort(-variance, kind="stable")[:n]])


# sums in another order than written, so that the processor adds several cells at a time
@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract"})
def _variances(indptr, indices, data, totals, share, theta, clip):  # type: ignore[no-untyped-def]
    """Variance of each gene's residuals over the cells, ``(genes,)``; no residual is stored."""
    n_cells, n_genes = len(totals), len(share)
    variance = np.empty(n_genes)
    for gene in range(n_genes):
        total = square = 0.0
        for cell in range(n_cells):  # as if no cell had the gene
            expected = totals[cell] * share[gene]
            residual = min(np.sqrt(expected / (1.0 + expected / theta)), clip)
            total -= residual
            square += residual * residual
        for e in range(indptr[gene], indptr[gene + 1]):
            expected = totals[indices[e]] * share[gene]
            spread = np.sqrt(expected + expected * expected / theta)
            without = max(-expected / spread, -clip)
            residual = min(max((data[e] - expected) / spread, -clip), clip)
            total += residual - without
            square += residual * residual - without * without
        variance[gene] = square / n_cells - (total / n_cells) ** 2
    return variance
