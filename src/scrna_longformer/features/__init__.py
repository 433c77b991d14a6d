"""What models see of the expression values: their state, gene rankings, input transforms."""

from __future__ import annotations

from ._ranking import rank_f_test, rank_markers, rank_variance
from ._state import ExpressionState, ValueSummary, expression_state, summarise_values
from ._transform import GeneScaler, GeneSelector

__all__ = [
    "ExpressionState",
    "GeneScaler",
    "GeneSelector",
    "ValueSummary",
    "expression_state",
    "rank_f_test",
    "rank_markers",
    "rank_variance",
    "summarise_values",
]
