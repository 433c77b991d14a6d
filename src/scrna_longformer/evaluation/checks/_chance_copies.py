"""How many cells are alike by chance: the same cells with their genes drawn anew."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import sparse

from ...features._counts import has_counts, recover_counts
from ...features._ranking import Matrix

_SAME = 0.01  # relative spread of totals that were scaled to one value
_LARGEST = 20.0  # log values beyond are none
_BLOCK = 20  # cells of one class and nearly one depth, among which a gene is exchanged


def genes_exchanged(X: Matrix, codes: np.ndarray, rng: np.random.Generator) -> sparse.csr_array:
    """Exchange every gene by itself among cells of the same class and of like depth.

    What two cells of the result share, they share by chance: each is put together from many. A copy is
    no longer one, but a small panel of a few counts has as many equal cells as before.

    Parameters
    ----------
    X
        Cells x genes log values. Where counts can be recovered they are exchanged, and scaled as before
        to a common total or by the factor of the cell: log values of cells of different depth would
        hardly ever be equal.
    codes
        Class of each cell.
    rng
        Generator.

    Examples
    --------
    >>> X = np.log1p(np.array([[1, 0], [0, 2], [1, 2], [3, 1]]))
    >>> genes_exchanged(X, np.array([0, 0, 0, 1]), np.random.default_rng(1)).toarray().round(2)
    array([[0.69, 1.1 ],
           [0.  , 0.  ],
           [0.69, 0.69],
           [1.39, 0.69]])
    """
    # a copy: an array that shared the indices of X would sort them without the values of X
    values: Matrix = sparse.csr_array(X, dtype=np.float64, copy=True)
    if values.min() < 0 or not has_counts(X):
        return _exchanged(values, codes, rng)
    linear = values.copy()
    linear.data = np.expm1(np.minimum(values.data, _LARGEST))
    scaled_total, counts = _totals(linear), recover_counts(X, most_wrong=1)
    drawn = _exchanged(counts, codes, rng)
    total = np.maximum(_totals(counts), 1)
    if scaled_total.std() < _SAME * scaled_total.mean():
        total = np.maximum(_totals(drawn), 1)
    drawn = sparse.csr_array(sparse.diags_array(scaled_total / total) @ drawn)
    drawn.data = np.log1p(np.round(drawn.data, 6))
    return drawn


def _exchanged(
    rows: sparse.csr_array, codes: np.ndarray, rng: np.random.Generator
) -> sparse.csr_array:
    order = np.lexsort((_totals(rows), codes))
    starts = np.flatnonzero(np.r_[True, np.diff(np.asarray(codes)[order]) != 0, True])
    parts, places = [], []
    for start, stop in pairwise(starts):
        for cells in np.array_split(order[start:stop], max(1, int(stop - start) // _BLOCK)):
            parts.append(sparse.csr_array(rng.permuted(rows[cells].toarray(), axis=0)))
            places.append(cells)
    return sparse.csr_array(sparse.vstack(parts))[np.argsort(np.concatenate(places))]


def _totals(rows: sparse.csr_array) -> np.ndarray:
    return np.asarray(rows.sum(axis=1), dtype=np.float64).ravel()
