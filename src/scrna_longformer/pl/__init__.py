"""Plots: each draws what one call wrote, takes ``ax``, ``show`` and ``save``, and returns Axes."""

from __future__ import annotations

from ._baseline_compare import baseline_compare
from ._gene_knn import gene_knn_block, gene_knn_degree
from ._learning_curve import learning_curve
from ._training_history import training_history

__all__ = [
    "baseline_compare",
    "gene_knn_block",
    "gene_knn_degree",
    "learning_curve",
    "training_history",
]
