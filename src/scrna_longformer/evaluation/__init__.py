"""Splits, metrics, baselines, and the comparison of any estimators on the same folds."""

from __future__ import annotations

from ._baselines import BASELINES
from ._benchmark import FoldResult, cross_validate
from ._break_even import BreakEven, break_even
from ._centroid import CentroidClassifier
from ._cost import count_parameters
from ._curve_draws import CurveDraws, draw_curves
from ._curve_tables import (
    CurveErrors,
    curve_errors,
    curve_table,
    extrapolation_table,
    law_table,
    size_run_table,
    size_score_table,
    to_error,
)
from ._depth import DepthFeatures
from ._metrics import LOWER_IS_BETTER, METRICS, expected_calibration_error, per_class_f1, score
from ._nested import nested_splits, stratified_order
from ._penalised import TunedLogisticRegression
from ._power_law import PowerLaw, fit_power_law
from ._scaling import LogitScaling
from ._simple_mean import SimpleMean
from ._split import Split, holdout, make_splits
from ._summary import COSTS, class_table, confusion_table, fold_table, run_table, summary_table

__all__ = [
    "BASELINES",
    "COSTS",
    "LOWER_IS_BETTER",
    "METRICS",
    "BreakEven",
    "CentroidClassifier",
    "CurveDraws",
    "CurveErrors",
    "DepthFeatures",
    "FoldResult",
    "LogitScaling",
    "PowerLaw",
    "SimpleMean",
    "Split",
    "TunedLogisticRegression",
    "break_even",
    "class_table",
    "confusion_table",
    "count_parameters",
    "cross_validate",
    "curve_errors",
    "curve_table",
    "draw_curves",
    "expected_calibration_error",
    "extrapolation_table",
    "fit_power_law",
    "fold_table",
    "holdout",
    "law_table",
    "make_splits",
    "nested_splits",
    "per_class_f1",
    "run_table",
    "score",
    "size_run_table",
    "size_score_table",
    "stratified_order",
    "summary_table",
    "to_error",
]
