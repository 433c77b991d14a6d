"""Splits, metrics, baselines, and the comparison of any estimators on the same folds."""

from __future__ import annotations

from . import checks as checks
from ._balanced import BalancedClassifier
from ._baselines import BASELINES
from ._benchmark import FoldResult, cross_validate
from ._break_even import BreakEven, break_even
from ._calibration import LogitScaled
from ._cell_classifier import CellClassifier
from ._centroid import CentroidClassifier
from ._checkpoint import FoldStore
from ._class_pairs import pairwise_class_table
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
    within_range,
)
from ._depth import DepthFeatures
from ._gate import gate_table
from ._held_out import held_out_table
from ._hypotheses import RopeProbabilities, corrected_t_test, correlated_t_test, effect_size, holm
from ._interval import corrected_interval
from ._jackknife import Influence, influence, leave_out_all
from ._markers import MarkerScoring
from ._metrics import (
    LOWER_IS_BETTER,
    METRICS,
    calibration_error_by_luck,
    expected_calibration_error,
    per_class_f1,
    score,
)
from ._more_baselines import MORE_BASELINES
from ._nested import nested_splits, stratified_order
from ._novelty import Novelty, log_ratios
from ._pairwise import ROPE, pairwise_table
from ._penalised import TunedLogisticRegression
from ._pool import LogitPool
from ._power_law import PowerLaw, fit_power_law
from ._scaling import LogitScaling
from ._score_interval import difference_interval, score_interval
from ._simple_mean import SimpleMean
from ._split import SPLITS, Split, holdout, make_splits
from ._summary import (
    COSTS,
    class_table,
    confusion_table,
    fold_table,
    reliability_table,
    run_table,
    summary_table,
)
from ._terms import Terms, terms_of, terms_row
from ._test_set import draw_test_set
from ._tuned import TunedClassifier

__all__ = [
    "BASELINES",
    "COSTS",
    "LOWER_IS_BETTER",
    "METRICS",
    "MORE_BASELINES",
    "ROPE",
    "SPLITS",
    "BalancedClassifier",
    "BreakEven",
    "CellClassifier",
    "CentroidClassifier",
    "Conformal",
    "CurveDraws",
    "CurveErrors",
    "DepthFeatures",
    "FoldResult",
    "FoldStore",
    "Influence",
    "LogitPool",
    "LogitScaled",
    "LogitScaling",
    "MarkerScoring",
    "Novelty",
    "PowerLaw",
    "RopeProbabilities",
    "SimpleMean",
    "Split",
    "Terms",
    "TunedClassifier",
    "TunedLogisticRegression",
    "break_even",
    "calibration_error_by_luck",
    "class_table",
    "confusion_table",
    "corrected_interval",
    "corrected_t_test",
    "correlated_t_test",
    "count_parameters",
    "cross_validate",
    "curve_errors",
    "curve_table",
    "difference_interval",
    "draw_curves",
    "draw_test_set",
    "effect_size",
    "expected_calibration_error",
    "extrapolation_table",
    "fit_power_law",
    "fold_table",
    "gate_table",
    "held_out_table",
    "holdout",
    "holm",
    "influence",
    "law_table",
    "leave_out_all",
    "log_ratios",
    "make_splits",
    "nested_splits",
    "pairwise_class_table",
    "pairwise_table",
    "per_class_f1",
    "reliability_table",
    "run_table",
    "score",
    "score_interval",
    "size_run_table",
    "size_score_table",
    "stratified_order",
    "summary_table",
    "terms_of",
    "terms_row",
    "to_error",
    "within_range",
]
