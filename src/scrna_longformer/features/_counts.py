"""Find the counts behind log-normalised values again."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ._ranking import Matrix, is_sparse

# A cell's smallest value is one count, or in a rare cell two or three.
_SMALLEST_COUNTS = (1, 2, 3)
_TOLERANCE = 0.02  # relative to a count: float32 logarithms of thousands are this far from integers
# Share of the values that may be off, by rounding, or because no gene of a cell has a small count.
# Whether there are counts is decided once, on all cells; what is asked of some of them later bears more.
_MOST_WRONG_TO_DECIDE = 0.01
_MOST_WRONG = 0.1


def recover_counts(X: Matrix, *, most_wrong: float = _MOST_WRONG) -> sparse.csr_array:
    """Undo ``log1p`` of counts that were scaled cell by cell, whatever the factors were.

    Scaling leaves the values of a cell integer multiples of one number, and in nearly every cell
    that number is the cell's smallest value. No total and no factor needs to be known, genes may be
    missing, and the result is exact where the values are.

    Parameters
    ----------
    X
        Cells x genes values of ``log1p(factor_of_the_cell * counts)``, dense or sparse; counts are
        accepted as they are.
    most_wrong
        Largest share of the values that may be no multiples of their cell's smallest one; they
        become the nearest counts. With 1 every matrix without negative values is taken.

    Returns
    -------
    Counts, float32, CSR.

    Raises
    ------
    ValueError
        If the values are no scaled counts: smoothed, imputed, batch-corrected or standardised.

    Examples
    --------
    >>> counts = np.array([[0, 3, 1], [2, 0, 4]])
    >>> recover_counts(np.log1p(counts * [[7.5], [0.1]])).toarray()
    array([[0., 3., 1.],
           [1., 0., 2.]], dtype=float32)

    The second cell shows the limit: counts with a common factor lose it.
    """
    values = sparse.csr_array(X, dtype=np.float64, copy=True)
    values.sum_duplicates()
    values.eliminate_zeros()
    if values.nnz and values.data.min() < 0:
        msg = "`X` has negative values, so it cannot be log1p of counts."
        raise ValueError(msg)
    if not np.array_equal(values.data, np.rint(values.data)):
        values.data = np.expm1(values.data)
    sizes = np.diff(values.indptr)
    cell = np.repeat(np.arange(values.shape[0]), sizes)
    unit = np.zeros(values.shape[0])
    unit[sizes > 0] = np.minimum.reduceat(values.data, values.indptr[:-1][sizes > 0])
    in_units = values.data / unit[cell]
    counts, is_wrong = _nearest(in_units)
    if is_wrong.any():
        # all other cells are right with a smallest count of one
        in_doubt = np.bincount(cell, is_wrong, values.shape[0]) > 0
        again = in_doubt[cell]
        counts[again], is_wrong[again] = _with_smallest_count(in_units[again], cell[again])
    if (share := float(is_wrong.mean()) if len(is_wrong) else 0.0) > most_wrong:
        msg = (
            f"`X` is not log1p of scaled counts: {share:.0%} of its values are no multiples of their "
            "cell's smallest one. It was smoothed, corrected or transformed in another way."
        )
        raise ValueError(msg)
    return sparse.csr_array(
        (counts.astype(np.float32), values.indices, values.indptr), shape=values.shape
    )


def has_counts(X: Matrix) -> bool:
    """Whether :func:`recover_counts` can find the counts behind `X`, judged by up to 500 cells.

    All but one in a hundred of their values must be multiples of their cell's smallest one, and some
    cell must have two: where each has one alone, anything is a multiple of itself.
    """
    rows = np.unique(np.linspace(0, X.shape[0] - 1, min(X.shape[0], 500)).astype(np.int64))
    sample = X[rows]
    sample = sample if is_sparse(sample) else np.asarray(sample)
    try:
        counts = recover_counts(sample, most_wrong=_MOST_WRONG_TO_DECIDE)
    except ValueError:
        return False
    return bool(np.diff(counts.indptr).max(initial=0) != 1)


def _with_smallest_count(in_units: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts and which are wrong, with the smallest count of each cell that leaves fewest wrong."""
    trials = [_nearest(in_units * n) for n in _SMALLEST_COUNTS]
    n_wrong = [np.bincount(cell, is_wrong) for _, is_wrong in trials]
    best = np.argmin(n_wrong, axis=0)[cell]  # the first of equals
    counts, wrong = (np.choose(best, arrays) for arrays in zip(*trials, strict=True))
    return counts, wrong


def _nearest(in_units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts = np.rint(in_units)
    return counts, np.abs(in_units - counts) > np.minimum(_TOLERANCE * counts, 0.25)
