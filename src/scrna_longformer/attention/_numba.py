"""The CPU kernels with explicit vectors: ``_numba_plain.py``, sixteen numbers at a time.

Read ``_numba_plain.py`` for what is computed and what the arguments are. What differs here:

- A token's ``d`` features are one value, a *row*; scores are computed for a *block* of ``16 //
  n_heads`` edges at a time, all heads of an edge side by side (see ``_numba_vectors.py``).
- Where genes are visited in module order, a cell's keys and values are first copied next to each
  other in that order. Genes of a module then lie, and stay, in the cache, and in few pages. In the
  backward their gradients are added up in such a copy, and written out once. Otherwise they are
  read, and added up, where they are. What is so is the cell's *place*: an array, where its first
  key begins, and how far apart keys are; a value follows its key. While a cell is worked on, the
  next one is asked for, so that it need not wait for memory.
- Rows are worked on in tiles of a few: the scores of all of them, then the weights of all, then the
  sums. Every step of one row waits for the step before it; that of the next row does not, and the
  processor runs ahead into it.
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
    exp2,
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
    prefetch_line,
    prefetch_row,
    prefetch_token,
    products,
    store,
    store_heads,
    sum_over_edges,
    zero_row,
)

TILE = 8  # rows
LOG2_E = 1.4426950408889634

__all__ = ["Layout", "backward", "forward", "scratch_size"]


def scratch_size(widest: int, longest: int, d: int, n_heads: int) -> int:
    """Return how many numbers of scratch a call needs, for the widest cell and the longest row.

    Two copies of a cell's keys and values, and two blocks per edge of a tile of rows.
    """
    return 4 * widest * d + 2 * TILE * (longest + LANES) * n_heads


inline = numba.njit(forceinline=True)


@inline
def at(array, i):
    """Read an integer; unsigned positions spare numba's test for negative ones."""
    return np.int64(array[np.uintp(i)])


# ------------------------------------------------- dot products of a row with a block of neighbours
# Each function brings the results of two calls of the one above into one block.


@inline
def _dots_16_heads(layout, x, rows, neighbours, e, last, start, step):
    return products(x, load_row(rows, start + at(neighbours, min(e, last)) * step, layout))


@inline
def _dots_8_heads(layout, x, rows, neighbours, e, last, start, step):
    a = _dots_16_heads(layout, x, rows, neighbours, e, last, start, step)
    b = _dots_16_heads(layout, x, rows, neighbours, e + 1, last, start, step)
    return halve(a, b, 8)


@inline
def _dots_4_heads(layout, x, rows, neighbours, e, last, start, step):
    a = _dots_8_heads(layout, x, rows, neighbours, e, last, start, step)
    b = _dots_8_heads(layout, x, rows, neighbours, e + 2, last, start, step)
    return halve(a, b, 4)


@inline
def _dots_2_heads(layout, x, rows, neighbours, e, last, start, step):
    a = _dots_4_heads(layout, x, rows, neighbours, e, last, start, step)
    b = _dots_4_heads(layout, x, rows, neighbours, e + 4, last, start, step)
    return halve(a, b, 2)


@inline
def _dots_1_head(layout, x, rows, neighbours, e, last, start, step):
    a = _dots_2_heads(layout, x, rows, neighbours, e, last, start, step)
    b = _dots_2_heads(layout, x, rows, neighbours, e + 8, last, start, step)
    return halve(a, b, 1)


_DOTS = {
    1: _dots_1_head,
    2: _dots_2_heads,
    4: _dots_4_heads,
    8: _dots_8_heads,
    16: _dots_16_heads,
}


def dots(layout, x, rows, neighbours, e, last, start, step):
    """Dot products per head of ``x`` with the neighbours' rows, for the block of edges from ``e``.

    Position 0 has its row at ``start``, the next one ``step`` later; ``last`` is the last edge of the
    list.
    """


@overload(dots, jit_options={"forceinline": True})
def _dots(layout, x, rows, neighbours, e, last, start, step):
    chosen = _DOTS[layout.n_heads]

    def call(layout, x, rows, neighbours, e, last, start, step):
        return chosen(layout, x, rows, neighbours, e, last, start, step)

    return call


