"""Splits, metrics, baselines, and the comparison of any estimators on the same folds."""

from __future__ import annotations

from ._baselines import BASELINES
from ._benchmark import FoldResult, cross_validate
from ._centroid import CentroidClassifier
from ._cost import count_parameters
from ._depth import DepthFeatures
from ._metrics import LOWER_IS_BETTER, METRICS, expected_calibration_error, per_class_f1, score
from ._penalised import TunedLogisticRegression
from ._scaling import LogitScaling
from ._simple_mean import SimpleMean
from ._split import Split, holdout, make_splits
from ._summary import COSTS, class_table, confusion_table, fold_table, run_table, summary_table

__all__ = [
    "BASELINES",
    "COSTS",
    "LOWER_IS_BETTER",
    "METRICS",
    "CentroidClassifier",
    "DepthFeatures",
    "FoldResult",
    "LogitScaling",
    "SimpleMean",
    "Split",
    "TunedLogisticRegression",
    "class_table",
    "confusion_table",
    "count_parameters",
    "cross_validate",
    "expected_calibration_error",
    "fold_table",
    "holdout",
    "make_splits",
    "per_class_f1",
    "run_table",
    "score",
    "summary_table",
]
