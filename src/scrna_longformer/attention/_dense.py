"""Backends that build all (query, key) pairs: the reference, and torch's fused attention."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from weakref import WeakKeyDictionary

import torch
from torch.amp import is_autocast_available
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


def edge_numbers(graph: GeneGraph, device: torch.device) -> torch.Tensor:
    """Return the place of every edge in ``graph.indices`` as a (queries, keys) tensor, 0 elsewhere.

    In a token graph neighbours need not ascend, so that this is not an edge's rank in the mask.
    """
    numbers = torch.zeros(graph.n_genes, graph.n_genes, dtype=torch.int64)
    rows, columns = (torch.as_tensor(x).long() for x in (graph.rows, graph.indices))
    numbers[rows, columns] = torch.arange(graph.n_edges)
    return numbers.to(device)


def eager(
    qkv: torch.Tensor, graph: GeneGraph, *, n_heads: int, scale: float, dropout: Dropout | None
) -> torch.Tensor:
    """Softmax attention as the formula reads; any floating dtype, computed in that dtype."""
    mask = dense_mask(graph, qkv.device)
    edges = None if dropout is None else edge_numbers(graph, qkv.device)
    return formula(qkv, mask, n_heads=n_heads, scale=scale, dropout=dropout, edges=edges)


def sdpa(
    qkv: torch.Tensor, graph: GeneGraph, *, n_heads: int, scale: float, dropout: Dropout | None
) -> torch.Tensor:
    """Torch's fused attention under a boolean mask, the formula with dropout; any floating dtype."""
    if dropout is not None:
        return eager(qkv, graph, n_heads=n_heads, scale=scale, dropout=dropout)
    return masked(qkv, dense_mask(graph, qkv.device), n_heads=n_heads, scale=scale)


def masked(
    qkv: torch.Tensor,
    mask: torch.Tensor | None,
    *,
    n_heads: int,
    scale: float,
    dropout: Dropout | None = None,
) -> torch.Tensor:
    """Attention under a mask that may differ between cells and heads (``None`` is all pairs).

    Without dropout torch's fused kernels do it. They draw their own dropout, and so cannot drop the
    weights that the other backends drop: with dropout it is :func:`formula`.
    """
    if dropout is not None:
        tokens = qkv.shape[1]
        everyone = torch.ones(tokens, tokens, dtype=torch.bool, device=qkv.device)
        mask = everyone if mask is None else mask
        return formula(qkv, mask, n_heads=n_heads, scale=scale, dropout=dropout)
    # strided heads are several times slower on the CPU than a copy of them
    q, k, v = (x.contiguous() for x in split_heads(qkv, n_heads))
    with _as_given(qkv.device):
        return merge_heads(scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale))


def formula(
    qkv: torch.Tensor,
    mask: torch.Tensor,
    *,
    n_heads: int,
    scale: float,
    dropout: Dropout | None,
    edges: torch.Tensor | None = None,
) -> torch.Tensor:
    """Softmax attention as the formula reads, under any mask that broadcasts to all pairs.

    Dropout counts the edges by their ``edges``, of the shape of the mask. Without these an edge's
    number is its rank in its mask, row by row, as in the neighbour lists of a gene graph.
    """
    q, k, v = split_heads(qkv, n_heads)
    with _as_given(qkv.device):
        scores = (scale * q @ k.mT).masked_fill(~mask, -torch.inf)
        weights = scores.softmax(-1)
        if dropout is not None:
            weights = weights * _factors(dropout, mask, edges, weights)
        return merge_heads(weights @ v)


def _factors(
    dropout: Dropout, mask: torch.Tensor, edges: torch.Tensor | None, weights: torch.Tensor
) -> torch.Tensor:
    """Return what dropout multiplies weights ``(cells, heads, queries, keys)`` with."""
    n_cells, n_heads = weights.shape[:2]
    mask = mask.expand(*[1] * (4 - mask.ndim), *mask.shape)
    if edges is None:
        edges = mask.flatten(2).cumsum(-1).reshape(mask.shape) - 1
    edges = edges.expand(mask.shape).movedim(1, -1)
    return dropout.factors(range(n_cells), edges, n_heads, weights.dtype).movedim(-1, 1)


def _as_given(device: torch.device) -> AbstractContextManager:
    """Compute in the dtype of the tensors, also inside ``torch.autocast``."""
    if is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()
