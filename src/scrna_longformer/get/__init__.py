"""Results as tidy data frames."""

from __future__ import annotations

from ._frames_fit import gene_degrees, training_history

__all__ = ["gene_degrees", "training_history"]
