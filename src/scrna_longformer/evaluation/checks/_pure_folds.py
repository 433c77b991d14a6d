"""Folds whose test cells are all of one class: a patient that is left out has one diagnosis.

Within such a fold nothing can be ordered, and one answer for all is the right one. What is asked within
folds is then asked over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def has_pure_fold(truth: Sequence[np.ndarray]) -> bool:
    """Whether the test cells of any fold are all of one class.

    Examples
    --------
    >>> has_pure_fold([np.array([0, 1]), np.array([1, 1])])
    True
    """
    return any(len(np.unique(codes)) < 2 for codes in truth)


def joined(folds: Sequence[np.ndarray]) -> list[np.ndarray]:
    """All folds as one."""
    return [np.concatenate(list(folds))]
