"""The CPU kernels in plain loops: what the vector kernels must equal, at any width.

Their arguments, here and in ``_numba.py``:

``qkv``, ``grad_qkv``
    (tokens, 3 d): queries | keys | values; feature f is of head f % n_heads.
``out``, ``grad_out``
    (tokens, d).
``stats``
    (tokens, 2, heads): each query's largest score, and 1 / sum of its exponentials; in the precision
    of the scores, which here is double, so that the backward meets the weights of the forward again.
``lists``
    The graph in the order in which its rows are visited, a ``NeighbourLists``.
``spans``
    One row per cell: its first token minus its first gene, first and last position, dropout key.
``work``
    First and last span of this call, and which part of how many parts of their rows.
``dropout``
    None, or keys (cells, 2), threshold, scale of kept weights.
``scratch``
    Memory of the calling thread, for the vector kernels.

A call owns the rows it visits, and a backward call whole cells. So no two threads ever write the same
number, each number is summed in one order, and the bits do not depend on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

FAST = {"contract", "nsz", "arcp"}  # no reassociation


def scratch_size(widest: int, longest: int, d: int, n_heads: int) -> int:
    """Return how many numbers of scratch a call needs: none."""
    return 0


@numba.njit(forceinline=True)
def _mix(x):
    # numba widens 32-bit products to 64 bits: cut them back at every step
    x = np.uint32((x ^ (x >> 16)) * 0x7FEB352D)
    x = np.uint32((x ^ (x >> 15)) * 0x846CA68B)
    return np.uint32(x ^ (x >> 16))


@numba.njit(forceinline=True)
def _keep(edge, h, n_heads, cell, dropout):
    if dropout is None:
        return 1.0
    keys, threshold, kept_scale = dropout
    counter = np.uint32(edge * n_heads + h)
    bits = _mix(np.uint32(_mix(np.uint32(counter ^ keys[cell, 0])) + keys[cell, 1]))
    return kept_scale if bits >= threshold else 0.0


@numba.njit(fastmath=FAST)
def _dot(x, y, h, n_heads):
    total = 0.0
    for f in range(h, len(x), n_heads):
        total += x[f] * y[f]
    return total


@numba.njit(forceinline=True)
def rows_of(work, first, last):
    """Return the positions that a call visits of a cell's."""
    _, _, part, parts = work
    length = last - first
    return range(first + length * part // parts, first + length * (part + 1) // parts)


@numba.njit(cache=True, nogil=True, fastmath=FAST)
def forward(qkv, out, stats, lists, spans, work, n_heads, scale, dropout, scratch):
    """Write ``out`` and ``stats`` of the rows."""
    indptr, neighbours, order, first_edge = (
        lists.indptr,
        lists.neighbours,
        lists.order,
        lists.first_edge,
    )
    d = out.shape[1]
    scores = np.empty(lists.longest)  # in double precision, unlike `scratch`
    for span in range(work[0], work[1]):
        base, first, last, cell = spans[span]
        for p in rows_of(work, first, last):
            i, start, degree = base + order[p], indptr[p], indptr[p + 1] - indptr[p]
            for h in range(n_heads):
                largest = -np.inf
                for n in range(degree):
                    j = base + order[neighbours[start + n]]
                    scores[n] = _dot(qkv[i, :d], qkv[j, d : 2 * d], h, n_heads)
                    largest = max(largest, scores[n])
                total = 0.0
                for n in range(degree):
                    scores[n] = np.exp(scale * (scores[n] - largest))
                    total += scores[n]
                out[i, h::n_heads] = 0
                for n in range(degree):
                    j = base + order[neighbours[start + n]]
                    weight = scores[n] / total * _keep(first_edge[p] + n, h, n_heads, cell, dropout)
                    for f in range(h, d, n_heads):
                        out[i, f] += weight * qkv[j, 2 * d + f]
                stats[i, 0, h] = largest
                stats[i, 1, h] = 1 / total


@numba.njit(cache=True, nogil=True, fastmath=FAST)
def backward(qkv, stats, grad_out, grad_qkv, lists, spans, work, n_heads, scale, dropout, scratch):
    """Write ``grad_qkv`` of the cells."""
    indptr, neighbours, order, first_edge = (
        lists.indptr,
        lists.neighbours,
        lists.order,
        lists.first_edge,
    )
    d = grad_out.shape[1]
    weights, grads = np.empty(lists.longest), np.empty(lists.longest)
    for span in range(work[0], work[1]):
        base, first, last, cell = spans[span]
        for p in range(first, last):
            grad_qkv[base + order[p]] = 0
        for p in range(first, last):
            i, start, degree = base + order[p], indptr[p], indptr[p + 1] - indptr[p]
            for h in range(n_heads):
                mean = 0.0  # of the gradients of the weights, under the weights
                for n in range(degree):
                    j = base + order[neighbours[start + n]]
                    score = _dot(qkv[i, :d], qkv[j, d : 2 * d], h, n_heads)
                    weights[n] = np.exp(scale * (score - stats[i, 0, h])) * stats[i, 1, h]
                    grads[n] = _dot(grad_out[i], qkv[j, 2 * d :], h, n_heads)
                    grads[n] *= _keep(first_edge[p] + n, h, n_heads, cell, dropout)
                    mean += weights[n] * grads[n]
                for n in range(degree):
                    j = base + order[neighbours[start + n]]
                    grad_score = scale * weights[n] * (grads[n] - mean)
                    kept = weights[n] * _keep(first_edge[p] + n, h, n_heads, cell, dropout)
                    for f in range(h, d, n_heads):
                        grad_qkv[i, f] += grad_score * qkv[j, d + f]
                        grad_qkv[j, d + f] += grad_score * qkv[i, f]
                        grad_qkv[j, 2 * d + f] += kept * grad_out[i, f]
