"""The neighbour lists of a graph as the CPU kernels walk through them."""

from __future__ import annotations

from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ..graph._gene_graph import GeneGraph


class NeighbourLists(NamedTuple):
    """A graph in the order in which its rows are visited; a *position* is a place in that order.

    Attributes
    ----------
    indptr
        ``(genes + 1,)``: where the row at each position begins in `neighbours`.
    neighbours
        ``(edges,)``: positions, not genes.
    order
        ``(genes,)``: gene at each position.
    rank
        ``(genes,)``: position of each gene.
    first_edge
        ``(genes,)``: where the row at each position begins in the graph's own lists, for dropout.
    longest
        Number of neighbours in the longest row.
    is_reordered
        Whether the order of visits is another than the genes' own.
    """

    indptr: np.ndarray
    neighbours: np.ndarray
    order: np.ndarray
    rank: np.ndarray
    first_edge: np.ndarray
    longest: int
    is_reordered: bool


_lists: WeakKeyDictionary[GeneGraph, NeighbourLists] = WeakKeyDictionary()


def neighbour_lists(graph: GeneGraph) -> NeighbourLists:
    """Return the lists of a graph, which are kept while it lives.

    Examples
    --------
    >>> neighbour_lists(GeneGraph.full(3)).indptr
    array([0, 3, 6, 9], dtype=int32)
    """
    if graph not in _lists:
        _lists[graph] = _in_visiting_order(graph)
    return _lists[graph]


def _in_visiting_order(graph: GeneGraph) -> NeighbourLists:
    genes = np.arange(graph.n_genes, dtype=np.int32)
    order, longest = graph.visiting_order, graph.max_degree
    if order is None:
        first_edge = graph.indptr[:-1]
        return NeighbourLists(
            graph.indptr, graph.indices, genes, genes, first_edge, longest, is_reordered=False
        )
    rank = np.empty_like(order)
    rank[order] = genes
    degrees = graph.degrees[order]
    indptr = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int32)
    first_edge = graph.indptr[order]
    # within a row the edges keep their order: sums run alike, and dropout finds its edges
    edges = np.arange(graph.n_edges) - np.repeat(indptr[:-1] - first_edge, degrees)
    neighbours = rank[graph.indices[edges]]
    return NeighbourLists(indptr, neighbours, order, rank, first_edge, longest, is_reordered=True)
