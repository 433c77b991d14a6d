"""Splits, metrics, baselines, and the comparison of any estimators on the same folds."""

from __future__ import annotations

from . import checks as checks
from ._baselines import BASELINES
from ._benchmark import FoldResult, cross_validate
from ._break_even import BreakEven, break_even
from ._calibration import TemperatureScaled, fit_temperature, scale_temperature
from ._centroid import CentroidClassifier
from ._conformal import Conformal
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
from ._novelty import Novelty, log_ratios
from ._penalised import TunedLogisticRegression
from ._power_law import PowerLaw, fit_power_law
from ._scaling import LogitScaling
from ._simple_mean import SimpleMean
from ._split import Split, holdout, make_splits
from ._summary import (
    COSTS,
    class_table,
    confusion_table,
    fold_table,
    reliability_table,
    run_table,
    summary_table,
)

__all__ = [
    "BASELINES",
    "COSTS",
    "LOWER_IS_BETTER",
    "METRICS",
    "BreakEven",
    "CentroidClassifier",
    "Conformal",
    "CurveDraws",
    "CurveErrors",
    "DepthFeatures",
    "FoldResult",
    "LogitScaling",
    "Novelty",
    "PowerLaw",
    "SimpleMean",
    "Split",
    "TemperatureScaled",
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
    "fit_temperature",
    "fold_table",
    "holdout",
    "law_table",
    "log_ratios",
    "make_splits",
    "nested_splits",
    "per_class_f1",
    "reliability_table",
    "run_table",
    "scale_temperature",
    "score",
    "size_run_table",
    "size_score_table",
    "stratified_order",
    "summary_table",
    "to_error",
]
