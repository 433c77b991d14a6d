"""Backends that build all (query, key) pairs: the reference, and torch's fused attention."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import scaled_dot_product_attention

from ..graph._gene_graph import GeneGraph
from ._dropout import Dropout
from ._heads import merge_heads, split_heads

_masks: WeakKeyDictionary[GeneGraph, dict[torch.device, torch.Tensor]] = WeakKeyDictionary()


def dense_mask(graph: GeneGraph, device: torch.device) -> torch.Tensor:
    """Return the graph as a boolean (queries, keys) tensor, kept for as long as the graph lives."""
    by_device = _masks.setdefault(graph, {})
    if device not in by_device:
        mask = torch.zeros(graph.n_genes, graph.n_genes, dtype=torch.bool)
        mask[torch.as_tensor(graph.rows).long(), torch.as_tensor(graph.indices).long()] = True
        by_device[device] = mask.to(device)
    return by_device[device]


def eager(
    qkv: torch.Tensor, graph: GeneGraph, *, n_heads: int, scale: float, dropout: Dropout | None
) -> torch.Tensor:
    """Softmax attention as the formula reads; any floating dtype, computed in that dtype."""
    q, k, v = split_heads(qkv, n_heads)
    scores = scale * q @ k.mT
    scores = scores.masked_fill(~dense_mask(graph, qkv.device), -torch.inf)
    weights = scores.softmax(-1)
    if dropout is not None:
        weights = weights * _dense_factors(weights, graph, dropout)
    return merge_heads(weights @ v)


def sdpa(
    qkv: torch.Tensor, graph: GeneGraph, *, n_heads: int, scale: float, dropout: Dropout | None
) -> torch.Tensor:
    """Torch's fused attention under a boolean mask; with dropout, :func:`eager`.

    The fused kernels draw their own dropout and so cannot drop the weights that others drop.
    """
    if dropout is not None:
        return eager(qkv, graph, n_heads=n_heads, scale=scale, dropout=dropout)
    q, k, v = split_heads(qkv, n_heads)
    mask = dense_mask(graph, qkv.device)
    return merge_heads(scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale))


def _dense_factors(weights: torch.Tensor, graph: GeneGraph, dropout: Dropout) -> torch.Tensor:
    cells, n_heads = weights.shape[:2]
    rows, keys = (
        torch.as_tensor(a, device=weights.device).long() for a in (graph.rows, graph.indices)
    )
    edges = torch.arange(graph.n_edges, device=weights.device)
    factors = torch.zeros_like(weights)
    on_edges = dropout.factors(slice(0, cells), edges, n_heads, weights.dtype)
    factors[:, :, rows, keys] = on_edges.transpose(1, 2)
    return factors
