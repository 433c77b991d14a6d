"""The CPU kernels with explicit vectors: ``_numba_plain.py``, sixteen numbers at a time.

Read ``_numba_plain.py`` for what is computed and what the arguments are. What differs here:

- A token's ``d`` features are one value, a *row*; scores are computed for a *block* of ``16 //
  n_heads`` edges at a time, all heads of an edge side by side (see ``_numba_vectors.py``).
- A cell's keys and values are first copied next to each other, in the order in which rows are
  visited. That reads memory as a stream, and genes of a module then lie, and stay, in the cache.
  In the backward their gradients are added up in such a copy, and written out once.
- A row ends with a block that may reach past its last edge. The missing edges repeat the last one,
  which leaves the maximum alone, and get weight 0.
"""

from __future__ import annotations

import numba
import numpy as np
from numba.extending import overload

from ._numba_plain import rows_of
from ._numba_vectors import (
    LANES,
    Layout,
    exp,
    fill,
    first_lanes,
    fma,
    halve,
    keep,
    load_block,
    load_heads_as_block,
    load_heads_as_row,
    load_row,
    max_over_edges,
    maximum,
    prefetch_row,
    products,
    store,
    store_heads,
    sum_over_edges,
    zero_row,
)

AHEAD = 4  # rows between asking for a query and using it

__all__ = ["Layout", "backward", "forward"]

inline = numba.njit(forceinline=True)


@inline
def at(array, i):
    """Read an integer; unsigned positions spare numba's test for negative ones."""
    return np.int64(array[np.uintp(i)])


# ------------------------------------------------- dot products of a row with a block of neighbours
# Each function brings the results of two calls of the one above into one block.


@inline
def _dots_16_heads(layout, x, rows, neighbours, e, last, first):
    j = at(neighbours, min(e, last)) - first
    return products(x, load_row(rows, j * layout.d, layout))


@inline
def _dots_8_heads(layout, x, rows, neighbours, e, last, first):
    a = _dots_16_heads(layout, x, rows, neighbours, e, last, first)
    b = _dots_16_heads(layout, x, rows, neighbours, e + 1, last, first)
    return halve(a, b, 8)


@inline
def _dots_4_heads(layout, x, rows, neighbours, e, last, first):
    a = _dots_8_heads(layout, x, rows, neighbours, e, last, first)
    b = _dots_8_heads(layout, x, rows, neighbours, e + 2, last, first)
    return halve(a, b, 4)


@inline
def _dots_2_heads(layout, x, rows, neighbours, e, last, first):
    a = _dots_4_heads(layout, x, rows, neighbours, e, last, first)
    b = _dots_4_heads(layout, x, rows, neighbours, e + 4, last, first)
    return halve(a, b, 2)


@inline
def _dots_1_head(layout, x, rows, neighbours, e, last, first):
    a = _dots_2_heads(layout, x, rows, neighbours, e, last, first)
    b = _dots_2_heads(layout, x, rows, neighbours, e + 8, last, first)
    return halve(a, b, 1)


_DOTS = {
    1: _dots_1_head,
    2: _dots_2_heads,
    4: _dots_4_heads,
    8: _dots_8_heads,
    16: _dots_16_heads,
}


def dots(layout, x, rows, neighbours, e, last, first):
    """Dot products per head of ``x`` with the neighbours' rows, for the block of edges from ``e``."""


@overload(dots, jit_options={"forceinline": True})
def _dots(layout, x, rows, neighbours, e, last, first):
    chosen = _DOTS[layout.n_heads]

    def call(layout, x, rows, neighbours, e, last, first):
        return chosen(layout, x, rows, neighbours, e, last, first)

    return call


# ------------------------------------------------- parts of both kernels


@inline
def copy_keys_and_values(layout, qkv, keys, values, rank, base, first, last):
    """Copy a cell's keys and values, each gene to its position."""
    d = layout.d
    for i in range(first, last):
        p, token = at(rank, i) - first, base + i
        store(keys, p * d, load_row(qkv, (3 * token + 1) * d, layout))
        store(values, p * d, load_row(qkv, (3 * token + 2) * d, layout))


@inline
def kept(layout, weight, edge, cell, dropout):
    """Apply dropout to a block of numbers of the edges from ``edge``."""
    if dropout is None:  # known when compiling: a kernel without dropout has no trace of it
        return weight
    keys, threshold, kept_scale = dropout
    counter = edge * layout.n_heads
    return weight * keep(counter, keys[cell, 0], keys[cell, 1], threshold, kept_scale)


# ------------------------------------------------- the kernels


