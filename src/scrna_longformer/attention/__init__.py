"""Exact kNN-masked attention as pure functions on tensors."""

from __future__ import annotations

from ._knn_attention import BACKENDS, knn_attention, knn_attention_weights, resolve_backend
from ._linear import linear_attention

__all__ = [
    "BACKENDS",
    "knn_attention",
    "knn_attention_weights",
    "linear_attention",
    "resolve_backend",
]
