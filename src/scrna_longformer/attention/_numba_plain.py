"""The CPU kernels in plain loops: what the vector kernels must equal, at any width.

Arrays (one meaning here and in ``_numba.py``):

- ``qkv``, ``grad_qkv``: (cells, tokens, 3 d), queries | keys | values, feature f in
  head f % n_heads;
- ``out``, ``grad_out``: (cells, tokens, d);
- ``stats``: (cells, tokens, 2, heads), largest score and 1 / sum of exponentials of each row;
- ``graph``: ``indptr``, ``indices``, and ``order``, in which the rows are visited;
- ``block``: first and last cell, first and last position of ``order``, of this call;
- ``dropout``: keys (cells, 2), threshold, scale of kept weights; a threshold of 0 drops nothing.

A call owns the rows it visits, and in the backward also their keys: blocks of one backward must not
share tokens. Then no two threads write the same number, and bits do not depend on their count.
"""

from __future__ import annotations

import numba
import numpy as np

FAST = {"contract", "nsz", "arcp"}  # no reassociation: the same bits on every machine path


@numba.njit(forceinline=True)
def _mix(x):  # type: ignore[no-untyped-def]
    x = np.uint32((x ^ (x >> 16)) * 0x7FEB352D)
    x = np.uint32((x ^ (x >> 15)) * 0x846CA68B)
    return np.uint32(x ^ (x >> 16))


@numba.njit(forceinline=True)
def _keep(edge, h, n_heads, cell, dropout):  # type: ignore[no-untyped-def]
    keys, threshold, kept_scale = dropout
    if threshold == 0:
        return 1.0
    counter = np.uint32(edge * n_heads + h)
    bits = _mix(np.uint32(_mix(np.uint32(counter ^ keys[cell, 0])) + keys[cell, 1]))
    return kept_scale if bits >= threshold else 0.0


@numba.njit(fastmath=FAST)
def _dot(x, y, h, n_heads):  # type: ignore[no-untyped-def]
    total = 0.0
    for f in range(h, len(x), n_heads):
        total += x[f] * y[f]
    return total


@numba.njit(cache=True, nogil=True, fastmath=FAST)
def forward(qkv, out, stats, graph, block, n_heads, scale, dropout):  # type: ignore[no-untyped-def]
    """Write ``out`` and ``stats`` of the block's rows."""
    indptr, indices, order = graph
    first_cell, last_cell, first_row, last_row = block
    d = out.shape[2]
    scores = np.empty(max_degree(graph, block))
    for cell in range(first_cell, last_cell):
        for position in range(first_row, last_row):
            i = order[position]
            start, degree = indptr[i], indptr[i + 1] - indptr[i]
            q = qkv[cell, i, :d]
            for h in range(n_heads):
                largest = -np.inf
                for n in range(degree):
                    scores[n] = _dot(q, qkv[cell, indices[start + n], d : 2 * d], h, n_heads)
                    largest = max(largest, scores[n])
                total = 0.0
                for n in range(degree):
                    scores[n] = np.exp(scale * (scores[n] - largest))
                    total += scores[n]
                for f in range(h, d, n_heads):
                    out[cell, i, f] = 0
                for n in range(degree):
                    weight = scores[n] / total * _keep(start + n, h, n_heads, cell, dropout)
                    v = qkv[cell, indices[start + n], 2 * d :]
                    for f in range(h, d, n_heads):
                        out[cell, i, f] += weight * v[f]
                stats[cell, i, 0, h] = largest
                stats[cell, i, 1, h] = 1 / total


@numba.njit(cache=True, nogil=True, fastmath=FAST)
def backward(qkv, stats, grad_out, grad_qkv, graph, block, n_heads, scale, dropout):  # type: ignore[no-untyped-def]
    """Write ``grad_qkv`` of the block's tokens."""
    indptr, indices, order = graph
    first_cell, last_cell, first_row, last_row = block
    d = grad_out.shape[2]
    weights = np.empty(max_degree(graph, block))
    grads = np.empty(len(weights))
    for cell in range(first_cell, last_cell):
        for position in range(first_row, last_row):
            grad_qkv[cell, order[position]] = 0
        for position in range(first_row, last_row):
            i = order[position]
            start, degree = indptr[i], indptr[i + 1] - indptr[i]
            q, g = qkv[cell, i, :d], grad_out[cell, i]
            for h in range(n_heads):
                largest, inverse_sum = stats[cell, i, 0, h], stats[cell, i, 1, h]
                mean = 0.0  # of the weights' gradients, under the weights
                for n in range(degree):
                    j = indices[start + n]
                    score = _dot(q, qkv[cell, j, d : 2 * d], h, n_heads)
                    weights[n] = np.exp(scale * (score - largest)) * inverse_sum
                    grads[n] = _dot(g, qkv[cell, j, 2 * d :], h, n_heads)
                    grads[n] *= _keep(start + n, h, n_heads, cell, dropout)
                    mean += weights[n] * grads[n]
                for n in range(degree):
                    j = indices[start + n]
                    grad_score = scale * weights[n] * (grads[n] - mean)
                    dropped = weights[n] * _keep(start + n, h, n_heads, cell, dropout)
                    for f in range(h, d, n_heads):
                        grad_qkv[cell, i, f] += grad_score * qkv[cell, j, d + f]
                        grad_qkv[cell, j, d + f] += grad_score * q[f]
                        grad_qkv[cell, j, 2 * d + f] += dropped * g[f]


@numba.njit
def max_degree(graph, block):  # type: ignore[no-untyped-def]
    """Longest row of the block, to size its scratch."""
    indptr, _, order = graph
    longest = 0
    for position in range(block[2], block[3]):
        longest = max(longest, indptr[order[position] + 1] - indptr[order[position]])
    return longest