# ------------------------------------------------- parts of both kernels


@inline
def row(lists, base, p):
    """Return the token at a position, and its first edge and the one after its last."""
    return base + at(lists.order, p), at(lists.indptr, p), at(lists.indptr, p + 1)


@inline
def place_of(layout, qkv, copy, lists, base, first, last):
    """Return the place of a cell's keys and values, after copying them where the order asks for it."""
    d = layout.d
    if not lists.is_reordered:
        return qkv, (3 * base + 1) * d, 3 * d
    for i in range(first, last):
        p, token = at(lists.rank, i) - first, base + i
        store(copy, 2 * p * d, load_row(qkv, (3 * token + 1) * d, layout))
        store(copy, (2 * p + 1) * d, load_row(qkv, (3 * token + 2) * d, layout))
    return copy, -2 * first * d, 2 * d


@inline
def weights_of(layout, score, largest, scale, n_left):
    """Exponentials of a block of scores, 0 after the ``n_left`` edges that are left."""
    weight = exp2((score - largest) * fill(scale * LOG2_E))
    return first_lanes(weight, n_left * layout.n_heads, fill(0.0))


@inline
def kept(layout, weight, edge, cell, dropout):
    """Apply dropout to a block of numbers of the edges from ``edge``."""
    if dropout is None:  # known when compiling: a kernel without dropout has no trace of it
        return weight
    keys, threshold, kept_scale = dropout
    counter = edge * layout.n_heads
    return weight * keep(counter, keys[cell, 0], keys[cell, 1], threshold, kept_scale)


@inline
def work_room(spans, work, d):
    """Return how many numbers the keys and values of the largest cell are."""
    longest = 0  # np.max of a difference would take 1.5 seconds to compile
    for span in range(work[0], work[1]):
        _, first, last, _ = spans[span]
        longest = max(longest, last - first)
    return 2 * d * longest


# ------------------------------------------------- forward, by tiles of rows


@inline
def score_tile(layout, qkv, out, place, weights, stats, lists, base, first, last, tile):
    """Write the scores, block after block, and the largest of each row."""
    d, heads, step = layout.d, layout.n_heads, LANES // layout.n_heads
    rows, first_key, apart = place
    w = 0
    for p in range(tile[0], tile[1]):
        token, start, stop = row(lists, base, p)
        ahead, _, _ = row(lists, base, min(p + TILE, last - 1))
        prefetch_row(qkv, 3 * ahead * d, layout)
        prefetch_row(out, ahead * d, layout)
        prefetch_token(qkv, 3 * (base + last + p - first) * d, layout)  # of the next cell
        q, largest = load_row(qkv, 3 * token * d, layout), fill(-np.inf)
        for e in range(start, stop, step):
            score = dots(layout, q, rows, lists.neighbours, e, stop - 1, first_key, apart)
            largest = maximum(score, largest)
            store(weights, w, score)
            w += LANES
        store_heads(stats, 2 * token * heads, max_over_edges(largest, layout), layout)


@inline
def weigh_tile(layout, weights, stats, lists, base, tile, cell, scale, dropout):
    """Turn scores into weights that do not yet sum to 1, and write one over their sums."""
    heads, step = layout.n_heads, LANES // layout.n_heads
    w = 0
    for p in range(tile[0], tile[1]):
        token, start, stop = row(lists, base, p)
        largest = load_heads_as_block(stats, 2 * token * heads, layout)
        total = fill(0.0)
        for e in range(start, stop, step):
            weight = weights_of(layout, load_block(weights, w), largest, scale, stop - e)
            total = total + weight
            weight = kept(layout, weight, at(lists.first_edge, p) + e - start, cell, dropout)
            store(weights, w, weight)
            w += LANES
        inverse = fill(1.0) / sum_over_edges(total, layout)
        store_heads(stats, (2 * token + 1) * heads, inverse, layout)


