"""The gene graph of a batch in which every cell keeps only some of its genes."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from ._gene_graph import GeneGraph


@dataclass(frozen=True, eq=False)
class TokenGraph:
    """Tokens of a batch of cells, and the graph among them.

    Attributes
    ----------
    graph
        One graph of all tokens; no edge leaves a cell (``graph.cells``). Attention takes it with
        ragged ``(tokens, 3 d)`` input.
    cell
        ``int64`` cell of each token; cells follow each other.
    gene
        ``int64`` gene of each token.
    """

    graph: GeneGraph
    cell: np.ndarray
    gene: np.ndarray


def restrict(graph: GeneGraph, expressed: np.ndarray) -> TokenGraph:
    """Keep, in each cell, only the expressed genes and the edges among them.

    Parameters
    ----------
    graph
        The gene graph, of any degree of symmetry.
    expressed
        Boolean, cells × genes: which genes are tokens.

    Returns
    -------
    The tokens and their graph. A cell's tokens follow ``graph.visiting_order``, so that attention
    finds neighbours close together without reordering every batch; a token's neighbours are in the
    order of its gene's.

    Raises
    ------
    ValueError
        If ``expressed`` is not a boolean matrix with a column per gene.

    Examples
    --------
    >>> import numpy as np
    >>> tokens = restrict(GeneGraph.full(3), np.array([[True, False, True], [False, True, False]]))
    >>> tokens.gene.tolist(), tokens.graph.cells.tolist(), tokens.graph.n_edges
    ([0, 2, 1], [0, 2, 3], 5)
    """
    expressed = np.asarray(expressed)
    if expressed.dtype != bool or expressed.ndim != 2 or expressed.shape[1] != graph.n_genes:
        msg = (
            f"`expressed` must be boolean, cells × {graph.n_genes} genes, not {expressed.dtype} "
            f"with shape {expressed.shape}."
        )
        raise ValueError(msg)
    order = graph.visiting_order
    cell, gene = np.nonzero(expressed if order is None else expressed[:, order])
    gene = gene if order is None else order[gene].astype(np.int64)
    cells = np.concatenate([[0], np.cumsum(expressed.sum(axis=1))]).astype(np.int32)
    indptr, indices = _edges_among(graph.indptr, graph.indices, cells, gene)
    return TokenGraph(GeneGraph(indptr, indices, cells=cells), cell, gene)


@numba.njit(cache=True, nogil=True)
def _edges_among(indptr, indices, cells, gene):  # type: ignore[no-untyped-def]
    """Neighbour lists of the tokens: look every neighbour up in a table of its cell's tokens."""
    token_of = np.full(len(indptr) - 1, -1, np.int32)
    starts = np.zeros(len(gene) + 1, np.int32)
    kept = np.empty(0, np.int32)
    for fill in (False, True):
        for cell in range(len(cells) - 1):
            tokens = range(cells[cell], cells[cell + 1])
            for token in tokens:
                token_of[gene[token]] = token
            for token in tokens:
                n = starts[token]
                for edge in range(indptr[gene[token]], indptr[gene[token] + 1]):
                    neighbour = token_of[indices[edge]]
                    if neighbour >= 0:
                        if fill:
                            kept[n] = neighbour
                        n += 1
                if not fill:
                    starts[token + 1] = n
            for token in tokens:
                token_of[gene[token]] = -1
        if not fill:
            kept = np.empty(starts[-1], np.int32)
    return starts, kept
