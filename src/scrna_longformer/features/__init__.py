"""What models see of the expression values: their state, gene rankings, input transforms."""

from __future__ import annotations

from ._checked import CellTransformer
from ._counts import has_counts, recover_counts
from ._ranking import rank_f_test, rank_markers, rank_variance
from ._residuals import PearsonResiduals, pearson_residuals
from ._state import ExpressionState, ValueSummary, expression_state, summarise_values
from ._thinning import Independence, half_correlation, thin_counts
from ._transform import GeneScaler, GeneSelector

__all__ = [
    "CellTransformer",
    "ExpressionState",
    "GeneScaler",
    "GeneSelector",
    "Independence",
    "PearsonResiduals",
    "ValueSummary",
    "expression_state",
    "half_correlation",
    "has_counts",
    "pearson_residuals",
    "rank_f_test",
    "rank_markers",
    "rank_variance",
    "recover_counts",
    "summarise_values",
    "thin_counts",
]
