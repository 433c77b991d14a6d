"""Order genes so that those that know each other stand together, for the eye."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import scipy.sparse as sp


def modules_of(mask: sp.csr_matrix) -> np.ndarray:
    """Module of each gene, numbered from 0 by falling size (Leiden on the graph, seeded)."""
    import igraph as ig
    import leidenalg
    import numpy as np
    import scipy.sparse as sp

    upper = sp.triu(mask, k=1).tocoo()
    graph = ig.Graph(n=mask.shape[0], edges=np.column_stack([upper.row, upper.col]))
    partition = leidenalg.find_partition(graph, leidenalg.ModularityVertexPartition, seed=0)
    found = np.asarray(partition.membership)
    by_size = np.argsort(-np.bincount(found), kind="stable")
    return np.argsort(by_size)[found]


def block_shares(mask: sp.csr_matrix, order: np.ndarray, n_blocks: int) -> np.ndarray:
    """Share of neighbours among the pairs of genes in each cell of a `n_blocks` x `n_blocks` grid.

    Genes are taken in `order` and cut into blocks whose sizes differ by at most one. A gene is not
    its own neighbour here.
    """
    import numpy as np
    import scipy.sparse as sp

    n_genes = mask.shape[0]
    block = np.empty(n_genes, dtype=np.int64)
    block[order] = np.arange(n_genes) * n_blocks // n_genes
    member = sp.csr_matrix((np.ones(n_genes), (block, np.arange(n_genes))))
    others = mask.astype(np.float64) - sp.diags(mask.diagonal().astype(np.float64))
    edges = (member @ others @ member.T).toarray()
    sizes = np.bincount(block, minlength=n_blocks)
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    return edges / np.maximum(pairs, 1)
