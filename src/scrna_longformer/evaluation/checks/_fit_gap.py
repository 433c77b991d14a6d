"""Contestants that were trained too little or that remember their training cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._result import CheckResult, fault, passed

OVER, UNDER = "overfitting", "underfitting"
LEAST_GAP = 0.15  # macro-F1, training less test
LEAST_LOSS = 0.05  # macro-F1, behind the best on test cells
LEAST_SHORTFALL = 0.05
BEST = "the best contestant"


def overfitting(
    train: Sequence[float],
    test: Sequence[float],
    best_test: float,
    *,
    model: str = "",
    best: str = BEST,
) -> CheckResult:
    """Look whether a contestant fits its training cells far better than others, and loses by it.

    Parameters
    ----------
    train, test
        Macro-F1 on training and test cells of each fold; on the test cells of each repeat where a fold
        alone cannot be scored (``evaluation._pooled``).
    best_test
        Mean macro-F1 on test cells of the best model there is.
    model
        Name of the contestant.
    best
        What the best model is, for the text.

    Returns
    -------
    CheckResult
        Severity ``'limits'``; fires if the gap between training and test is at least 0.15 *and* the
        test score at least 0.05 below the best. Evidence: ``train``, ``test``, ``best_test``.

    Notes
    -----
    A gap alone is no fault: forests and nearest neighbours fit their training cells by design and
    may still be the best.

    Examples
    --------
    >>> overfitting([1.0, 1.0], [0.6, 0.7], 0.9, model="tree").fired
    True
    >>> overfitting([1.0, 1.0], [0.9, 0.9], 0.9, model="forest").fired
    False
    """
    fitted, tested = float(np.mean(train)), float(np.mean(test))
    fired = fitted - tested >= LEAST_GAP and best_test - tested >= LEAST_LOSS
    why = "Its place shows these settings, not the method: with less freedom it would rank higher."
    mend = "a stronger penalty, fewer genes, earlier stopping, or more cells."
    return _result(OVER, (fitted, tested, best_test), model, best, why, mend, fired=fired)


def underfitting(
    train: Sequence[float],
    test: Sequence[float],
    best_test: float,
    *,
    model: str = "",
    best: str = BEST,
) -> CheckResult:
    """Look whether a contestant fits its own training cells worse than others tell new cells.

    Parameters
    ----------
    train, test
        Macro-F1 on training and test cells of each fold; on the test cells of each repeat where a fold
        alone cannot be scored (``evaluation._pooled``).
    best_test
        Mean macro-F1 on test cells of the best model there is.
    model
        Name of the contestant.
    best
        What the best model is, for the text.

    Returns
    -------
    CheckResult
        Severity ``'limits'``; fires if the training score is at least 0.05 below `best_test`.
        Evidence: ``train``, ``test``, ``best_test``.

    Examples
    --------
    >>> underfitting([0.30, 0.35], [0.3, 0.3], 0.9, model="two epochs").fired
    True
    """
    fitted, tested = float(np.mean(train)), float(np.mean(test))
    fired = best_test - fitted >= LEAST_SHORTFALL
    why = "Its place shows too little training or freedom, not the method."
    mend = "more steps, a weaker penalty, more genes, or a larger model."
    return _result(UNDER, (fitted, tested, best_test), model, best, why, mend, fired=fired)


def _result(
    name: str,
    scores: tuple[float, float, float],
    model: str,
    best: str,
    why: str,
    mend: str,
    *,
    fired: bool,
) -> CheckResult:
    train, test, best_test = scores
    what = (
        f"{model!r} has macro-F1 {train:.2f} on training cells and {test:.2f} on test cells; "
        f"{best} has {best_test:.2f} on test cells."
    )
    evidence: dict[str, Any] = {"train": train, "test": test, "best_test": best_test}
    if not fired:
        return passed(name, "limits", what, subject=model, **evidence)
    return fault(name, "limits", what, why, mend, subject=model, evidence=evidence)
