"""Nearest neighbours of genes by the cosine (centred: Pearson) similarity of their expression."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from numbers import Integral

import numba
import numpy as np
import scipy.sparse as sp

from ._gram import GeneProducts

METRICS = ("cosine",)

_BLOCK_BYTES = 64 << 20  # similarities of a block of genes with all genes, threads together
_BLOCK_GENES = 256  # at most, so that threads share the work of few genes too
_DECIMALS = 9  # of a similarity: what differs less is rounding, as between genes seen in one cell
_FLAT = 1e-10  # variance over mean square: below, a gene is constant as far as float32 can tell


def gene_knn(
    X: np.ndarray | sp.csr_matrix,
    n_neighbors: int = 20,
    *,
    metric: str = "cosine",
    center: bool = True,
) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Find the most similar genes of every gene, exactly.

    Parameters
    ----------
    X
        Cells x genes, dense or sparse; read as float32.
    n_neighbors
        Neighbours of each gene, not counting itself. From the number of genes on, all of them.
    metric
        ``'cosine'``, the only one: with `center` it is Pearson's correlation.
    center
        Subtract each gene's mean. Without it, highly expressed genes are near to everything.

    Returns
    -------
    mask
        Genes x genes boolean CSR matrix, True where either gene is among the neighbours of the
        other, and on the diagonal.
    similarities
        Float32 CSR matrix with the same entries, symmetric, 1 on the diagonal.

    Raises
    ------
    ValueError
        `X` is not a matrix of finite values, `n_neighbors` is below 1 or not an integer, or
        `metric` is unknown.

    Notes
    -----
    Of two genes whose similarity is the same to nine decimals the one with the lower index comes
    first. Similarities are sums in float64 over the cells in their order, so that they depend
    neither on the format of `X` nor on the number of threads. Genes that are constant (standard
    deviation below 1e-5 of their root mean square) or zero keep only themselves.

    Centring is a rank-one correction of the products, and a block of genes is compared with all
    genes at a time, so neither cells x genes nor genes x genes is ever dense. The products are
    added up over non-zero values or, where `X` is dense, by BLAS with a bound on its rounding and
    exact sums for all that the bound leaves open. Threads: those of numba and BLAS.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0, 0, 1, 5], [1, 2, 0, 5], [2, 4, 1, 5.0]])
    >>> mask, similarities = gene_knn(X, n_neighbors=1)
    >>> mask.toarray().astype(int)
    array([[1, 1, 1, 0],
           [1, 1, 0, 0],
           [1, 0, 1, 0],
           [0, 0, 0, 1]])
    """
    _check(X, n_neighbors, metric)
    profiles = _Profiles.from_matrix(X, center=center)
    k = min(n_neighbors, len(profiles.genes) - 1)
    return _symmetric(_search(profiles, k) if k > 0 else [], X.shape[1])


@dataclass(frozen=True)
class _Edges:
    """Pairs of genes and their similarity."""

    rows: np.ndarray
    columns: np.ndarray
    similarities: np.ndarray


