"""Exact kNN-masked attention as pure functions on tensors."""

from __future__ import annotations

from ._knn_attention import BACKENDS, knn_attention, knn_attention_weights, resolve_backend

__all__ = ["BACKENDS", "knn_attention", "knn_attention_weights", "resolve_backend"]
