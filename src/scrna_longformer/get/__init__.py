"""Results as tidy data frames."""

from __future__ import annotations

from ._frames import BaselineComparison, baseline_compare
from ._frames_curve import LearningCurve, learning_curve
from ._frames_fit import gene_degrees, training_history
from ._frames_requirement import (
    DataRequirement,
    Recommendation,
    data_requirement,
    recommend_architecture,
)
from ._verdict import Verdict, verdict

__all__ = [
    "BaselineComparison",
    "DataRequirement",
    "LearningCurve",
    "Recommendation",
    "Verdict",
    "baseline_compare",
    "data_requirement",
    "gene_degrees",
    "learning_curve",
    "recommend_architecture",
    "training_history",
    "verdict",
]
