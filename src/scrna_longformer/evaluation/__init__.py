"""Splits, metrics, baselines, and the comparison of any estimators on the same folds."""

from __future__ import annotations

from ._metrics import LOWER_IS_BETTER, METRICS, expected_calibration_error, per_class_f1, score
from ._split import Split, holdout, make_splits

__all__ = [
    "LOWER_IS_BETTER",
    "METRICS",
    "Split",
    "expected_calibration_error",
    "holdout",
    "make_splits",
    "per_class_f1",
    "score",
]