@inline
def add_value(layout, place, lists, e, weights, i, total):
    """Add an edge's value with the weights at ``i``."""
    rows, first_key, apart = place
    v = load_row(rows, first_key + at(lists.neighbours, e) * apart + layout.d, layout)
    return fma(load_heads_as_row(weights, i, layout), v, total)


@inline
def mix_tile(layout, out, place, weights, stats, lists, base, tile):
    """Write the weighted sums of values."""
    d, heads, step = layout.d, layout.n_heads, LANES // layout.n_heads
    w = 0
    for p in range(tile[0], tile[1]):
        token, start, stop = row(lists, base, p)
        even, odd = zero_row(layout), zero_row(layout)  # two sums: neither waits for the other
        for e in range(start, stop - 1, 2):
            i = w + (e - start) * heads
            even = add_value(layout, place, lists, e, weights, i, even)
            odd = add_value(layout, place, lists, e + 1, weights, i + heads, odd)
        if (stop - start) % 2:
            i = w + (stop - 1 - start) * heads
            even = add_value(layout, place, lists, stop - 1, weights, i, even)
        w += (stop - start + step - 1) // step * LANES
        inverse = load_heads_as_row(stats, (2 * token + 1) * heads, layout)
        store(out, token * d, (even + odd) * inverse)


@numba.njit(cache=True, nogil=True)
def forward(qkv, out, stats, lists, spans, work, layout, scale, dropout, scratch):
    """Write ``out`` and ``stats`` of the rows."""
    qkv, n = qkv.reshape(-1), work_room(spans, work, layout.d)
    copy, weights = scratch[:n], scratch[n:]
    for span in range(work[0], work[1]):
        base, first, last, cell = spans[span]
        place = place_of(layout, qkv, copy, lists, base, first, last)
        rows = rows_of(work, first, last)
        for p in range(rows.start, rows.stop, TILE):
            tile = p, min(p + TILE, rows.stop)
            score_tile(layout, qkv, out, place, weights, stats, lists, base, first, last, tile)
            weigh_tile(layout, weights, stats, lists, base, tile, cell, scale, dropout)
            mix_tile(layout, out, place, weights, stats, lists, base, tile)


# ------------------------------------------------- backward, by tiles of rows


@inline
def score_tile_again(
    layout, qkv, stats, grad_out, grad_qkv, place, pairs, lists, base, first, last, tile
):
    """Write pairs of blocks: the scores, and the gradients of the weights."""
    d, step = layout.d, LANES // layout.n_heads
    rows, first_key, apart = place
    w = 0
    for p in range(tile[0], tile[1]):
        token, start, stop = row(lists, base, p)
        ahead, _, _ = row(lists, base, min(p + TILE, last - 1))
        prefetch_row(qkv, 3 * ahead * d, layout)
        prefetch_row(grad_out, ahead * d, layout)
        prefetch_row(grad_qkv, 3 * ahead * d, layout)
        prefetch_line(stats, 2 * ahead * layout.n_heads)
        prefetch_token(qkv, 3 * (base + last + p - first) * d, layout)  # of the next cell
        q = load_row(qkv, 3 * token * d, layout)
        g = load_row(grad_out, token * d, layout)
        for e in range(start, stop, step):
            score = dots(layout, q, rows, lists.neighbours, e, stop - 1, first_key, apart)
            grad = dots(layout, g, rows, lists.neighbours, e, stop - 1, first_key + d, apart)
            store(pairs, w, score)
            store(pairs, w + LANES, grad)
            w += 2 * LANES


