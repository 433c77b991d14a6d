"""Gene graphs: neighbour search and neighbour lists, in NumPy and SciPy."""

from __future__ import annotations

from ._gene_graph import GeneGraph
from ._hubs import find_hubs, hub_edge_share, neighbor_counts
from ._knn import gene_knn
from ._order import module_order
from ._restrict import TokenGraph, restrict

__all__ = [
    "GeneGraph",
    "TokenGraph",
    "find_hubs",
    "gene_knn",
    "hub_edge_share",
    "module_order",
    "neighbor_counts",
    "restrict",
]
