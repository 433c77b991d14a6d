"""What an expression matrix holds, judged by its values alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from collections.abc import Iterator

ExpressionState = Literal["counts", "log", "scaled", "unknown"]

LOG_MAXIMUM = 25.0  # log1p of 7e10: no measured expression is larger, linear values soon are
_CHUNK = 1 << 20  # values looked at together, so that no temporary grows with the matrix


@dataclass(frozen=True)
class ValueSummary:
    """Range and kind of the values of a matrix, zeros that a sparse matrix leaves out included.

    Attributes
    ----------
    minimum
        Least finite value (0 where there is none).
    maximum
        Largest finite value (0 where there is none).
    is_integer
        Whether all finite values are integers, whatever their dtype.
    n_nonfinite
        Number of NaN and infinite values.
    """

    minimum: float
    maximum: float
    is_integer: bool
    n_nonfinite: int

    @property
    def state(self) -> ExpressionState:
        """What such values are, as :func:`expression_state` has it."""
        if self.n_nonfinite:
            return "unknown"
        if self.minimum < 0:
            return "scaled"
        if self.is_integer:
            return "counts"
        return "log" if self.maximum < LOG_MAXIMUM else "unknown"

    def __str__(self) -> str:
        kind = "integers" if self.is_integer else "not integers"
        return f"values from {self.minimum:g} to {self.maximum:g}, {kind}"


def summarise_values(X: np.ndarray | sp.csr_matrix) -> ValueSummary:
    """Range and kind of the values of a dense or sparse matrix, without densifying it.

    Raises
    ------
    TypeError
        If ``X`` does not hold real numbers.

    Examples
    --------
    >>> str(summarise_values(np.array([[0, 3], [1, 0]])))
    'values from 0 to 3, integers'
    """
    minimum, maximum, is_integer, n_nonfinite = np.inf, -np.inf, True, 0
    for values in _chunks(X):
        if values.dtype.kind == "f":
            finite = values[np.isfinite(values)]
            n_nonfinite += values.size - finite.size
            is_integer = is_integer and bool((finite == np.floor(finite)).all())
            values = finite
        if values.size:
            minimum = min(minimum, float(values.min()))
            maximum = max(maximum, float(values.max()))
    if minimum > maximum:
        minimum = maximum = 0.0
    return ValueSummary(minimum, maximum, is_integer, n_nonfinite)


def expression_state(X: np.ndarray | sp.csr_matrix) -> ExpressionState:
    """Say what an expression matrix holds, by its values only.

    Parameters
    ----------
    X
        Dense or sparse matrix of any real dtype.

    Returns
    -------
    ``'counts'`` for non-negative integers of any dtype, ``'log'`` for non-negative values below 25
    that are not all integers, ``'scaled'`` where values are negative, else ``'unknown'`` (linear
    normalised values, or values that are not finite).

    Examples
    --------
    >>> counts = np.array([[0.0, 3.0], [1.0, 0.0]])
    >>> expression_state(counts), expression_state(np.log1p(counts))
    ('counts', 'log')
    >>> expression_state(counts - counts.mean(axis=0)), expression_state(counts * 33.4)
    ('scaled', 'unknown')
    """
    return summarise_values(X).state


def _chunks(X: np.ndarray | sp.csr_matrix) -> Iterator[np.ndarray]:
    """Yield the values of ``X`` in pieces; one zero stands for those a sparse matrix leaves out."""
    if np.dtype(X.dtype).kind not in "biuf":
        msg = f"`X` must hold real numbers, not {X.dtype}."
        raise TypeError(msg)
    if not sp.issparse(X):
        X = np.atleast_2d(np.asarray(X))
        step = max(1, _CHUNK // max(1, X.shape[1]))
        yield from (X[start : start + step] for start in range(0, X.shape[0], step))
        return
    if X.format not in ("csr", "csc"):
        X = X.tocsr()
    elif not X.has_canonical_format:  # entries stored twice count as their sum
        X = X.copy()
        X.sum_duplicates()
    if X.nnz < np.prod(X.shape):
        yield np.zeros(1, X.dtype)
    yield from (X.data[start : start + _CHUNK] for start in range(0, X.nnz, _CHUNK))
