"""Preprocessing: from raw counts to log values, and the gene graph."""

from __future__ import annotations

from ._gene_knn_mask import gene_knn_mask
from ._recipe import recipe_longformer

__all__ = ["gene_knn_mask", "recipe_longformer"]
