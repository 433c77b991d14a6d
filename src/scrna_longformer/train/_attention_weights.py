"""Attention weights of a trained model, averaged over cells as they are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from scipy import sparse

from ..attention._knn_attention import knn_attention_weights
from ..dataloaders._moments import Cells
from ..graph._gene_graph import GeneGraph
from ..graph._restrict import TokenGraph
from ..nn._attention import LocalGraphAttention, attention_graph
from ..nn._longformer import GeneLongformer
from ._predict import inference_batch_size

Choice = int | Literal["mean"]
_WITH_EDGES = ("knn", "random", "self")


@dataclass(frozen=True)
class EdgeAttention:
    """Mean attention on the edges of the graph that a model walks on.

    Attributes
    ----------
    graph
        The graph; rows are queries.
    weights
        ``(groups, edges)`` float32, edges in the order of ``graph.indices``. The weights of one
        query sum to 1. Where only expressed genes are tokens an edge's mean is over the cells that
        express both its genes, 0 if there are none, and the sums differ from 1.
    """

    graph: GeneGraph
    weights: np.ndarray

    def to_scipy(self, group: int, columns: np.ndarray, n_genes: int) -> sparse.csr_matrix:
        """Return a group's weights as a matrix of all genes, where token ``t`` is ``columns[t]``."""
        edges = (columns[self.graph.rows], columns[self.graph.indices])
        matrix = sparse.csr_matrix((self.weights[group], edges), shape=(n_genes, n_genes))
        matrix.sort_indices()
        return matrix


@torch.inference_mode()
def edge_attention(
    model: GeneLongformer,
    cells: Cells,
    groups: Sequence[np.ndarray],
    *,
    layers: Choice = "mean",
    heads: Choice = "mean",
) -> EdgeAttention:
    """Average the attention weights of a model over the cells of each group.

    Parameters
    ----------
    model
        Its attention must have edges: ``'knn'``, ``'random'`` or ``'self'``.
    cells
        The cells, one column for each token.
    groups
        Indices of the cells of each group; none may be empty.
    layers, heads
        ``'mean'``, or the index of one.

    Raises
    ------
    ValueError
        If there is no such layer or head, or the model's attention has no edges.
    """
    attention = model.config.attention
    if attention not in _WITH_EDGES:
        msg = (
            f"The model has attention={attention!r}, which has no weights on a sparse graph of "
            f"genes; only {', '.join(map(repr, _WITH_EDGES))} do. Fit one of those, for example "
            "with model_options={'attention': 'knn'}."
        )
        raise ValueError(msg)
    modules = [module for module in model.modules() if isinstance(module, LocalGraphAttention)]
    chosen = modules if (i := _index("layers", layers, len(modules))) is None else [modules[i]]
    head = _index("heads", heads, model.config.n_heads)
    graph = attention_graph(attention, model.graph, modules[0].random_state)
    weights = np.empty((len(groups), graph.n_edges), dtype=np.float32)
    for group, index in enumerate(groups):
        total = _EdgeSum(graph, head)
        _run_watched(model, cells, index, chosen, total)
        weights[group] = total.mean()
    return EdgeAttention(graph, weights)


class _EdgeSum:
    """Sum of attention weights over cells and layers, fed by what enters the attention layers."""

    def __init__(self, graph: GeneGraph, head: int | None) -> None:
        self.graph, self.head = graph, head
        self.weights, self.terms = np.zeros(graph.n_edges), np.zeros(graph.n_edges)

    def __call__(self, layer: LocalGraphAttention, arguments: tuple[Any, ...]) -> None:
        """Add the weights of one batch in one layer; runs just before the layer does."""
        x, walked = arguments
        tokens = walked if isinstance(walked, TokenGraph) else None
        qkv = layer.qkv(x)
        qkv[..., : x.shape[-1]] += layer.query_bias
        weights = knn_attention_weights(
            qkv,
            self.graph if tokens is None else tokens.graph,
            n_heads=layer.n_heads,
            mean_over_cells=tokens is None,
        )
        of_head = weights.mean(1) if self.head is None else weights[:, self.head]
        numbers = of_head.cpu().double().numpy()
        if tokens is None:
            self.weights += len(x) * numbers
            self.terms += len(x)
        else:
            edges = tokens.edges_in(self.graph)
            self.weights += np.bincount(edges, numbers, self.graph.n_edges)
            self.terms += np.bincount(edges, minlength=self.graph.n_edges)

    def mean(self) -> np.ndarray:
        """Mean weight of each edge, 0 where there was none."""
        return self.weights / np.maximum(self.terms, 1)


def _run_watched(
    model: GeneLongformer,
    cells: Cells,
    index: np.ndarray,
    watched: Sequence[LocalGraphAttention],
    watcher: _EdgeSum,
) -> None:
    """Run the model on these cells, batch by batch, with a watcher at some of its layers."""
    device = next(model.parameters()).device
    size = inference_batch_size(model.config)
    was_training = model.training
    hooks = [layer.register_forward_pre_hook(watcher) for layer in watched]
    model.eval()
    try:
        for start in range(0, len(index), size):
            model(torch.from_numpy(cells.rows(index[start : start + size])).to(device))
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)


def _index(name: str, choice: Choice, n: int) -> int | None:
    """Return the index that is asked for, or None for the mean."""
    if isinstance(choice, str) and choice == "mean":
        return None
    is_integer = isinstance(choice, int | np.integer) and not isinstance(choice, bool)
    if not is_integer or not 0 <= int(choice) < n:
        msg = (
            f"`{name}` must be 'mean' or an index from 0 to {n - 1} (the model has {n} {name}), "
            f"not {choice!r}."
        )
        raise ValueError(msg)
    return int(choice)
