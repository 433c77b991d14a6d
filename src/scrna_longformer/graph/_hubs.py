"""Hubs of a gene graph: how many genes each gene is tied to, and how much the busiest ones hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import scipy.sparse as sp

HUB_SHARE = 0.01  # of the genes: the most connected ones


def neighbor_counts(mask: sp.csr_matrix) -> np.ndarray:
    """Number of neighbours of each gene, not counting itself."""
    return np.diff(mask.indptr) - mask.diagonal().astype(np.int64)


def find_hubs(mask: sp.csr_matrix) -> np.ndarray:
    """Boolean, per gene: whether it is among the most connected 1 % of the genes (at least one)."""
    counts = neighbor_counts(mask)
    hubs = np.zeros(len(counts), dtype=bool)
    hubs[np.argsort(-counts, kind="stable")[: max(1, int(np.ceil(HUB_SHARE * len(counts))))]] = True
    return hubs


def hub_edge_share(mask: sp.csr_matrix) -> float:
    """Share of the edges of a symmetric graph that touch a hub (0 for a graph without edges).

    Examples
    --------
    A star has all of its edges at its centre:

    >>> import scipy.sparse as sp
    >>> star = sp.csr_matrix(np.array([[1, 1, 1], [1, 1, 0], [1, 0, 1]], dtype=bool))
    >>> hub_edge_share(star)
    1.0
    """
    rest = ~find_hubs(mask)
    n_edges = neighbor_counts(mask).sum()
    if n_edges == 0:
        return 0.0
    return float(1 - neighbor_counts(mask[rest][:, rest]).sum() / n_edges)
