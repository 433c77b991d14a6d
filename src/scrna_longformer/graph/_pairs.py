"""The pairs of genes that a graph links."""

from __future__ import annotations

import numpy as np

from ._gene_graph import GeneGraph

# Where a product of two z-scores is taken, they are cut here first: one cell in which both genes are
# high by chance must not outweigh a hundred in which they agree. (The winsorised correlation of Devlin,
# Gnanadesikan & Kettenring 1975, Biometrika 62, 531-545, cell by cell.)
PRODUCT_CLIP = 1.0


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
