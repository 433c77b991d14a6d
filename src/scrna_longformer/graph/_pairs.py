"""The pairs of genes that a graph links."""

from __future__ import annotations

import numpy as np

from ._gene_graph import GeneGraph


def linked_pairs(graph: GeneGraph) -> np.ndarray:
    """Return the pairs of genes that a graph links in either direction, ``(pairs, 2)``, each once.

    Examples
    --------
    >>> linked_pairs(GeneGraph.full(3)).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    ends = np.column_stack([graph.rows, graph.indices]).astype(np.int64)
    ends.sort(axis=1)
    return np.unique(ends[ends[:, 0] < ends[:, 1]], axis=0)
