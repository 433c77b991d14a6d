"""Checks that fire before a number is believed: arrays in, :class:`CheckResult` out."""

from __future__ import annotations

from ._circular import Provenance, circular
from ._confounding import confounding
from ._constant import constant_prediction
from ._depth_labels import depth_labels
from ._duplicates import duplicates
from ._fit_gap import overfitting, underfitting
from ._input import input_ignored
from ._leak import leak
from ._linear import components
from ._no_signal import linear_null, no_signal
from ._no_skill import no_skill
from ._permuted import PermutedFit, permuted_labels, trained_on_permuted
from ._preprocessing import preprocessing
from ._result import SEVERITIES, CheckResult, caveats, check_table, excluded, is_void
from ._run import REFERENCES, CheckInputs, run_checks
from ._small_classes import small_classes

__all__ = [
    "REFERENCES",
    "SEVERITIES",
    "CheckInputs",
    "CheckResult",
    "PermutedFit",
    "Provenance",
    "caveats",
    "check_table",
    "circular",
    "components",
    "confounding",
    "constant_prediction",
    "depth_labels",
    "duplicates",
    "excluded",
    "input_ignored",
    "is_void",
    "leak",
    "linear_null",
    "no_signal",
    "no_skill",
    "overfitting",
    "permuted_labels",
    "preprocessing",
    "run_checks",
    "small_classes",
    "trained_on_permuted",
    "underfitting",
]
