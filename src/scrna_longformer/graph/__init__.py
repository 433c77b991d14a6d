"""Gene graphs: neighbour search and neighbour lists, in NumPy and SciPy."""

from __future__ import annotations

from ._gene_graph import GeneGraph
from ._knn import gene_knn

__all__ = ["GeneGraph", "gene_knn"]
