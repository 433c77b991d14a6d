"""Scores over all folds of a repeat at once, where a fold alone cannot be scored."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ._leave_out import leave_out
from ._metrics import METRICS, per_class_f1, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._benchmark import FoldResult


def lacks_a_class(results: Sequence[FoldResult], codes: np.ndarray) -> bool:
    """Whether some fold tests no cell of a class that other folds test.

    A patient who is left out has one diagnosis, and a class of three cells is in three of five
    folds. Scores that give each class the same weight are then means over the classes *present*: in
    a fold of one class nothing can be taken for it wrongly, so that its F1 is too high, and Matthews'
    correlation has no value. The mean over such folds is no score of anything.

    Parameters
    ----------
    results
        Finished folds.
    codes
        Class of each cell.
    """
    tested = {result.key[1:3]: np.unique(codes[result.test]) for result in results}
    most = len(np.unique(np.concatenate(list(tested.values())))) if tested else 0
    return any(len(classes) < most for classes in tested.values())


def pool(results: Sequence[FoldResult], codes: np.ndarray) -> list[FoldResult]:
    """Make one result of the folds of each repeat: all its test cells, and their scores.

    Parameters
    ----------
    results
        Finished folds.
    codes
        Class of each cell.

    Returns
    -------
    One per contestant, repeat and seed, as fold 0; costs are those of its first fold.

    References
    ----------
    Forman and Scholz (2010), Apples-to-apples in cross-validation studies: pitfalls in classifier
    performance measurement, ACM SIGKDD Explorations 12, 49-57.
    """
    pooled = []
    for folds in _repeats(results).values():
        test = np.concatenate([fold.test for fold in folds])
        proba = np.concatenate([fold.proba for fold in folds])
        pooled.append(
            replace(
                folds[0],
                fold=0,
                test=test,
                proba=proba,
                metrics=score(codes[test], proba),
                class_f1=per_class_f1(codes[test], proba),
            )
        )
    return pooled


def pseudo_scores(
    results: Sequence[FoldResult], codes: np.ndarray
) -> dict[tuple[str, int, int, int], dict[str, float]]:
    """What each fold adds to the scores of its repeat: n times the score less n - 1 times that without.

    These pseudo-values of the jackknife stand in for scores of folds, where tests count folds.

    Parameters
    ----------
    results
        Finished folds.
    codes
        Class of each cell.

    Returns
    -------
    Scores by key of the result; NaN where a repeat has a single fold.

    References
    ----------
    Tukey (1958), Bias and confidence in not-quite large samples, Annals of Mathematical Statistics
    29, 614.
    """
    found = {}
    for folds in _repeats(results).values():
        test = np.concatenate([fold.test for fold in folds])
        numbers = np.repeat(np.arange(len(folds)), [len(fold.test) for fold in folds])
        left = leave_out(codes[test], np.concatenate([fold.proba for fold in folds]), numbers)
        n = len(folds)
        for i, fold in enumerate(folds):
            found[fold.key] = {
                name: float(n * left.whole[name] - (n - 1) * left.without[name][i])
                for name in METRICS
            }
    return found


def _repeats(results: Sequence[FoldResult]) -> dict[tuple[str, int, int], list[FoldResult]]:
    """Folds by contestant, repeat and seed."""
    repeats = defaultdict(list)
    for result in results:
        repeats[result.model, result.repeat, result.seed].append(result)
    return repeats
