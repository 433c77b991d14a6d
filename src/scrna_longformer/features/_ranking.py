"""Rank genes on the cells of one training set: markers, F test, variance.

Every ranking sums in float64, takes dense and sparse matrices alike, and breaks ties by gene index,
so that the same cells always give the same genes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

# cells x genes, a dense array or any scipy sparse matrix: a union of these is of no use to a type
# checker, because each form lacks some attribute of the others
Matrix: TypeAlias = Any

_BLOCK = 2048  # genes of a dense matrix that are cast to float64 at a time
_LEAST_SPREAD = 0.02  # in log units: genes seen in next to no cell get a finite, modest effect


def is_sparse(X: Matrix) -> bool:
    """Whether ``X`` is any scipy sparse matrix or array."""
    return bool(sparse.issparse(X))


@dataclass(frozen=True)
class ClassMoments:
    """Number of cells, sums and sums of squares of every gene (columns) in every class (rows)."""

    sizes: np.ndarray
    sums: np.ndarray
    squares: np.ndarray

    def merged(self) -> ClassMoments:
        """Moments over all classes together, as one row."""
        return ClassMoments(
            self.sizes.sum(keepdims=True),
            self.sums.sum(axis=0, keepdims=True),
            self.squares.sum(axis=0, keepdims=True),
        )

    def without_each(self) -> ClassMoments:
        """Moments of the rest: for every class, all cells outside it."""
        whole = self.merged()
        return ClassMoments(
            whole.sizes - self.sizes, whole.sums - self.sums, whole.squares - self.squares
        )

    @property
    def means(self) -> np.ndarray:
        """Mean per class and gene; 0 for an empty class."""
        return self.sums / np.maximum(self.sizes, 1)[:, None]

    @property
    def scatter(self) -> np.ndarray:
        """Sum of squared deviations from the class mean."""
        scatter = self.squares - self.sums**2 / np.maximum(self.sizes, 1)[:, None]
        # differences below the rounding of the sums are noise of a constant gene, not spread
        return np.where(scatter > 1e-12 * self.squares, scatter, 0.0)

    @property
    def variances(self) -> np.ndarray:
        """Population variance per class and gene."""
        return self.scatter / np.maximum(self.sizes, 1)[:, None]


def class_moments(X: Matrix, codes: np.ndarray, n_classes: int) -> ClassMoments:
    """Sum every gene and its square over the cells of every class.

    Parameters
    ----------
    X
        Cells x genes, dense or sparse.
    codes
        Class of each cell, 0 to ``n_classes - 1``; cells with a negative code are left out.
    n_classes
        Number of classes.
    """
    codes = np.asarray(codes)
    cells = np.flatnonzero(codes >= 0)
    member = sparse.csr_array(
        (np.ones(len(cells)), (codes[cells], cells)), shape=(n_classes, len(codes))
    )
    sizes = np.bincount(codes[cells], minlength=n_classes)
    if is_sparse(X):
        rows = X.tocsr()
        if not rows.has_canonical_format:  # many sparse operations sort in place: not the caller's
            rows = rows.copy()
            rows.sum_duplicates()
        values = rows.data.astype(np.float64)
        sums, squares = (
            (member @ sparse.csr_array((v, rows.indices, rows.indptr), shape=X.shape)).toarray()
            for v in (values, values**2)
        )
        return ClassMoments(sizes, sums, squares)
    sums, squares = np.empty((2, n_classes, X.shape[1]))
    for start in range(0, X.shape[1], _BLOCK):
        block = np.asarray(X[:, start : start + _BLOCK], dtype=np.float64)
        sums[:, start : start + _BLOCK] = member @ block
        squares[:, start : start + _BLOCK] = member @ block**2
    return ClassMoments(sizes, sums, squares)


def rank_markers(X: Matrix, codes: np.ndarray, n_classes: int | None = None) -> np.ndarray:
    """Rank genes by how well they mark single classes, taking turns between the classes.

    Within each class genes are ordered by the standardised difference between their mean in the
    class and their mean in all other cells (Cohen's d with the two variances weighted alike, so
    that a small class counts as much as the rest). The classes then take turns, the best gene
    of each first: a rare class gets as many of the leading genes as a common one.

    Parameters
    ----------
    X
        Cells x genes log values, dense or sparse.
    codes
        Class of each cell; cells with a negative code are left out.
    n_classes
        Number of classes; by default the largest code plus one.

    Returns
    -------
    All gene indices (int64), best first.

    Examples
    --------
    >>> X = np.array([[5.0, 0.0, 1.0], [4.0, 0.0, 1.1], [0.0, 3.0, 1.0], [0.0, 2.0, 1.1]])
    >>> rank_markers(X, np.array([0, 0, 1, 1]))
    array([0, 1, 2])
    """
    moments = class_moments(X, codes, _count(codes, n_classes))
    effect = marker_effects(moments)
    by_class = np.argsort(-effect[moments.sizes > 0], axis=1, kind="stable")
    in_turns = by_class.T.ravel()
    _, first = np.unique(in_turns, return_index=True)
    return in_turns[np.sort(first)]


def marker_effects(moments: ClassMoments) -> np.ndarray:
    """Standardised difference between a gene's mean in a class and in the rest, classes x genes."""
    rest = moments.without_each()
    spread = np.sqrt((moments.variances + rest.variances) / 2)
    return (moments.means - rest.means) / (spread + _LEAST_SPREAD)


def rank_f_test(X: Matrix, codes: np.ndarray) -> np.ndarray:
    """Rank genes by the F statistic of a one-way analysis of variance between the classes.

    Parameters
    ----------
    X
        Cells x genes log values, dense or sparse.
    codes
        Class of each cell; cells with a negative code are left out.

    Returns
    -------
    All gene indices (int64), best first; constant genes last.

    See Also
    --------
    sklearn.feature_selection.f_classif : The same statistic, in the precision of its input.
    """
    moments = class_moments(X, codes, _count(codes, None))
    whole = moments.merged()
    within = moments.scatter.sum(axis=0)
    between = np.maximum(whole.scatter[0] - within, 0.0)
    # the degrees of freedom are the same for every gene and do not change the order
    ratio = np.full(len(within), -1.0)
    np.divide(between, within, out=ratio, where=within > 0)
    ratio[(within == 0) & (between > 0)] = np.inf
    return np.argsort(-ratio, kind="stable")


def rank_variance(X: Matrix) -> np.ndarray:
    """Rank genes by their variance, largest first: for cells without labels.

    Parameters
    ----------
    X
        Cells x genes log values, dense or sparse.

    Returns
    -------
    All gene indices (int64), best first.
    """
    moments = class_moments(X, np.zeros(X.shape[0], dtype=np.int64), 1)
    return np.argsort(-moments.variances[0], kind="stable")


def _count(codes: np.ndarray, n_classes: int | None) -> int:
    return int(np.max(codes, initial=-1)) + 1 if n_classes is None else n_classes