@dataclass(frozen=True)
class _Profiles:
    """The genes that vary, and what turns their products into similarities.

    Attributes
    ----------
    genes
        Index of each among all genes.
    sums
        Sum over cells; 0 where profiles are not centred.
    scales
        One over the length of the (centred) profile.
    stretches
        Length of the profile before centring over its length after: how rounding is magnified.
    """

    genes: np.ndarray
    products: GeneProducts
    sums: np.ndarray
    scales: np.ndarray
    stretches: np.ndarray

    @classmethod
    def from_matrix(cls, X: np.ndarray | sp.csr_matrix, *, center: bool) -> _Profiles:
        products = GeneProducts.from_matrix(X)
        sums, squares = products.moments()
        if not np.isfinite(squares).all():
            msg = f"`X` has values that are not finite in {(~np.isfinite(squares)).sum()} genes."
            raise ValueError(msg)
        centred = squares - sums**2 / products.shape[0]
        genes = np.flatnonzero(centred > _FLAT * squares)
        lengths = np.sqrt((centred if center else squares)[genes])
        return cls(
            genes,
            products if len(genes) == len(sums) else products.take(genes),
            sums[genes] if center else np.zeros(len(genes)),
            1 / lengths,
            np.sqrt(squares[genes]) / lengths,
        )

    def similarities(
        self, products: np.ndarray, rows: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        """Turn products into similarities; the same bits with rows and columns exchanged."""
        means = self.sums[rows] * self.sums[columns] / self.products.shape[0]
        cosines = (products - means) * (self.scales[rows] * self.scales[columns])
        return np.round(cosines, _DECIMALS, out=cosines)


def _check(X: np.ndarray | sp.csr_matrix, n_neighbors: int, metric: str) -> None:
    if len(X.shape) != 2 or 0 in X.shape:
        msg = f"`X` must be a cells x genes matrix with cells and genes, not of shape {X.shape}."
        raise ValueError(msg)
    if not isinstance(n_neighbors, Integral) or isinstance(n_neighbors, bool) or n_neighbors < 1:
        msg = f"`n_neighbors` must be an integer of at least 1, not {n_neighbors!r}."
        raise ValueError(msg)
    if metric not in METRICS:
        msg = (
            f"`metric` must be one of {', '.join(map(repr, METRICS))}, not {metric!r}. "
            "Cosine with `center=True` is Pearson's correlation."
        )
        raise ValueError(msg)


def _search(profiles: _Profiles, k: int) -> list[_Edges]:
    """Find the k neighbours of every gene, block by block."""
    n_genes, n_threads = len(profiles.genes), _n_threads()
    step = min(_BLOCK_GENES, max(1, _BLOCK_BYTES // (8 * n_genes * n_threads)))
    blocks = [range(start, min(start + step, n_genes)) for start in range(0, n_genes, step)]
    if profiles.products.prefers_blas:  # BLAS has threads of its own
        return [_dense_block(profiles, block, k) for block in blocks]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(lambda block: _sparse_block(profiles, block, k), blocks))


def _n_threads() -> int:
    """Return as many threads as numba and OpenMP are set to, without waking the pool of either.

    (`numba.get_num_threads` starts one, which may change how many threads torch computes on.)
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    most = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    return max(1, min(most, int(wanted))) if wanted.isdigit() else most


def _sparse_block(profiles: _Profiles, block: range, k: int) -> _Edges:
    rows, columns = np.ogrid[block.start : block.stop, : len(profiles.genes)]
    products = profiles.products.exact_rows(block.start, block.stop)
    similarities = profiles.similarities(products, rows, columns)
    similarities[rows == columns] = -np.inf
    return _best(profiles, similarities, k, block.start)


def _dense_block(profiles: _Profiles, block: range, k: int) -> _Edges:
    """Let BLAS leave out what cannot be a neighbour; add up the rest exactly."""
    rows, columns = np.ogrid[block.start : block.stop, : len(profiles.genes)]
    products = profiles.products.blas_rows(block.start, block.stop)
    similarities = profiles.similarities(products, rows, columns)
    similarities[rows == columns] = -np.inf
    # either sum of n products is off by at most n/2 eps times the lengths of the two profiles
    slack = (profiles.products.shape[0] + 8) * np.finfo(np.float64).eps
    error = slack * profiles.stretches[rows] * profiles.stretches[columns] + 10.0**-_DECIMALS
    possible = similarities + error >= _kth_largest(similarities - error, k)
    pairs = np.nonzero(possible)
    pairs = (pairs[0] + block.start, pairs[1])
    exact = profiles.similarities(profiles.products.exact_pairs(*pairs), *pairs)
    similarities.fill(-np.inf)
    similarities[possible] = exact
    return _best(profiles, similarities, k, block.start)


def _kth_largest(values: np.ndarray, k: int) -> np.ndarray:
    """Return the k-th largest value of each row, as a column."""
    at = values.shape[1] - k
    return np.partition(values, at, axis=1)[:, at : at + 1]


def _best(profiles: _Profiles, similarities: np.ndarray, k: int, first: int) -> _Edges:
    """Choose the k largest of each row, of equal ones those that come first."""
    kth = _kth_largest(similarities, k)
    chosen = similarities >= kth
    for row in np.flatnonzero(chosen.sum(axis=1) > k):
        tied = np.flatnonzero(similarities[row] == kth[row])
        chosen[row, tied[k - int(chosen[row].sum()) :]] = False
    rows, columns = np.nonzero(chosen)
    genes = profiles.genes
    return _Edges(genes[rows + first], genes[columns], similarities[rows, columns])


def _symmetric(parts: list[_Edges], n_genes: int) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Join edges of one direction with those of the other and the diagonal."""
    own = np.arange(n_genes)
    rows = np.concatenate([own, *(part.rows for part in parts), *(part.columns for part in parts)])
    columns = np.concatenate(
        [own, *(part.columns for part in parts), *(part.rows for part in parts)]
    )
    values = np.concatenate([np.ones(n_genes), *(2 * [part.similarities for part in parts])])
    # an edge found from both sides has the same value twice
    keys, first = np.unique(rows * n_genes + columns, return_index=True)
    indptr = np.searchsorted(keys, np.arange(n_genes + 1) * n_genes)
    indices = keys % n_genes
    values = np.clip(values[first], -1, 1).astype(np.float32)
    shape = (n_genes, n_genes)
    mask = sp.csr_matrix((np.ones(len(keys), bool), indices, indptr), shape=shape)
    return mask, sp.csr_matrix((values, indices, indptr), shape=shape)
