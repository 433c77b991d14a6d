"""Preprocessing: from raw counts to log values, the gene graph, and a look at the data."""

from __future__ import annotations

from ._check import check
from ._check_report import CheckItem, CheckReport
from ._count_split import count_split
from ._gene_knn_mask import gene_knn_mask
from ._recipe import recipe_longformer

__all__ = ["CheckItem", "CheckReport", "check", "count_split", "gene_knn_mask", "recipe_longformer"]