@numba.njit(cache=True, nogil=True)
def forward(qkv, out, stats, lists, spans, work, layout, scale, dropout, scratch):
    """Write ``out`` and ``stats`` of the rows."""
    indptr, neighbours, order, rank, first_edge, _ = lists
    d, heads, step = layout.d, layout.n_heads, LANES // layout.n_heads
    n = np.max(spans[work[0] : work[1], 2] - spans[work[0] : work[1], 1]) * d
    keys, values, weights = scratch[:n], scratch[n : 2 * n], scratch[2 * n :]
    for span in range(work[0], work[1]):
        base, first, last, cell = spans[span]
        copy_keys_and_values(layout, qkv, keys, values, rank, base, first, last)
        for p in rows_of(work, first, last):
            ahead = base + at(order, min(p + AHEAD, last - 1))
            prefetch_row(qkv, 3 * ahead * d, layout)
            prefetch_row(out, ahead * d, layout)
            token, start, stop = base + at(order, p), at(indptr, p), at(indptr, p + 1)
            q = load_row(qkv, 3 * token * d, layout)

            largest = fill(-np.inf)
            for e in range(start, stop, step):
                score = dots(layout, q, keys, neighbours, e, stop - 1, first)
                largest = maximum(score, largest)
                store(weights, (e - start) * heads, score)
            largest = max_over_edges(largest, layout)

            total = fill(0.0)
            for e in range(start, stop, step):
                score = load_block(weights, (e - start) * heads)
                weight = exp((score - largest) * fill(scale))
                weight = first_lanes(weight, (stop - e) * heads, fill(0.0))
                total = total + weight
                weight = kept(layout, weight, at(first_edge, p) + e - start, cell, dropout)
                store(weights, (e - start) * heads, weight)
            inverse = fill(1.0) / sum_over_edges(total, layout)
            store_heads(stats, 2 * token * heads, largest, layout)
            store_heads(stats, (2 * token + 1) * heads, inverse, layout)

            o = zero_row(layout)
            for e in range(start, stop):
                v = load_row(values, (at(neighbours, e) - first) * d, layout)
                o = fma(load_heads_as_row(weights, (e - start) * heads, layout), v, o)
            o = o * load_heads_as_row(stats, (2 * token + 1) * heads, layout)
            store(out, token * d, o)


@numba.njit(cache=True, nogil=True)
def backward(qkv, stats, grad_out, grad_qkv, lists, spans, work, layout, scale, dropout, scratch):
    """Write ``grad_qkv`` of the cells."""
    indptr, neighbours, order, rank, first_edge, longest = lists
    d, heads, step = layout.d, layout.n_heads, LANES // layout.n_heads
    n = np.max(spans[work[0] : work[1], 2] - spans[work[0] : work[1], 1]) * d
    keys, values, grad_keys, grad_values = (
        scratch[:n],
        scratch[n : 2 * n],
        scratch[2 * n : 3 * n],
        scratch[3 * n : 4 * n],
    )
    weights = scratch[4 * n :]
    grads = weights[(longest + step) * heads :]
    for span in range(work[0], work[1]):
        base, first, last, cell = spans[span]
        copy_keys_and_values(layout, qkv, keys, values, rank, base, first, last)
        for p in range(last - first):
            store(grad_keys, p * d, zero_row(layout))
            store(grad_values, p * d, zero_row(layout))
        for p in range(first, last):
            ahead = base + at(order, min(p + AHEAD, last - 1))
            prefetch_row(qkv, 3 * ahead * d, layout)
            prefetch_row(grad_out, ahead * d, layout)
            prefetch_row(grad_qkv, 3 * ahead * d, layout)
            token, start, stop = base + at(order, p), at(indptr, p), at(indptr, p + 1)
            q = load_row(qkv, 3 * token * d, layout)
            g = load_row(grad_out, token * d, layout)
            largest = load_heads_as_block(stats, 2 * token * heads, layout)
            inverse = load_heads_as_block(stats, (2 * token + 1) * heads, layout)

            mean = fill(0.0)
            for e in range(start, stop, step):
                score = dots(layout, q, keys, neighbours, e, stop - 1, first)
                grad = dots(layout, g, values, neighbours, e, stop - 1, first)
                grad = kept(layout, grad, at(first_edge, p) + e - start, cell, dropout)
                weight = exp((score - largest) * fill(scale)) * inverse
                weight = first_lanes(weight, (stop - e) * heads, fill(0.0))
                mean = fma(weight, grad, mean)
                store(weights, (e - start) * heads, weight)
                store(grads, (e - start) * heads, grad)
            mean = sum_over_edges(mean, layout)

            for e in range(start, stop, step):
                weight = load_block(weights, (e - start) * heads)
                grad = load_block(grads, (e - start) * heads)
                store(grads, (e - start) * heads, weight * (grad - mean) * fill(scale))
                weight = kept(layout, weight, at(first_edge, p) + e - start, cell, dropout)
                store(weights, (e - start) * heads, weight)

            grad_q = zero_row(layout)
            for e in range(start, stop):
                j = (at(neighbours, e) - first) * d
                grad_score = load_heads_as_row(grads, (e - start) * heads, layout)
                weight = load_heads_as_row(weights, (e - start) * heads, layout)
                grad_q = fma(grad_score, load_row(keys, j, layout), grad_q)
                store(grad_keys, j, fma(grad_score, q, load_row(grad_keys, j, layout)))
                store(grad_values, j, fma(weight, g, load_row(grad_values, j, layout)))
            store(grad_qkv, 3 * token * d, grad_q)
        for i in range(first, last):
            p, token = at(rank, i) - first, base + i
            store(grad_qkv, (3 * token + 1) * d, load_row(grad_keys, p * d, layout))
            store(grad_qkv, (3 * token + 2) * d, load_row(grad_values, p * d, layout))
