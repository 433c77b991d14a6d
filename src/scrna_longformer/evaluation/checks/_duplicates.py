"""Cells that are in training and test at once, as copies of each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from ...features._ranking import Matrix, is_sparse, rank_variance
from .._split import Split
from ._result import CheckResult, fault, passed

NAME = "duplicates"
MOST_SHARE = 0.01
SURPLUS = 3.0  # near copies, in multiples of those that chance makes: dimensions differ from place to place
NEAR = 0.35  # of the distance to the sixth nearest cell
_LEAST_GENES = 10  # cells with fewer detected genes can be alike by chance
_LATER = 11  # place of the twelfth nearest cell
_BLOCK = 512
_MOST_GENES = 2000  # those that vary most
_MOST_ASKED = 4000  # cells whose nearest cells are looked for


def duplicates(X: Matrix, splits: Sequence[Split]) -> CheckResult:
    """Look for test cells that have a copy, exact or nearly so, among the training cells.

    Parameters
    ----------
    X
        Cells x genes log values, dense or sparse.
    splits
        The folds of the comparison.

    Returns
    -------
    CheckResult
        Severity ``'void'``; fires if more than 1 % of the test cells have a copy in training.
        Evidence: ``share``, ``n_exact`` and ``n_near`` (cells with a copy anywhere).

    Notes
    -----
    Two cells are near copies if their distance is below 0.35 of the usual distance to the sixth
    nearest cell (the median, or the cell's own): droplets of the same type differ by the noise of
    counting, copies do not. Where few dimensions vary (a panel of a few markers, values smoothed over
    neighbours), some cells come as close by chance: near copies count where there are more than
    three times as many as cells drawn independently in so many dimensions would have. Cells with
    fewer than ten detected genes are passed over; of more than 4,000 cells, so many are looked at.

    Examples
    --------
    >>> from scrna_longformer.evaluation import make_splits
    >>> X = np.random.default_rng(0).gamma(1.0, size=(60, 20))
    >>> codes = np.repeat([0, 1], 30)
    >>> duplicates(X, make_splits(codes)).fired
    False
    >>> X[:10] = X[10:20]
    >>> duplicates(X, make_splits(codes)).fired
    True
    """
    asked = np.zeros(X.shape[0], dtype=bool)
    asked[np.unique(np.linspace(0, X.shape[0] - 1, min(X.shape[0], _MOST_ASKED)).astype(int))] = (
        True
    )
    origin, n_exact, n_near = copies(X, asked)
    n_copied = n_tested = 0
    for split in splits:
        tested = origin[split.test[asked[split.test]]]
        n_copied += int((np.isin(tested, origin[split.train]) & (tested >= 0)).sum())
        n_tested += len(tested)
    share = n_copied / max(n_tested, 1)
    evidence: dict[str, Any] = {"share": share, "n_exact": n_exact, "n_near": n_near}
    if share <= MOST_SHARE:
        return passed(
            NAME, "void", f"{share:.1%} of the test cells have a copy in training.", **evidence
        )
    return fault(
        NAME,
        "void",
        f"{share:.0%} of the test cells have a copy among the training cells of their fold "
        f"({n_exact} exact, {n_near} near).",
        "A model that remembers cells is scored as one that recognises types.",
        "go back to the cells before they were copied or oversampled, or keep cells of one origin "
        "together by `group_key`; copies that are wanted for training belong inside fit().",
        evidence=evidence,
    )


def copies(X: Matrix, asked: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Find cells that are copies of each other.

    Parameters
    ----------
    X
        Cells x genes.
    asked
        Boolean, per cell: whether to look for near copies of it.

    Returns
    -------
    Number of the set of copies that each cell belongs to (-1: none), number of cells with an exact
    copy, number of cells with a near copy.
    """
    rows: Matrix = sparse.csr_array(X, dtype=np.float64)
    usable = np.flatnonzero(np.diff(rows.indptr) >= min(_LEAST_GENES, max(X.shape[1] // 2, 1)))
    exact = _exact(rows, usable)
    near = _near(X, np.setdiff1d(usable, exact[:, 1]), asked)
    pairs = np.concatenate([exact, near])
    graph = sparse.coo_array((np.ones(len(pairs)), pairs.T), shape=(X.shape[0], X.shape[0]))
    _, component = sparse.csgraph.connected_components(graph, directed=False)
    alone = np.bincount(component)[component] == 1
    return np.where(alone, -1, component), len(np.unique(exact)), len(np.unique(near))


def _exact(rows: sparse.csr_array, usable: np.ndarray) -> np.ndarray:
    """Pairs of a first cell and each of its exact copies."""
    first: dict[bytes, int] = {}
    pairs = []
    for i in usable.tolist():
        span = slice(rows.indptr[i], rows.indptr[i + 1])
        key = rows.indices[span].tobytes() + np.round(rows.data[span], 4).tobytes()
        if key in first:
            pairs.append((first[key], i))
        else:
            first[key] = i
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _near(X: Matrix, cells: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Pairs of a cell and a nearest one that is too close to be another."""
    if len(cells) < _LATER + 2:
        return np.empty((0, 2), dtype=np.int64)
    columns = np.sort(rank_variance(X)[:_MOST_GENES])
    values = X[cells][:, columns]
    values = np.asarray(values.toarray() if is_sparse(values) else values, dtype=np.float64)
    squares = (values**2).sum(axis=1)
    queries = np.flatnonzero(asked[cells])
    nearest = np.empty(len(queries), dtype=np.int64)
    first, later, last = np.empty((3, len(queries)))
    for start in range(0, len(queries), _BLOCK):
        here = queries[start : start + _BLOCK]
        distance = squares[here, None] + squares - 2 * (values[here] @ values.T)
        distance[np.arange(len(here)), here] = np.inf
        block = slice(start, start + len(here))
        nearest[block] = distance.argmin(axis=1)
        ordered = np.sort(np.partition(distance, _LATER, axis=1)[:, : _LATER + 1], axis=1)
        first[block], later[block], last[block] = ordered[:, 0], ordered[:, 5], ordered[:, _LATER]
    first, later, last = (np.sqrt(np.maximum(d, 0)) for d in (first, later, last))
    close = (first < NEAR * np.median(later)) | (first < NEAR * later)
    if close.mean() <= SURPLUS * chance_of_near(later, last):
        return np.empty((0, 2), dtype=np.int64)
    return np.column_stack([cells[queries[close]], cells[nearest[close]]])


def chance_of_near(sixth: np.ndarray, twelfth: np.ndarray) -> float:
    """Share of independent cells whose nearest one is nearer than ``NEAR`` times the sixth.

    In ``d`` dimensions the number of cells within a distance grows with its ``d``-th power, so that the
    ratio of two distances tells ``d``; pairs of copies do not change this one.

    Parameters
    ----------
    sixth, twelfth
        Distances to the sixth and twelfth nearest cell, one per cell.

    References
    ----------
    Levina and Bickel (2004). Maximum likelihood estimation of intrinsic dimension. NIPS.
    """
    apart = twelfth > 0
    ratio = np.median(sixth[apart] / twelfth[apart]) if apart.any() else 0.0
    if not 0 < ratio < 1:
        return 0.0
    dimension = np.log(0.5) / np.log(ratio)  # the median of the ratio's d-th power is a half
    return float(1 - (1 - NEAR**dimension) ** 5)
