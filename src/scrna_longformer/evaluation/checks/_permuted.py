"""Permuted labels must score at chance: where they do not, the evaluation itself is broken."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from ..._random import generator
from ...features._ranking import Matrix
from .._build import build
from .._class_codes import class_codes, in_order
from .._split import Split
from .._threads import threads_of
from ._agreement import balanced_skill, shuffle_z
from ._linear import permuted_scores
from ._result import CheckResult, fault, passed

NAME = "permuted_labels"
ALPHA = 0.01
N_PERMUTATIONS = 100
_MOST_CELLS = 240  # for contestants that are trained anew
_N_DRAWS = 2
_MOST_ROTATIONS = 3
_LONGEST = 100  # characters of an error that are quoted


@dataclass(frozen=True)
class PermutedFit:
    """What a contestant did after it was trained on permuted labels.

    Attributes
    ----------
    z
        Standard score of its agreement with the permuted labels of cells it was not trained on.
    known
        Its agreement with their *true* labels, between 0 (chance) and 1.
    refused
        Why there are none and both are NaN: what the contestant raised; empty if it was trained.
    """

    z: float
    known: float
    refused: str = ""


def permuted_labels(
    Z: np.ndarray,
    codes: np.ndarray,
    splits: Sequence[Split],
    *,
    contestants: Mapping[str, PermutedFit] | None = None,
    not_asked: Sequence[str] = (),
    n_permutations: int = N_PERMUTATIONS,
    alpha: float = ALPHA,
    random_state: int = 0,
) -> CheckResult:
    """Test whether labels that were permuted over all cells can be predicted.

    Parameters
    ----------
    Z
        Cells x features that were made without labels (:func:`components`).
    codes
        Class of each cell.
    splits
        The folds of the comparison.
    contestants
        Contestants that were to be trained on permuted labels (:func:`trained_on_permuted`). Those
        that refused, or have no finite ``z``, are not tested but named.
    not_asked
        Contestants that were not, because they are slow, for the text.
    n_permutations
        Permutations that the linear classifier is trained on in every fold.
    alpha
        Level of the test, shared between the linear classifier and the contestants (Bonferroni).
    random_state
        Seed of the permutations.

    Returns
    -------
    CheckResult
        Severity ``'void'``. Evidence: ``p_value`` (smallest, times the number of tests),
        ``n_permutations``, ``n_contestants``.

    Notes
    -----
    A linear classifier is trained on permuted labels in every fold and its scores for the permuted
    labels of the test cells are compared with their exact mean and variance over shuffles of those
    test labels. The means over permutations are tested by a one-sided t-test, whose spread is that
    between permutations: folds of one permutation share cells and are not independent. Contestants
    are trained a few times only; their standard scores are divided by the root of two, which bounds
    what the dependence of two folds can add.

    References
    ----------
    Ojala and Garriga (2010), Permutation tests for studying classifier performance, Journal of
    Machine Learning Research 11, 1833-1863.

    Examples
    --------
    >>> from scrna_longformer.evaluation import Split, make_splits
    >>> rng = np.random.default_rng(0)
    >>> codes = np.repeat([0, 1], 40)
    >>> Z = rng.normal(size=(80, 10)) + codes[:, None]
    >>> permuted_labels(Z, codes, make_splits(codes)).fired
    False
    >>> everything = np.arange(80)
    >>> permuted_labels(Z, codes, [Split(0, 0, everything, everything)]).fired
    True
    """
    z = linear_permuted_z(
        Z, codes, splits, n_permutations=n_permutations, random_state=random_state
    )
    fits = contestants or {}
    p_values = {n: float(stats.norm.sf(f.z)) for n, f in fits.items() if np.isfinite(f.z)}
    p_values["the linear classifier"] = _mean_above_zero(z)
    why = {n: f.refused or "without a number" for n, f in fits.items() if n not in p_values}
    why |= dict.fromkeys(not_asked, "too slow")
    listed = ", ".join(f"{n} ({reason})" for n, reason in why.items())
    left_out = f" Not trained on them: {listed}." if listed else ""
    name, least = min(p_values.items(), key=lambda item: item[1])
    p_value = min(1.0, least * len(p_values))
    evidence: dict[str, Any] = {
        "p_value": p_value,
        "n_permutations": n_permutations,
        "n_contestants": len(p_values) - 1,
    }
    if p_value > alpha:
        return passed(
            NAME,
            "void",
            f"Permuted labels score at chance (p = {p_value:.2g}).{left_out}",
            **evidence,
        )
    return fault(
        NAME,
        "void",
        f"Permuted labels are predicted above chance by {name} (p = {p_value:.2g}).",
        "Nothing links permuted labels to cells, so test labels reach training by another way; "
        "scores on the real labels are inflated by as much.",
        "make disjoint splits (evaluation.make_splits), remove copies of cells, and use estimators "
        "that keep nothing from one fit to the next.",
        evidence=evidence,
    )


def linear_permuted_z(
    Z: np.ndarray,
    codes: np.ndarray,
    splits: Sequence[Split],
    *,
    n_permutations: int,
    random_state: int,
) -> np.ndarray:
    """Standard scores of how well permuted labels are predicted linearly, one per permutation."""
    z = []
    for permuted, scores in permuted_scores(
        Z, codes, splits, n_permutations=n_permutations, rng=generator(random_state, 1)
    ):
        z.append(shuffle_z([(f, permuted[s.test]) for f, s in zip(scores, splits, strict=True)]))
    return np.array(z)


def _mean_above_zero(z: np.ndarray) -> float:
    """P value of a one-sided t-test of the mean."""
    spread = z.std(ddof=1)
    return float(stats.t.sf(z.mean() / spread * np.sqrt(len(z)), len(z) - 1)) if spread > 0 else 1.0


def trained_on_permuted(
    model: Any, X: Matrix, codes: np.ndarray, *, random_state: int = 0
) -> PermutedFit:
    """Train a contestant on permuted labels of few cells and see what it knows of the others.

    Parameters
    ----------
    model
        An estimator (cloned) or a function from a random state to one.
    X
        Cells x genes.
    codes
        Class of each cell.
    random_state
        Seed.

    Returns
    -------
    PermutedFit
        An honest learner has ``z`` near 0 and ``known`` near 0. Both are NaN, and ``refused`` says why,
        if the contestant raises an error on so few cells or gives no probabilities, or if no two
        classes have six cells.

    Notes
    -----
    At most 240 cells, equally many of each class with six cells or more, in two halves, each half
    the training cells of the other. An honest learner can agree with the true labels by chance,
    because permuted labels may happen to follow the clusters of the cells. So each permutation is
    also used with its classes moved on by one or two: the chance agreements then cancel, and what a
    model knows by itself remains.
    """
    rng = generator(random_state, 2)
    rows, y = _equal_classes(codes, rng)
    n_classes = int(y.max(initial=-1)) + 1
    if n_classes < 2:
        return _refused("no two classes have six cells")
    half = np.zeros(len(y), dtype=bool)
    half[::2] = True
    agreements, known = [], []
    for labels, is_first in _permutations(y, n_classes, rng):
        for train, test in ((half, ~half), (~half, half)):
            if len(np.unique(labels[train])) < 2:
                continue
            try:
                proba = _fitted_proba(
                    model, (X[rows[train]], labels[train]), X[rows[test]], n_classes, rng
                )
            # The code is foreign, and so may be any error. It was sound in the folds, so that one on
            # these few cells may not cost a finished comparison: it is quoted.
            except Exception as error:  # noqa: BLE001
                said = " ".join(str(error).split())
                return _refused(f"{type(error).__name__}: {said}"[:_LONGEST])
            if is_first:  # classes moved on say nothing new of the permuted labels
                agreements.append((proba, labels[test]))
            known.append(balanced_skill([proba], [y[test]]))
    # the two halves of a draw may agree or not for the same reason: their sum varies up to twice
    return PermutedFit(shuffle_z(agreements) / np.sqrt(2), float(np.mean(known)))


def _fitted_proba(
    model: Any,
    train: tuple[Matrix, np.ndarray],
    cells: Matrix,
    n_classes: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Probabilities of all classes for some cells, after a fit to others."""
    with threads_of(model), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence: there is nothing to learn
        estimator = build(model, int(rng.integers(2**31)))
        estimator.fit(*train)
        found = in_order(estimator, cells)
    proba = np.zeros((cells.shape[0], n_classes))
    proba[:, np.sort(class_codes(estimator))] = found
    return proba


def _refused(why: str) -> PermutedFit:
    return PermutedFit(float("nan"), float("nan"), why)


def _permutations(
    y: np.ndarray, n_classes: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, bool]]:
    """Permuted labels, and the same with every class moved on (then False)."""
    for _ in range(_N_DRAWS):
        shuffled = rng.permutation(y)
        for rotation in range(min(n_classes, _MOST_ROTATIONS)):
            yield (shuffled + rotation) % n_classes, rotation == 0


def _equal_classes(codes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows and consecutive codes of equally many cells of each class, classes interleaved."""
    sizes = np.bincount(codes[codes >= 0])
    used = np.flatnonzero(sizes >= 6)
    if len(used) == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    n = int(min(sizes[used].min(), max(_MOST_CELLS // len(used), 6)))
    chosen = [rng.choice(np.flatnonzero(codes == code), n, replace=False) for code in used]
    rows = np.concatenate(chosen)
    y = np.repeat(np.arange(len(used)), n)
    order = rng.permutation(len(rows))
    return rows[order], y[order]
