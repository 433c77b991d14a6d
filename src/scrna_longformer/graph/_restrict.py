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

    def edges_in(self, graph: GeneGraph) -> np.ndarray:
        """Return which edge of the gene graph that was restricted each edge here is, ``int64``.

        Parameters
        ----------
        graph
            That gene graph, its neighbours in ascending order.
        """
        known = graph.rows.astype(np.int64) * graph.n_genes + graph.indices
        rows, columns = self.gene[self.graph.rows], self.gene[self.graph.indices]
        return np.searchsorted(known, rows * graph.n_genes + columns)


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
    if order is None:
        order = np.arange(graph.n_genes, dtype=np.int32)
    cells = np.zeros(len(expressed) + 1, dtype=np.int32)
    np.cumsum(np.count_nonzero(expressed, axis=1), out=cells[1:])
    cell, gene = _tokens(np.ascontiguousarray(expressed), order, cells[-1])
    indptr, indices = _edges_among(graph.indptr, graph.indices, cells, gene)
    return TokenGraph(GeneGraph(indptr, indices, cells=cells), cell, gene)


@numba.njit(cache=True, nogil=True)
def _tokens(expressed, order, n_tokens):  # type: ignore[no-untyped-def]
    """Cell and gene of every token, the genes of a cell in this order."""
    cell_of, gene_of = np.empty(n_tokens + 1, np.int64), np.empty(n_tokens + 1, np.int64)
    token = 0
    for cell in range(len(expressed)):
        for gene in order:
            # written always, counted if expressed: a branch would be guessed wrong too often
            cell_of[token], gene_of[token] = cell, gene
            token += expressed[cell, gene]
    return cell_of[:n_tokens], gene_of[:n_tokens]


@numba.njit(cache=True, nogil=True)
def _edges_among(indptr, indices, cells, gene):  # type: ignore[no-untyped-def]
    """Neighbour lists of the tokens: look every neighbour up in a table of its cell's tokens."""
    token_of = np.full(len(indptr) - 1, -1, np.int32)
    starts = np.zeros(len(gene) + 1, np.int32)
    most = 0
    for token in range(len(gene)):
        most += indptr[gene[token] + 1] - indptr[gene[token]]
    kept = np.empty(most + 1, np.int32)
    n = 0
    for cell in range(len(cells) - 1):
        tokens = range(cells[cell], cells[cell + 1])
        for token in tokens:
            token_of[gene[token]] = token
        for token in tokens:
            for edge in range(indptr[gene[token]], indptr[gene[token] + 1]):
                neighbour = token_of[indices[edge]]
                kept[n] = neighbour  # as above
                n += neighbour >= 0
            starts[token + 1] = n
        for token in tokens:
            token_of[gene[token]] = -1
    return starts, kept[:n].copy()
