"""Split counts into two matrices of the same cells that are independent of each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.cluster import MiniBatchKMeans

from ._ranking import Matrix, is_sparse, rank_variance

_N_TESTED = 200  # genes of most counts
_MOST_CELLS = 2000
_CELLS_PER_GROUP = 30


@dataclass(frozen=True)
class Independence:
    """How far two halves of the same counts are from independent.

    Attributes
    ----------
    correlation
        Median over genes of the correlation between the halves, over cells of like expression:
        0 for Poisson counts.
    n_genes
        Number of genes it is the median of.
    """

    correlation: float
    n_genes: int


def thin_counts(
    counts: Matrix, share: float, rng: np.random.Generator
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Send every molecule to one of two matrices by a coin.

    Parameters
    ----------
    counts
        Cells x genes non-negative integers, dense or sparse.
    share
        Probability of the first matrix.
    rng
        Generator.

    Returns
    -------
    Two CSR matrices of float32 that add up to ``counts``.

    Examples
    --------
    >>> counts = np.array([[4, 0], [10, 1]])
    >>> a, b = thin_counts(counts, 0.5, np.random.default_rng(0))
    >>> (a + b).toarray()
    array([[ 4.,  0.],
           [10.,  1.]], dtype=float32)
    """
    whole = sparse.csr_matrix(counts, copy=True)
    whole.sum_duplicates()
    first = rng.binomial(whole.data.astype(np.int64), share)
    parts = (first, whole.data - first)
    halves = [
        sparse.csr_matrix(
            (part.astype(np.float32), whole.indices.copy(), whole.indptr.copy()), shape=whole.shape
        )
        for part in parts
    ]
    for half in halves:
        half.eliminate_zeros()
    return halves[0], halves[1]


def half_correlation(a: Matrix, b: Matrix, rng: np.random.Generator) -> Independence:
    """Correlate two halves of counts over cells of like expression.

    Parameters
    ----------
    a, b
        Cells x genes counts of the same cells.
    rng
        Generator of the sample of cells and of the grouping.

    Returns
    -------
    Independence
        Cells are grouped by k-means on the first half, about 30 to a group, so that differences
        between types do not count; what remains within groups, after each cell's depth is taken
        into account, correlates where counts vary more than Poisson counts (or where groups are
        still mixed).
    """
    rows = np.sort(rng.permutation(a.shape[0])[:_MOST_CELLS])
    a, b = a[rows], b[rows]
    sums = np.asarray((a + b).sum(axis=0)).ravel()
    genes = np.argsort(-sums, kind="stable")[:_N_TESTED]
    genes = np.sort(genes[sums[genes] > 0])
    group = _groups(a, rng)
    kept = np.bincount(group)[group] >= 8
    if not kept.any() or not len(genes):
        return Independence(0.0, 0)
    left, right = (_residuals(half[kept], genes, group[kept]) for half in (a, b))
    spread = np.sqrt((left**2).sum(axis=0) * (right**2).sum(axis=0))
    correlation = (left * right).sum(axis=0)[spread > 0] / spread[spread > 0]
    if not len(correlation):
        return Independence(0.0, 0)
    return Independence(float(np.median(correlation)), len(correlation))


def _groups(counts: Matrix, rng: np.random.Generator) -> np.ndarray:
    totals = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)
    scaled = sparse.csr_matrix(sparse.diags(np.median(totals) / totals) @ counts)
    scaled.data = np.log1p(scaled.data)
    columns = rank_variance(scaled)[:500]
    n_groups = max(1, len(totals) // _CELLS_PER_GROUP)
    model = MiniBatchKMeans(n_groups, n_init=1, random_state=int(rng.integers(2**31)))
    values = scaled[:, columns]
    return np.asarray(model.fit_predict(values.toarray() if is_sparse(values) else values))


def _residuals(half: Matrix, genes: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Counts less what the cell's depth and its group's composition lead one to expect."""
    totals = np.asarray(half.sum(axis=1), dtype=np.float64).ravel()
    member = np.eye(int(group.max()) + 1)[group]
    counts = np.asarray(half[:, genes].toarray(), dtype=np.float64)
    share = member.T @ counts / np.maximum(member.T @ totals, 1)[:, None]
    expected = totals[:, None] * share[group]
    return (counts - expected) / np.sqrt(np.maximum(expected, 1e-12))
