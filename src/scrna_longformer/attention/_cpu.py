"""From torch tensors to the CPU kernels: autograd, threads, and which kernels serve what."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from ..graph._gene_graph import GeneGraph
from . import _numba_plain
from ._dropout import Dropout

_WORTH_A_THREAD = 2**22  # multiply-adds: about what a second thread takes to wake up
_NO_DROPOUT = (np.zeros((1, 2), dtype=np.uint32), np.uint32(0), 1.0)


def numba_plain(
    qkv: torch.Tensor, graph: GeneGraph, *, n_heads: int, scale: float, dropout: Dropout | None
) -> torch.Tensor:
    """Plain-loop kernels; float32 and float64, half precision computed in float32."""
    if qkv.device.type != "cpu":
        msg = f"`backend='numba_plain'` runs on the CPU; `qkv` is on {qkv.device}."
        raise ValueError(msg)
    return _apply(_numba_plain, qkv, graph, n_heads, scale, dropout)


def numba_vectors(
    qkv: torch.Tensor, graph: GeneGraph, *, n_heads: int, scale: float, dropout: Dropout | None
) -> torch.Tensor:
    """Vector kernels; float32, half precision computed in float32."""
    return numba_plain(qkv, graph, n_heads=n_heads, scale=scale, dropout=dropout)


def why_not_vectors(d_model: int, n_heads: int, dtype: torch.dtype) -> str:
    """Say why the vector kernels do not serve a width, or return an empty string."""
    if d_model % 16 or n_heads not in (1, 2, 4, 8, 16):
        return f"d={d_model}, n_heads={n_heads}"
    return "float64" if dtype == torch.float64 else ""


def _apply(
    kernels: Any,
    qkv: torch.Tensor,
    graph: GeneGraph,
    n_heads: int,
    scale: float,
    dropout: Dropout | None,
) -> torch.Tensor:
    computed = qkv if qkv.dtype == torch.float64 else qkv.float()
    return _Attention.apply(computed, kernels, graph, n_heads, scale, dropout).to(qkv.dtype)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        qkv: torch.Tensor,
        kernels: Any,
        graph: GeneGraph,
        n_heads: int,
        scale: float,
        dropout: Dropout | None,
    ) -> torch.Tensor:
        qkv = qkv.contiguous()
        cells, tokens, width = qkv.shape
        out = qkv.new_empty(cells, tokens, width // 3)
        stats = qkv.new_empty(cells, tokens, 2, n_heads)
        lists = _neighbour_lists(graph)
        drops = _drops(dropout, cells)
        arrays = [x.detach().numpy() for x in (qkv, out, stats)]
        _run(
            lambda block: kernels.forward(*arrays, lists, block, n_heads, scale, drops),
            list(_blocks(cells, graph, qkv, whole_cells=False)),
        )
        ctx.save_for_backward(qkv, stats)
        ctx.options = kernels, graph, n_heads, scale, drops
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        qkv, stats = ctx.saved_tensors
        kernels, graph, n_heads, scale, drops = ctx.options
        grad_qkv = torch.empty_like(qkv)
        lists = _neighbour_lists(graph)
        arrays = [x.detach().numpy() for x in (qkv, stats, grad_out.contiguous(), grad_qkv)]
        _run(
            lambda block: kernels.backward(*arrays, lists, block, n_heads, scale, drops),
            list(_blocks(qkv.shape[0], graph, qkv, whole_cells=True)),
        )
        return grad_qkv, None, None, None, None, None


def _neighbour_lists(graph: GeneGraph) -> tuple[np.ndarray, ...]:
    order = np.arange(graph.n_genes, dtype=np.int32) if graph.order is None else graph.order
    return graph.indptr, graph.indices, order


def _drops(dropout: Dropout | None, cells: int) -> tuple[np.ndarray, np.uint32, float]:
    if dropout is None:
        return _NO_DROPOUT
    return dropout.keys(cells), np.uint32(dropout.threshold), dropout.kept_scale


def _blocks(
    cells: int, graph: GeneGraph, qkv: torch.Tensor, *, whole_cells: bool
) -> Iterator[tuple[int, int, int, int]]:
    """Cut the work into (first cell, last cell, first row, last row), for threads to pick up.

    A block holds whole cells where that is required or gives every thread enough of them.
    """
    work = cells * graph.n_edges * qkv.shape[2]
    pieces = (
        1
        if torch.get_num_threads() == 1
        else min(4 * torch.get_num_threads(), work // _WORTH_A_THREAD)
    )
    pieces = max(1, pieces)
    by_cell = min(pieces, cells)
    by_row = 1 if whole_cells else -(-pieces // max(by_cell, 1))
    row_cuts = np.linspace(0, graph.n_genes, by_row + 1).astype(int)
    if graph.cells is not None and cells == 1:
        row_cuts = graph.cells[np.linspace(0, len(graph.cells) - 1, pieces + 1).astype(int)]
    cell_cuts = np.linspace(0, cells, by_cell + 1).astype(int)
    for first_cell, last_cell in pairwise(cell_cuts):
        for first_row, last_row in pairwise(row_cuts):
            yield int(first_cell), int(last_cell), int(first_row), int(last_row)


_pool: ThreadPoolExecutor | None = None


def _run(work: Callable[[tuple[int, int, int, int]], None], blocks: list) -> None:
    """Do the blocks, on as many threads as torch uses."""
    global _pool
    threads = torch.get_num_threads()
    if threads == 1 or len(blocks) < 2:
        for block in blocks:
            work(block)
        return
    if _pool is None or _pool._max_workers < threads:
        _pool = ThreadPoolExecutor(threads, thread_name_prefix="attention")
    for _ in _pool.map(work, blocks):
        pass


def _forget_pool() -> None:
    """Threads do not survive a fork: let the child start its own."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
