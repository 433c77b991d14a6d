"""Cells that are in training and test at once, as copies of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ..._random import generator
from ...features._ranking import Matrix, is_sparse, rank_variance
from .._split import Split
from ._chance_copies import genes_exchanged
from ._result import CheckResult, fault, passed

NAME = "duplicates"
MOST_SHARE = 0.01
MOST_OF_CLASS = 0.1  # of the test cells of one class, which weighs as much in macro-F1 as any other
LEAST_OF_CLASS = 3
SURPLUS = 3.0  # near copies, in multiples of those that chance makes: dimensions differ from place to place
EQUAL = 2.0  # the same of cells with few detected genes, whose chance is measured
# of the distance to the sixth nearest cell, or the second for the copies within a class
NEAR = 0.35
_LEAST_GENES = 10  # cells with fewer detected genes can be alike by chance
_ENOUGH_GENES = 200  # cells that agree in so many detected genes never are
_LATER = 11  # place of the twelfth nearest cell
_BLOCK = 512
_MOST_GENES = 2000  # those that vary most
_MOST_ASKED = 4000  # cells whose nearest cells are looked for
_SMALL = 100  # classes of so few cells are looked at whole


def duplicates(
    X: Matrix,
    splits: Sequence[Split],
    *,
    codes: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    random_state: int = 0,
) -> CheckResult:
    """Look for test cells that have a copy, exact or nearly so, among the training cells.

    Parameters
    ----------
    X
        Cells x genes log values, dense or sparse.
    splits
        The folds of the comparison.
    codes
        Class of each cell; without them, copies are not counted by class.
    class_names
        Names of the classes, for the text.
    random_state
        Seed of the cells drawn to tell what chance makes.

    Returns
    -------
    CheckResult
        Severity ``'void'``; fires if more than 1 % of the test cells have a copy in training, or a
        tenth (and three at least) of the test cells of a class. Evidence: ``share``,
        ``share_by_chance``, ``n_exact`` and ``n_near`` (cells with a copy anywhere),
        ``n_classes_copied``.

    Notes
    -----
    Two cells are near copies if their distance is below 0.35 of the distance from one of them to its
    sixth nearest cell: droplets of the same type differ by the noise of counting, copies do not. It
    is the cell's own distance, because deep cells are nearer to each other than shallow ones are.
    Within a class, which may have few cells and lie far from the others, it is the second nearest.
    Near cells of two classes are a few like each other and unlike all others, and help no model.

    Some cells are alike by chance. Where few dimensions vary (a panel of a few markers, values smoothed
    over neighbours), near copies count where there are more than three times as many as cells drawn
    independently in so many dimensions would have. Where copies have few detected genes, each gene
    is exchanged among cells of the same class and depth, and twice the copies that are left are
    taken off. Cells with fewer than ten detected genes are passed over; of more than 4,000 cells, so
    many are looked at, and all those of classes with up to 100 cells.

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
    n_cells = X.shape[0]
    y = np.zeros(n_cells, dtype=int) if codes is None else np.asarray(codes)
    sampled = np.zeros(n_cells, dtype=bool)
    sampled[np.linspace(0, n_cells - 1, min(n_cells, _MOST_ASKED)).astype(int)] = True
    asked = sampled if codes is None else sampled | (np.bincount(y)[y] <= _SMALL)
    found = copies(X, asked, y)
    share = _share(found.origin, splits, sampled)
    of_class = {} if codes is None else _of_classes(found.strict, splits, y, asked)
    by_chance, expected = 0.0, dict.fromkeys(of_class, SURPLUS * found.strict_chance)
    if (share > MOST_SHARE or _copied(of_class, expected)) and _are_simple(X, found):
        drawn = copies(genes_exchanged(X, y, generator(random_state, 9)), asked, y)
        by_chance = _share(drawn.origin, splits, sampled)
        for code, (n_copied, n_tested) in _of_classes(drawn.strict, splits, y, asked).items():
            if code in expected:
                expected[code] = max(expected[code], EQUAL * n_copied / n_tested)
    evidence: dict[str, Any] = {
        "share": share,
        "share_by_chance": by_chance,
        "n_exact": found.n_exact,
        "n_near": found.n_near,
    }
    classes = _copied(of_class, expected)
    evidence["n_classes_copied"] = len(classes)
    what = f"{share:.1%} of the test cells have a copy in training."
    if by_chance:
        what = (
            f"{share:.1%} of the test cells equal a training cell, {by_chance:.1%} if the genes of "
            "cells of one class and depth are exchanged."
        )
    if share - EQUAL * by_chance > MOST_SHARE:
        what = (
            f"{share:.0%} of the test cells have a copy among the training cells of their fold "
            f"({found.n_exact} exact, {found.n_near} near)."
        )
    elif classes:
        names = [repr(code if class_names is None else str(class_names[code])) for code in classes]
        n_copied, n_tested = (sum(of_class[code][i] for code in classes) for i in (0, 1))
        what = (
            f"Of the {n_tested} test cells of {', '.join(names[:5])}"
            f"{', ...' if len(names) > 5 else ''}, {n_copied} have a copy among the training cells of "
            "their fold, and macro-F1 counts every class alike."
        )
    else:
        return passed(NAME, "void", what, **evidence)
    return fault(
        NAME,
        "void",
        what,
        "A model that remembers cells is scored as one that recognises types.",
        "go back to the cells before they were copied or oversampled, or keep cells of one origin "
        "together by `group_key`; copies that are wanted for training belong inside fit().",
        evidence=evidence,
    )


