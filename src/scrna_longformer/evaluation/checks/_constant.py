"""Contestants that give (nearly) every cell the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._pure_folds import has_pure_fold, joined
from ._result import CheckResult, fault, passed

NAME = "constant_prediction"
LEAST_COVER = 0.1  # of the cells outside the commonest class: share that must be called otherwise
LEAST_SPREAD = 0.01


def constant_prediction(
    proba: Sequence[np.ndarray], truth: Sequence[np.ndarray], *, model: str = ""
) -> CheckResult:
    """Look whether a contestant predicts (nearly) the same class for every cell.

    Parameters
    ----------
    proba
        Out-of-fold probabilities (test cells x classes), one array for each fold.
    truth
        Codes of the test cells of each fold.
    model
        Name of the contestant.

    Returns
    -------
    CheckResult
        Severity ``'exclude'``; fires if the cells that are not called by the commonest answer are
        fewer than a tenth of the cells outside the commonest class, or if no probability varies
        over cells by more than 0.01 (standard deviation). Evidence: ``top_share``, ``majority``,
        ``spread``, ``n_predicted`` (classes that are predicted at all), ``n_classes``.

    Notes
    -----
    Where a fold holds one class only (a patient with one diagnosis is left out), predicting that class
    for all of it is right: then all folds are looked at as one.

    Examples
    --------
    >>> codes = np.array([0, 0, 0, 1, 1, 2])
    >>> prior = np.tile([0.5, 0.3, 0.2], (6, 1))
    >>> constant_prediction([prior], [codes], model="prior").what
    "'prior' calls 100% of the test cells alike (1 of 3 classes predicted)."
    """
    if has_pure_fold(truth):
        proba, truth = joined(proba), joined(truth)
    top, majority, spread = [], [], []
    for scores, codes in zip(proba, truth, strict=True):
        calls = np.bincount(scores.argmax(axis=1), minlength=scores.shape[1])
        top.append(calls.max() / len(codes))
        majority.append(np.bincount(codes).max() / len(codes))
        spread.append(float(scores.std(axis=0).max()))
    predicted = np.unique(np.concatenate([scores.argmax(axis=1) for scores in proba]))
    evidence: dict[str, Any] = {
        "top_share": float(np.mean(top)),
        "majority": float(np.mean(majority)),
        "spread": float(np.mean(spread)),
        "n_predicted": len(predicted),
        "n_classes": len(np.unique(np.concatenate(list(truth)))),
    }
    fewest = LEAST_COVER * (1 - np.mean(majority))
    if 1 - np.mean(top) < fewest or np.mean(spread) >= LEAST_SPREAD:
        what = (
            f"{model!r} calls {np.mean(top):.0%} of the test cells alike "
            f"({len(predicted)} of {evidence['n_classes']} classes predicted)."
        )
        why = "Its accuracy is the share of the commonest class and tells nothing about the method."
        mend = "train it longer or with a weaker penalty, and look at its scores on the training cells."
        if not 1 - np.mean(top) < fewest:
            return passed(NAME, "exclude", what, subject=model, **evidence)
    else:
        what = (
            f"{model!r} gives every test cell nearly the same probabilities: over cells, none varies by "
            f"more than {np.mean(spread):.4f} (standard deviation). It predicts {len(predicted)} of "
            f"{evidence['n_classes']} classes."
        )
        why = "Its answers hang on differences so small that its probabilities tell nothing of a cell."
        mend = "train it longer or with a weaker penalty; if it calibrates itself, look at how."
    return fault(NAME, "exclude", what, why, mend, subject=model, evidence=evidence)
