"""Dropout on attention weights that every backend draws alike.

Whether a weight is dropped is a hash of (seed, cell, edge, head), not a draw from a stream: no
backend, chunking or number of threads can change it, and the backward recomputes it for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

_WORD = 0xFFFFFFFF


@dataclass(frozen=True)
class Dropout:
    """Drop each attention weight with probability ``p`` and scale the others by ``1 / (1 - p)``.

    The weight of edge ``e`` and head ``h`` has the counter ``e * n_heads + h``. Two rounds of a
    32-bit mixing function, each with its own key of the cell, turn the counter into 32 random bits.
    """

    p: float
    seed: int

    @property
    def threshold(self) -> int:
        """Weights whose random bits are below this are dropped; 32 bits hold it, however near 1 p is."""
        return min(round(self.p * 2**32), _WORD)

    @property
    def kept_scale(self) -> float:
        """Factor on the weights that are kept."""
        return 1 / (1 - self.p)

    def keys(self, n_cells: int) -> np.ndarray:
        """Two ``uint32`` keys per cell: the SplitMix64 sequence of the seed."""
        cell = np.arange(1, n_cells + 1, dtype=np.uint64)
        z = np.uint64(self.seed & (2**64 - 1)) + cell * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
        return z.view(np.uint32).reshape(n_cells, 2)

    def factors(
        self, cells: range, edges: torch.Tensor, n_heads: int, dtype: torch.dtype
    ) -> torch.Tensor:
        """Return 0 or ``kept_scale`` for these cells, edges and all heads.

        ``edges`` numbers the edges, and broadcasts to (cells, ..., heads).
        """
        of_cells = self.keys(cells.stop)[cells.start :].astype(np.int64)
        keys = torch.as_tensor(of_cells, device=edges.device)
        first, second = keys.reshape(-1, 2, *[1] * (edges.ndim - 1)).unbind(1)
        counter = (edges * n_heads + torch.arange(n_heads, device=edges.device)) & _WORD
        bits = _mix((_mix(counter ^ first) + second) & _WORD)
        return (bits >= self.threshold).to(dtype) * self.kept_scale


def _mix(x: torch.Tensor) -> torch.Tensor:
    """Mix 32 bits held in ``int64`` (only the low half of each product is kept)."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & _WORD
    x = ((x ^ (x >> 15)) * 0x846CA68B) & _WORD
    return x ^ (x >> 16)
