"""Gene graphs: neighbour search and neighbour lists, in NumPy and SciPy."""

from __future__ import annotations

from ._gene_graph import GeneGraph

__all__ = ["GeneGraph"]
