"""Features that carry no label signal: a ranking on them would rank noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import gammaln

from ..._random import generator
from .._split import Split
from ._agreement import auc_from_ranks, class_ranks
from ._linear import class_of_groups, permuted_scores
from ._pure_folds import has_pure_fold, joined
from ._result import CheckResult, fault, passed

NAME = "no_signal"
ALPHA = 0.01
N_SHUFFLES = 199
LEAST_SKILL = 0.1  # 2 * AUC - 1: below, no use can be made of it
_PURE = 0.95  # of the cells have the commonest class of their group
# ways to hand classes out to groups: with fewer, the true one is drawn again by chance
_LEAST_WAYS = 1e5


def no_signal(
    proba: Mapping[str, Sequence[np.ndarray]],
    truth: Sequence[np.ndarray],
    *,
    null: Sequence[float] = (),
    groups: Sequence[np.ndarray] | None = None,
    n_shuffles: int = N_SHUFFLES,
    alpha: float = ALPHA,
    random_state: int = 0,
) -> CheckResult:
    """Test whether any contestant orders the cells of a class before the others.

    Parameters
    ----------
    proba
        Per contestant, out-of-fold scores (test cells x classes), one array for each fold.
    truth
        Codes of the test cells of each fold.
    null
        Areas that a model reaches that is trained and tested on permuted labels
        (:func:`linear_null`), one for each shuffle.
    groups
        Groups of the test cells of each fold, where all cells of a group share a class, as those of a
        donor share a diagnosis: then classes are shuffled over groups.
    n_shuffles
        Shuffles of the test labels within each fold.
    alpha
        Level of the test.
    random_state
        Seed of the shuffles.

    Returns
    -------
    CheckResult
        Severity ``'void'``; fires unless the p value is below `alpha`, or if even the best contestant has
        a skill (twice the mean area under the ROC curve, less one) below 0.1. Evidence:
        ``p_value``, ``best_skill``, ``best_model``.

    Notes
    -----
    The statistic is the area under the ROC curve, averaged over classes and folds, of the best
    contestant; the same maximum is taken for every shuffle, so many contestants need no further
    correction. Permuted labels may follow a cluster of cells by chance, in training and test cells
    alike, which shuffles of the test labels do not show. So where `null` is given, a shuffle counts
    with the larger of the two areas. Cells of a group that share a class by design are one observation
    of it: shuffled one by one, they would make chance look far smaller than it is. Areas do not depend
    on class sizes or on where a model cuts. Where a fold holds one class only there is none in it, and
    the cells of all folds are ordered together.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes = rng.integers(3, size=90)
    >>> noise = rng.random((90, 3))
    >>> no_signal({"noise": [noise]}, [codes]).fired
    True
    >>> no_signal({"signal": [noise + np.eye(3)[codes]]}, [codes]).fired
    False
    """
    if has_pure_fold(truth):
        proba, truth = {name: joined(folds) for name, folds in proba.items()}, joined(truth)
        groups = None if groups is None else joined(groups)
    ranks = {name: [class_ranks(p) for p in folds] for name, folds in proba.items()}
    observed = {name: mean_area(folds, truth) for name, folds in ranks.items()}
    best = max(observed, key=observed.__getitem__)
    exceeding = 0
    for i, shuffled in enumerate(shuffles(truth, groups, n_shuffles, random_state)):
        most = max(mean_area(folds, shuffled) for folds in ranks.values())
        exceeding += max(most, null[i] if i < len(null) else 0.0) >= observed[best]
    p_value = (1 + exceeding) / (1 + n_shuffles)
    skill = 2 * observed[best] - 1
    evidence: dict[str, Any] = {"p_value": p_value, "best_skill": skill, "best_model": best}
    found = f"The best ordering of cells is that of {best!r}: skill {skill:.2f}, p = {p_value:.2g}."
    if p_value < alpha and skill >= LEAST_SKILL:
        return passed(NAME, "void", found, **evidence)
    return fault(
        NAME,
        "void",
        f"The features carry no usable signal of the labels. {found}",
        "Differences between contestants are then differences between guesses.",
        "look whether rows and labels belong together (adata.obs_names), whether the genes are the "
        "wrong ones, and whether the labels can be told from expression at all.",
        evidence=evidence,
    )


def is_by_group(truth: Sequence[np.ndarray], groups: Sequence[np.ndarray]) -> bool:
    """Whether (nearly) all cells of a group share a class, in groups enough to shuffle classes over.

    Of few groups no shuffle can tell anything at a level of 0.01; what is left there is ``confounding``,
    which says so of them.

    Parameters
    ----------
    truth
        Codes of the test cells of each fold.
    groups
        Their groups.

    Examples
    --------
    >>> donors = np.repeat(np.arange(30), 5)
    >>> is_by_group([donors % 2], [donors]), is_by_group([np.arange(150) % 2], [donors])
    (True, False)
    """
    if has_pure_fold(truth):
        truth, groups = joined(truth), joined(groups)
    log_ways = 0.0
    for codes, of_cells in zip(truth, groups, strict=True):
        classes, place = class_of_groups(codes, of_cells)
        if np.mean(classes[place] == codes) < _PURE:
            return False
        log_ways += gammaln(len(classes) + 1) - gammaln(np.bincount(classes) + 1).sum()
    return bool(log_ways >= np.log(_LEAST_WAYS))


def linear_null(
    Z: np.ndarray,
    codes: np.ndarray,
    splits: Sequence[Split],
    *,
    groups: np.ndarray | None = None,
    n_permutations: int = N_SHUFFLES,
    random_state: int = 0,
) -> list[float]:
    """Areas under the ROC curve of the linear classifier on permuted labels, trained on them.

    Parameters
    ----------
    Z
        Cells x features (:func:`components`).
    codes
        Class of each cell, none negative.
    splits
        The folds.
    groups
        Group of each cell, where classes are to be permuted over groups (:func:`no_signal`).
    n_permutations
        How often.
    random_state
        Seed of the permutations.
    """
    areas = []
    is_joined = has_pure_fold([codes[split.test] for split in splits])
    for permuted, scores in permuted_scores(
        Z,
        codes,
        splits,
        n_permutations=n_permutations,
        rng=generator(random_state, 5),
        groups=groups,
    ):
        truth = [permuted[split.test] for split in splits]
        if is_joined:
            scores, truth = joined(scores), joined(truth)
        areas.append(mean_area([class_ranks(f, ties=False) for f in scores], truth))
    return areas


def shuffles(
    truth: Sequence[np.ndarray],
    groups: Sequence[np.ndarray] | None,
    n_shuffles: int,
    random_state: int,
) -> Iterator[list[np.ndarray]]:
    """Labels shuffled within each fold, over cells or over groups."""
    rng = generator(random_state, 3)
    if groups is None:
        parts = [(codes, np.arange(len(codes))) for codes in truth]
    else:
        parts = [class_of_groups(codes, g) for codes, g in zip(truth, groups, strict=True)]
    for _ in range(n_shuffles):
        yield [rng.permutation(classes)[place] for classes, place in parts]


def mean_area(ranks: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> float:
    areas = np.array([auc_from_ranks(r, codes) for r, codes in zip(ranks, truth, strict=True)])
    tested = ~np.isnan(areas)
    return float(areas[tested].mean()) if tested.any() else 0.5
