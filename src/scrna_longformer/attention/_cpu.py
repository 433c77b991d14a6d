"""From torch tensors to the CPU kernels: autograd, threads, and which kernels serve what."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from torch.nn.functional import pad

from .._settings import log
from ..graph._gene_graph import GeneGraph
from . import _numba_plain
from ._dropout import Dropout
from ._lists import neighbour_lists
from ._memory import empty, thread_scratch
from ._once import differentiable_once

N_HEADS = (1, 2, 4, 8, 16)
LANES = 16  # numbers in a vector
_WORTH_A_THREAD = 2**22  # multiply-adds: about what it takes to wake a thread


def numba_vectors(
    qkv: torch.Tensor, graph: GeneGraph, *, n_heads: int, scale: float, dropout: Dropout | None
) -> torch.Tensor:
    """Vector kernels; float32, half precision computed in float32.

    Other widths than multiples of 16 are filled up with zeros, which add nothing to any score:
    feature ``f`` belongs to head ``f % n_heads``, so that they join the end of every head.
    """
    d_model = qkv.shape[-1] // 3
    if reason := why_not_vectors(d_model, n_heads, qkv.dtype):
        msg = f"`backend='numba'` cannot run: {reason}. Use backend='numba_plain' or 'auto'."
        raise ValueError(msg)
    _on_cpu(qkv, "numba")
    kernels = import_module("._numba", __package__)
    missing = -d_model % LANES
    computed = qkv.float()
    if missing:
        computed = pad(computed.unflatten(-1, (3, d_model)), (0, missing)).flatten(-2)
    layout = kernels.Layout(d_model + missing, n_heads)
    call = _Call(kernels, graph, layout, d_model + missing, n_heads, scale, dropout, torch.float32)
    out = _Attention.apply(computed.contiguous(), call)
    return (out[..., :d_model] if missing else out).to(qkv.dtype)


def numba_plain(
    qkv: torch.Tensor, graph: GeneGraph, *, n_heads: int, scale: float, dropout: Dropout | None
) -> torch.Tensor:
    """Plain-loop kernels; float32 and float64, half precision computed in float32."""
    _on_cpu(qkv, "numba_plain")
    computed = qkv if qkv.dtype == torch.float64 else qkv.float()
    d_model = qkv.shape[-1] // 3
    # these sum scores in double precision: a largest one that was rounded would not fit them again
    stats_dtype = torch.float64
    call = _Call(_numba_plain, graph, n_heads, d_model, n_heads, scale, dropout, stats_dtype)
    return _Attention.apply(computed.contiguous(), call).to(qkv.dtype)


def why_not_vectors(d_model: int, n_heads: int, dtype: torch.dtype = torch.float32) -> str:
    """Say why the vector kernels do not serve this, or return an empty string."""
    if n_heads not in N_HEADS:
        return f"the vector kernels serve {N_HEADS} heads, not d={d_model} with {n_heads} heads"
    if dtype == torch.float64:
        return "the vector kernels compute in float32, not float64"
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return "the vector kernels must be compiled, which NUMBA_DISABLE_JIT forbids"
    return _why_not_imported()


@cache
def _why_not_imported() -> str:
    """Say why the vector kernels cannot be imported, or return an empty string."""
    try:
        import_module("._numba", __package__)
    except ImportError as error:
        return f"the vector kernels cannot be imported: {error}"
    return ""


@cache
def say_slower(reason: str) -> None:
    """Log, once per reason, that attention runs on the plain loops."""
    log.warning("Attention runs in plain loops, which take many times as long: %s.", reason)


def _on_cpu(qkv: torch.Tensor, backend: str) -> None:
    if qkv.device.type != "cpu":
        msg = f"`backend={backend!r}` runs on the CPU, and `qkv` is on {qkv.device}."
        raise ValueError(msg)


class _Call(NamedTuple):
    """What forward and backward share besides tensors."""

    kernels: ModuleType
    graph: GeneGraph
    layout: Any  # n_heads, or with d as the type that vector kernels are compiled for
    d_model: int
    n_heads: int
    scale: float
    dropout: Dropout | None
    stats_dtype: torch.dtype

    def run(self, kernel: Callable, cells: int, arrays: list[torch.Tensor], *, rows: bool) -> None:
        """Run a kernel over all cells; ``rows`` says that their rows may be split."""
        flat = [x.detach().flatten(0, 1).numpy() for x in arrays]
        lists, spans = neighbour_lists(self.graph), _spans(self.graph, cells)
        drops = None
        if self.dropout is not None:
            keys = self.dropout.keys(cells)
            drops = keys, np.uint32(self.dropout.threshold), self.dropout.kept_scale
        options = self.layout, self.scale, drops
        multiply_adds = cells * self.graph.n_edges * self.d_model
        pieces = _cut(len(spans), threads=torch.get_num_threads(), work=multiply_adds, rows=rows)
        widest = int((spans[:, 2] - spans[:, 1]).max())
        size = self.kernels.scratch_size(widest, self.graph.max_degree, self.d_model, self.n_heads)
        _on_threads(
            lambda work: kernel(*flat, lists, spans, work, *options, thread_scratch(size)), pieces
        )


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv: torch.Tensor, call: _Call) -> torch.Tensor:
        cells, tokens, width = qkv.shape
        out = empty(qkv, cells, tokens, width // 3)
        like = qkv.new_empty(0, dtype=call.stats_dtype)
        stats = empty(like, cells, tokens, 2, call.n_heads)
        call.run(call.kernels.forward, cells, [qkv, out, stats], rows=True)
        ctx.save_for_backward(qkv, stats)
        ctx.call = call
        return out

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, grad_out: torch.Tensor) -> tuple[torch.Tensor, None]:
        qkv, stats = ctx.saved_tensors
        grad_qkv = empty(qkv, *qkv.shape)
        tensors = [qkv, stats, grad_out.contiguous(), grad_qkv]
        ctx.call.run(ctx.call.kernels.backward, len(qkv), tensors, rows=False)
        return grad_qkv, None


def _spans(graph: GeneGraph, cells: int) -> np.ndarray:
    """Rows of (first token minus first gene, first and last position, dropout key) of each cell."""
    spans = np.zeros((cells, 4), dtype=np.int64)
    if graph.cells is not None and cells == 1:
        spans = np.zeros((len(graph.cells) - 1, 4), dtype=np.int64)
        spans[:, 1], spans[:, 2] = graph.cells[:-1], graph.cells[1:]
        return spans
    spans[:, 3] = np.arange(cells)
    spans[:, 0] = graph.n_genes * spans[:, 3]
    spans[:, 2] = graph.n_genes
    return spans


def _cut(spans: int, *, threads: int, work: int, rows: bool) -> list[tuple[int, int, int, int]]:
    """Cut the spans into pieces of work (see ``_numba_plain.py``) for the threads to pick up."""
    pieces = 1 if threads == 1 else max(1, min(4 * threads, work // _WORTH_A_THREAD))
    if pieces == 1:
        return [(0, spans, 0, 1)]
    groups = min(pieces, spans)
    cuts = np.linspace(0, spans, groups + 1).astype(int).tolist()
    # too few cells for the threads: split their rows, where rows are independent
    parts = min(pieces, threads) if rows and groups < threads else 1
    return [
        (cuts[group], cuts[group + 1], part, parts)
        for group in range(groups)
        for part in range(parts)
    ]


_pool: ThreadPoolExecutor | None = None
_pool_threads = 0


def _on_threads(kernel: Callable[[tuple], None], pieces: list[tuple[int, int, int, int]]) -> None:
    """Run the pieces on as many threads as torch uses; kernels hold no lock of Python's.

    The calling thread is one of them. If it only waited, its processor would look idle and a system
    would wake all helpers there, where they take turns.
    """
    global _pool, _pool_threads
    waiting = iter(pieces)  # shared: whoever is free takes the next one

    def work() -> None:
        for piece in waiting:
            kernel(piece)

    helpers = torch.get_num_threads() - 1
    if not helpers or len(pieces) == 1:
        work()
        return
    if _pool is None or _pool_threads != helpers:
        _pool, _pool_threads = ThreadPoolExecutor(helpers, "attention"), helpers
    running = [_pool.submit(work) for _ in range(min(helpers, len(pieces) - 1))]
    work()
    for helper in running:
        helper.result()


def _forget_pool() -> None:
    """Threads do not survive a fork: let the child start its own."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
