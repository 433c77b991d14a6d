"""Plots: each draws what one call wrote, takes ``ax``, ``show`` and ``save``, and returns Axes."""

from __future__ import annotations

from ._baseline_compare import baseline_compare
from ._class_f1 import class_f1
from ._confusion import confusion
from ._cost import cost
from ._gene_knn import gene_knn_block, gene_knn_degree
from ._learning_curve import learning_curve
from ._pairwise import pairwise
from ._reliability import reliability
from ._training_history import training_history

__all__ = [
    "baseline_compare",
    "class_f1",
    "confusion",
    "cost",
    "gene_knn_block",
    "gene_knn_degree",
    "learning_curve",
    "pairwise",
    "reliability",
    "training_history",
]
