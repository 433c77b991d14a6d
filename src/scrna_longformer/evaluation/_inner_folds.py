"""Folds inside the training cells, for choosing and calibrating."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.model_selection import StratifiedKFold


def inner_folds(
    codes: np.ndarray, n_folds: int, random_state: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to train on and rows to test on; no fold where one could train on a single class.

    Classes with fewer cells than folds are unseen in some of them; they stay in.
    """
    if (np.bincount(codes) >= n_folds).sum() < 2:
        return []
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=random_state)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        return list(folds.split(codes, codes))
