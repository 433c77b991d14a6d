"""Labels that can be read from how deeply a cell was sequenced."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ...features._ranking import Matrix
from .._baselines import depth_only
from .._split import Split
from ._agreement import balanced_skill
from ._result import CheckResult, fault, passed

NAME = "depth_labels"
MOST_SHARE = 0.9  # of the skill of the best contestant


def depth_labels(
    X: Matrix, codes: np.ndarray, splits: Sequence[Split], *, best_skill: float = 1.0
) -> CheckResult:
    """Predict the labels from total counts and the number of detected genes alone.

    Parameters
    ----------
    X
        Cells x genes log values.
    codes
        Class of each cell.
    splits
        Folds of one repeat; each is trained and tested anew.
    best_skill
        Skill of the best contestant: balanced, 0 at chance and 1 without error.

    Returns
    -------
    CheckResult
        Severity ``'limits'``; fires if depth alone reaches nine tenths of the best contestant's skill
        (balanced accuracy put between 0 at chance and 1). Evidence: ``depth_skill``,
        ``best_skill``.

    Notes
    -----
    Types of cells do differ in how much RNA they hold, so some skill is usual. Where depth alone
    tells most of what all genes tell, labels and libraries may be the same thing.
    """
    proba, truth = [], []
    n_classes = int(codes.max()) + 1
    for split in splits:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = depth_only(0).fit(X[split.train], codes[split.train])
        aligned = np.zeros((len(split.test), n_classes))
        aligned[:, model.classes_] = model.predict_proba(X[split.test])
        proba.append(aligned)
        truth.append(codes[split.test])
    skill = balanced_skill(proba, truth)
    evidence: dict[str, Any] = {"depth_skill": skill, "best_skill": best_skill}
    what = (
        f"Sequencing depth alone has a skill of {skill:.2f}, the best contestant {best_skill:.2f}."
    )
    if skill < MOST_SHARE * max(best_skill, 0.2):
        return passed(NAME, "limits", what, **evidence)
    return fault(
        NAME,
        "limits",
        f"The labels can be read from sequencing depth. {what}",
        "Scores do not show that a model knows the biology of these classes: counting molecules "
        "goes most of the way.",
        "compare within cells of like depth, thin all cells to a common total "
        "(scanpy.pp.downsample_counts), or hold out whole libraries with `group_key`.",
        evidence=evidence,
    )
