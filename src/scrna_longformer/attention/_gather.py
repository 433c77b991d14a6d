"""Linear-memory attention in plain torch operations, for any device.

Rows of similar degree are padded to one length and their keys gathered, a chunk of cells and rows
at a time; the backward gathers again instead of keeping anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from ..graph._gene_graph import GeneGraph
from ._dropout import Dropout
from ._once import differentiable_once

_CHUNK = 2**20  # gathered numbers at a time: about what a processor's caches hold
_PADDING = 1.3  # longest row of a bucket over its shortest


@dataclass(frozen=True)
class _Bucket:
    """Rows of similar degree; tensors are (rows,) and (rows, longest)."""

    rows: torch.Tensor
    keys: torch.Tensor
    edges: torch.Tensor
    valid: torch.Tensor

    def part(self, start: int, stop: int) -> _Bucket:
        """Return some of the rows."""
        tensors = (self.rows, self.keys, self.edges, self.valid)
        return _Bucket(*(tensor[start:stop] for tensor in tensors))


_buckets: WeakKeyDictionary[GeneGraph, dict[torch.device, list[_Bucket]]] = WeakKeyDictionary()


def buckets(graph: GeneGraph, device: torch.device) -> list[_Bucket]:
    """Rows of the graph grouped by degree, kept for as long as the graph lives."""
    by_device = _buckets.setdefault(graph, {})
    if device not in by_device:
        by_device[device] = list(_make_buckets(graph, device))
    return by_device[device]


def _make_buckets(graph: GeneGraph, device: torch.device) -> Iterator[_Bucket]:
    by_degree = np.argsort(graph.degrees, kind="stable")
    degrees = graph.degrees[by_degree]
    start = 0
    while start < graph.n_genes:
        stop = int(np.searchsorted(degrees, max(_PADDING * degrees[start], 8), side="right"))
        rows, longest = by_degree[start:stop], degrees[stop - 1]
        valid = np.arange(longest) < graph.degrees[rows, None]
        # padding repeats the row's first edge: a key that exists, masked before the softmax
        edges = graph.indptr[rows, None] + np.where(valid, np.arange(longest), 0)
        keys = graph.indices[edges].astype(np.int64)
        yield _Bucket(*(torch.as_tensor(a, device=device) for a in (rows, keys, edges, valid)))
        start = stop


def gather(
    qkv: torch.Tensor, graph: GeneGraph, *, n_heads: int, scale: float, dropout: Dropout | None
) -> torch.Tensor:
    """Softmax attention over gathered keys; any floating dtype, computed in that dtype."""
    return _Gather.apply(qkv, graph, n_heads, scale, dropout)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv: torch.Tensor, *options: Any) -> torch.Tensor:
        ctx.save_for_backward(qkv)
        ctx.options = options
        out = qkv.new_empty(*qkv.shape[:2], qkv.shape[2] // 3)
        for cells, part, gathered, factors in _chunks(qkv, *options):
            out[cells, part.rows] = _attend(gathered, part.valid, factors, options[2])[0]
        return out

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (qkv,) = ctx.saved_tensors
        d = qkv.shape[2] // 3
        grad_qkv = torch.zeros_like(qkv)
        for cells, part, gathered, factors in _chunks(qkv, *ctx.options):
            leaves = tuple(x.requires_grad_() for x in gathered)
            with torch.enable_grad():
                out, _ = _attend(leaves, part.valid, factors, ctx.options[2])
            dq, dk, dv = torch.autograd.grad(out, leaves, grad[cells, part.rows])
            target = grad_qkv[cells]
            target[:, part.rows, :d] = dq.flatten(-2)
            target[:, :, d : 2 * d].index_add_(1, part.keys.flatten(), dk.flatten(1, 2).flatten(-2))
            target[:, :, 2 * d :].index_add_(1, part.keys.flatten(), dv.flatten(1, 2).flatten(-2))
        return grad_qkv, None, None, None, None


def gathered_weights(
    qkv: torch.Tensor, graph: GeneGraph, *, n_heads: int, scale: float
) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
    """Yield cells, edges ``(n,)`` and their weights ``(cells, n, heads)``, chunk by chunk."""
    for cells, part, gathered, _ in _chunks(qkv, graph, n_heads, scale, None):
        weights = _attend(gathered, part.valid, None, scale)[1]
        yield cells, part.edges[part.valid], weights[:, part.valid]


def _chunks(
    qkv: torch.Tensor, graph: GeneGraph, n_heads: int, scale: float, dropout: Dropout | None
) -> Iterator[tuple[slice, _Bucket, tuple[torch.Tensor, ...], torch.Tensor | None]]:
    """Walk over the cells and rows, with their queries, keys and values gathered.

    Queries are ``(cells, rows, d / heads, heads)``, keys and values have the neighbours as a third
    dimension between rows and features.
    """
    n_cells, _, width = qkv.shape
    d = width // 3
    for bucket in buckets(graph, qkv.device):
        rows_at_once = max(1, _CHUNK // (bucket.keys.shape[1] * d))
        cells_at_once = max(1, rows_at_once // len(bucket.rows))
        for row in range(0, len(bucket.rows), rows_at_once):
            part = bucket.part(row, row + rows_at_once)
            for cell in range(0, n_cells, cells_at_once):
                cells = slice(cell, min(cell + cells_at_once, n_cells))
                x = qkv[cells].detach()
                features = (d // n_heads, n_heads)
                q = x[:, part.rows, :d].unflatten(-1, features)
                k = x[:, :, d : 2 * d][:, part.keys].unflatten(-1, features)
                v = x[:, :, 2 * d :][:, part.keys].unflatten(-1, features)
                factors = None
                if dropout is not None:
                    edges = part.edges.long()[None, ..., None]
                    factors = dropout.factors(
                        range(cells.start, cells.stop), edges, n_heads, x.dtype
                    )
                yield cells, part, (q, k, v), factors


def _attend(
    gathered: tuple[torch.Tensor, ...],
    valid: torch.Tensor,
    factors: torch.Tensor | None,
    scale: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return outputs ``(cells, rows, d)`` and weights ``(cells, rows, neighbours, heads)``.

    In the dtype of what was gathered: under autocast CUDA computes sums and softmax in float32.
    """
    q, k, v = gathered
    scores = scale * (q[:, :, None] * k).sum(-2)
    weights = scores.masked_fill(~valid[..., None], -torch.inf).softmax(2)
    dropped = weights if factors is None else weights * factors
    out = (dropped[..., None, :] * v).sum(2).flatten(-2)
    return out.to(v.dtype), weights.to(v.dtype)
