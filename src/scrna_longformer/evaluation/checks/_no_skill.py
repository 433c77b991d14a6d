"""Contestants that use none of the signal that there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._agreement import class_ranks
from ._no_signal import ALPHA, N_SHUFFLES, mean_area, shuffles
from ._pure_folds import has_pure_fold, joined
from ._result import CheckResult, fault, passed

NAME = "no_skill"
_FEWEST_FOLDS = 3  # that show a spread


def no_skill(
    proba: Sequence[np.ndarray],
    truth: Sequence[np.ndarray],
    *,
    model: str = "",
    best_skill: float = 1.0,
    groups: Sequence[np.ndarray] | None = None,
    n_shuffles: int = N_SHUFFLES,
    alpha: float = ALPHA,
    random_state: int = 0,
) -> CheckResult:
    """Test whether a contestant orders the cells of a class before the others, where others do.

    Parameters
    ----------
    proba
        Its out-of-fold scores (test cells x classes), one array for each fold.
    truth
        Codes of the test cells of each fold.
    model
        Name of the contestant.
    best_skill
        Skill of the best ordering there is (``best_skill`` of :func:`no_signal`).
    groups
        As in :func:`no_signal`.
    n_shuffles
        Shuffles of the test labels within each fold.
    alpha
        Level of the test.
    random_state
        Seed of the shuffles; the same gives those of :func:`no_signal`.

    Returns
    -------
    CheckResult
        Severity ``'exclude'``; fires unless the p value is below `alpha`, or if the skill is less than half
        of `best_skill` and, over three folds or more, less than two standard errors above 0. Evidence:
        ``p_value``, ``skill``, ``best_skill``.

    Notes
    -----
    It is for contestants that do look at the cells and still know nothing of the classes: answers from a
    hash, columns in the wrong order, labels that were mixed up in ``fit``. The last follow the clusters
    of the cells, but in each fold others: their mean over folds may lie far from that of shuffled
    labels, and no further than folds lie from each other. Half of the best is asked because folds of a
    good model differ too, where whole groups are held out.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes = rng.integers(3, size=90)
    >>> noise = rng.random((90, 3))
    >>> no_skill([noise], [codes], model="hash").fired
    True
    >>> no_skill([noise + np.eye(3)[codes]], [codes]).fired
    False
    """
    if has_pure_fold(truth):
        proba, truth = joined(proba), joined(truth)
        groups = None if groups is None else joined(groups)
    ranks = [class_ranks(p) for p in proba]
    observed = mean_area(ranks, truth)
    exceeding = sum(
        mean_area(ranks, shuffled) >= observed
        for shuffled in shuffles(truth, groups, n_shuffles, random_state)
    )
    p_value, skill = (1 + exceeding) / (1 + n_shuffles), 2 * observed - 1
    folds = [2 * mean_area([r], [codes]) - 1 for r, codes in zip(ranks, truth, strict=True)]
    error = np.std(folds, ddof=1) / np.sqrt(len(folds)) if len(folds) >= _FEWEST_FOLDS else 0.0
    is_luck = bool(skill < best_skill / 2 and np.mean(folds) < 2 * error)
    evidence: dict[str, Any] = {"p_value": p_value, "skill": skill, "best_skill": best_skill}
    what = (
        f"{model!r} orders the cells with a skill of {skill:.2f} (p = {p_value:.2g}), the best with "
        f"{best_skill:.2f}."
    )
    if p_value < alpha and not is_luck:
        return passed(NAME, "exclude", what, subject=model, **evidence)
    like = "shuffled labels give as much" if p_value >= alpha else "that is less than folds differ"
    return fault(
        NAME,
        "exclude",
        f"{what[:-1]}: {like}.",
        "The features tell the classes and it does not, so its scores are those of guesses.",
        "see that the columns of predict_proba are in the order of classes_, and that fit keeps rows and "
        "labels together; if so, train it longer or with a weaker penalty.",
        subject=model,
        evidence=evidence,
    )