@dataclass(frozen=True)
class Copies:
    """Cells that are copies of each other.

    Attributes
    ----------
    origin
        Number of the set of copies that each cell belongs to, -1 for none.
    strict
        The same of exact copies and of near ones that stand out from the second nearest cell.
    n_exact, n_near
        Number of cells with an exact copy, and with a near one.
    strict_chance
        Share of independent cells in so many dimensions that would be called strict near copies.
    """

    origin: np.ndarray
    strict: np.ndarray
    n_exact: int
    n_near: int
    strict_chance: float


def copies(X: Matrix, asked: np.ndarray, codes: np.ndarray) -> Copies:
    """Find cells that are copies of each other.

    Parameters
    ----------
    X
        Cells x genes.
    asked
        Boolean, per cell: whether to look for near copies of it.
    codes
        Class of each cell: near copies are of one class.
    """
    rows: Matrix = sparse.csr_array(X, dtype=np.float64, copy=True)
    rows.sum_duplicates()  # in one order, so that equal cells are equal
    rows.eliminate_zeros()
    usable = np.flatnonzero(np.diff(rows.indptr) >= min(_LEAST_GENES, max(X.shape[1] // 2, 1)))
    exact = _exact(rows, usable)
    near, strict, chance = _near(X, np.setdiff1d(usable, exact[:, 1]), asked)
    near, strict = (p[codes[p[:, 0]] == codes[p[:, 1]]] for p in (near, strict))
    return Copies(
        _components(np.concatenate([exact, near]), X.shape[0]),
        _components(np.concatenate([exact, strict]), X.shape[0]),
        len(np.unique(exact)),
        len(np.unique(near)),
        chance,
    )


def _components(pairs: np.ndarray, n_cells: int) -> np.ndarray:
    """Number of the connected component of each cell, -1 for cells in no pair."""
    graph = sparse.coo_array((np.ones(len(pairs)), pairs.T), shape=(n_cells, n_cells))
    _, component = sparse.csgraph.connected_components(graph, directed=False)
    return np.where(np.bincount(component)[component] == 1, -1, component)


def _has_copy(origin: np.ndarray, split: Split, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Test cells of a fold that are looked at, and whether each has a copy in training."""
    tested = split.test[asked[split.test]]
    return tested, (origin[tested] >= 0) & np.isin(origin[tested], origin[split.train])


def _share(origin: np.ndarray, splits: Sequence[Split], asked: np.ndarray) -> float:
    found = np.concatenate([_has_copy(origin, split, asked)[1] for split in splits])
    return float(found.mean()) if len(found) else 0.0


def _of_classes(
    origin: np.ndarray, splits: Sequence[Split], codes: np.ndarray, asked: np.ndarray
) -> dict[int, tuple[int, int]]:
    """Test cells of each class with a copy in training, and all its test cells, over a repeat."""
    n_repeats = len({split.repeat for split in splits})
    n_copied, n_tested = np.zeros((2, int(codes.max()) + 1))
    for split in splits:
        tested, found = _has_copy(origin, split, asked)
        n_tested += np.bincount(codes[tested], minlength=len(n_tested))
        n_copied += np.bincount(codes[tested[found]], minlength=len(n_tested))
    return {
        int(code): (round(n_copied[code] / n_repeats), max(round(n_tested[code] / n_repeats), 1))
        for code in np.flatnonzero(n_tested)
    }


def _copied(of_class: dict[int, tuple[int, int]], expected: dict[int, float]) -> list[int]:
    """Classes of which too many test cells have a copy in training."""
    return [
        code
        for code, (n_copied, n_tested) in of_class.items()
        if n_copied >= LEAST_OF_CLASS and n_copied / n_tested >= MOST_OF_CLASS + expected[code]
    ]


def _are_simple(X: Matrix, found: Copies) -> bool:
    """Whether the copies have so few detected genes that chance may have made them."""
    copied: Matrix = sparse.csr_array(X[(found.origin >= 0) | (found.strict >= 0)])
    copied.eliminate_zeros()
    return bool(np.median(np.diff(copied.indptr)) < _ENOUGH_GENES)


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


def _near(X: Matrix, cells: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Pairs of a cell and a nearest one that is too close to be another.

    Returns
    -------
    Pairs that are close beside the sixth nearest cell, pairs that are close beside the second, and the
    share of independent cells that would be in the latter.
    """
    none = np.empty((0, 2), dtype=np.int64)
    queries = np.flatnonzero(asked[cells])
    if len(cells) < _LATER + 2 or not len(queries):
        return none, none, 0.0
    columns = np.sort(rank_variance(X)[:_MOST_GENES])
    values = X[cells][:, columns]
    values = np.asarray(values.toarray() if is_sparse(values) else values, dtype=np.float64)
    squares = (values**2).sum(axis=1)
    nearest = np.empty(len(queries), dtype=np.int64)
    first, second, sixth, twelfth = np.empty((4, len(queries)))
    for start in range(0, len(queries), _BLOCK):
        here = queries[start : start + _BLOCK]
        distance = squares[here, None] + squares - 2 * (values[here] @ values.T)
        distance[np.arange(len(here)), here] = np.inf
        block = slice(start, start + len(here))
        nearest[block] = distance.argmin(axis=1)
        ordered = np.sort(np.partition(distance, _LATER, axis=1)[:, : _LATER + 1], axis=1)
        first[block], second[block], sixth[block], twelfth[block] = ordered[:, [0, 1, 5, _LATER]].T
    first, second, sixth, twelfth = (
        np.sqrt(np.maximum(d, 0)) for d in (first, second, sixth, twelfth)
    )
    close, stands_out = first < NEAR * sixth, first < NEAR * second
    pairs = np.column_stack([cells[queries], cells[nearest]])
    dimension = n_dimensions(sixth, twelfth)
    by_chance = 1 - (1 - NEAR**dimension) ** 5
    near = pairs[close] if close.mean() > SURPLUS * by_chance else none
    return near, pairs[stands_out], float(NEAR**dimension)


def n_dimensions(sixth: np.ndarray, twelfth: np.ndarray) -> float:
    """Number of dimensions in which cells vary, from the distances to their neighbours.

    In ``d`` dimensions the number of cells within a distance grows with its ``d``-th power, so that the
    ratio of two distances tells ``d``; pairs of copies do not change this one. Independent cells have
    their nearest one nearer than ``NEAR`` times the second with probability ``NEAR**d``, and nearer
    than that of the sixth with ``1 - (1 - NEAR**d)**5``.

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
        return float("inf")
    return float(np.log(0.5) / np.log(ratio))  # the median of the ratio's d-th power is a half
