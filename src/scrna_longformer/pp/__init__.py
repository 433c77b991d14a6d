"""Preprocessing: from raw counts to log values, and the gene graph."""

from __future__ import annotations

from ._gene_knn_mask import gene_knn_mask

__all__ = ["gene_knn_mask"]
