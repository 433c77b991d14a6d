"""Results as tidy data frames."""

from __future__ import annotations

from ._frames import BaselineComparison, baseline_compare
from ._frames_fit import gene_degrees, training_history

__all__ = ["BaselineComparison", "baseline_compare", "gene_degrees", "training_history"]