@inline
def weigh_tile_again(layout, pairs, stats, lists, base, tile, cell, scale, dropout):
    """Turn the pairs into the weights, and the gradients of the scores."""
    heads, step = layout.n_heads, LANES // layout.n_heads
    w = 0
    for p in range(tile[0], tile[1]):
        token, start, stop = row(lists, base, p)
        largest = load_heads_as_block(stats, 2 * token * heads, layout)
        inverse = load_heads_as_block(stats, (2 * token + 1) * heads, layout)
        back, mean = w, fill(0.0)
        for e in range(start, stop, step):
            weight = weights_of(layout, load_block(pairs, w), largest, scale, stop - e) * inverse
            grad = load_block(pairs, w + LANES)
            grad = kept(layout, grad, at(lists.first_edge, p) + e - start, cell, dropout)
            mean = fma(weight, grad, mean)
            store(pairs, w, weight)
            store(pairs, w + LANES, grad)
            w += 2 * LANES
        w, mean = back, sum_over_edges(mean, layout)
        for e in range(start, stop, step):
            weight = load_block(pairs, w)
            grad = weight * (load_block(pairs, w + LANES) - mean) * fill(scale)
            store(pairs, w + LANES, grad)
            store(
                pairs, w, kept(layout, weight, at(lists.first_edge, p) + e - start, cell, dropout)
            )
            w += 2 * LANES


@inline
def spread_tile(layout, qkv, grad_out, grad_qkv, place, grads, pairs, lists, base, tile):
    """Write the gradients of the queries, and add to those of the keys and values."""
    d, heads, step = layout.d, layout.n_heads, LANES // layout.n_heads
    rows, first_key, apart = place
    w = 0
    for p in range(tile[0], tile[1]):
        token, start, stop = row(lists, base, p)
        q = load_row(qkv, 3 * token * d, layout)
        g = load_row(grad_out, token * d, layout)
        grad_q = zero_row(layout)
        for e in range(start, stop):
            i = w + (e - start) // step * 2 * LANES + (e - start) % step * heads
            weight = load_heads_as_row(pairs, i, layout)
            grad_score = load_heads_as_row(pairs, i + LANES, layout)
            key = first_key + at(lists.neighbours, e) * apart
            value = key + d
            grad_q = fma(grad_score, load_row(rows, key, layout), grad_q)
            store(grads, key, fma(grad_score, q, load_row(grads, key, layout)))
            store(grads, value, fma(weight, g, load_row(grads, value, layout)))
        w += (stop - start + step - 1) // step * 2 * LANES
        store(grad_qkv, 3 * token * d, grad_q)


@inline
def place_of_gradients(layout, grad_qkv, grads, lists, base, first, last):
    """Return an array like that of the place, where gradients of keys and values are 0."""
    d = layout.d
    if lists.is_reordered:
        grads[: 2 * (last - first) * d] = 0
        return grads
    for token in range(base + first, base + last):
        store(grad_qkv, (3 * token + 1) * d, zero_row(layout))
        store(grad_qkv, (3 * token + 2) * d, zero_row(layout))
    return grad_qkv


@inline
def write_gradients(layout, grad_qkv, grads, lists, base, first, last):
    """Bring the gradients from their copy to their genes."""
    d = layout.d
    for i in range(first, last):
        p, token = at(lists.rank, i) - first, base + i
        store(grad_qkv, (3 * token + 1) * d, load_row(grads, 2 * p * d, layout))
        store(grad_qkv, (3 * token + 2) * d, load_row(grads, (2 * p + 1) * d, layout))


@numba.njit(cache=True, nogil=True)
def backward(qkv, stats, grad_out, grad_qkv, lists, spans, work, layout, scale, dropout, scratch):
    """Write ``grad_qkv`` of the cells."""
    n = work_room(spans, work, layout.d)
    qkv, grad_qkv = qkv.reshape(-1), grad_qkv.reshape(-1)
    copy, pairs = scratch[:n], scratch[2 * n :]
    for span in range(work[0], work[1]):
        base, first, last, cell = spans[span]
        place = place_of(layout, qkv, copy, lists, base, first, last)
        grads = place_of_gradients(layout, grad_qkv, scratch[n : 2 * n], lists, base, first, last)
        for p in range(first, last, TILE):
            tile = p, min(p + TILE, last)
            score_tile_again(
                layout, qkv, stats, grad_out, grad_qkv, place, pairs, lists, base, first, last, tile
            )
            weigh_tile_again(layout, pairs, stats, lists, base, tile, cell, scale, dropout)
            spread_tile(layout, qkv, grad_out, grad_qkv, place, grads, pairs, lists, base, tile)
        if lists.is_reordered:
            write_gradients(layout, grad_qkv, grads, lists, base, first, last)
