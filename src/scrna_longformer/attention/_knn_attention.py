"""kNN-masked attention: one function, a table of backends, one rule that chooses."""

from __future__ import annotations

import math
from operator import index
from typing import Protocol

import torch

from ..graph._gene_graph import GeneGraph
from ._cpu import numba_plain, numba_vectors, say_slower, why_not_vectors
from ._dense import eager, sdpa
from ._dropout import Dropout
from ._gather import gather, gathered_weights
from ._heads import check_n_heads


class Backend(Protocol):
    """What every backend computes: attention of ``(cells, tokens, 3 d)`` in ``graph``."""

    def __call__(
        self,
        qkv: torch.Tensor,
        graph: GeneGraph,
        *,
        n_heads: int,
        scale: float,
        dropout: Dropout | None,
    ) -> torch.Tensor:
        """Return ``(cells, tokens, d)``."""


BACKENDS: dict[str, Backend] = {
    "eager": eager,
    "sdpa": sdpa,
    "gather": gather,
    "numba": numba_vectors,
    "numba_plain": numba_plain,
}
_DENSE_UP_TO = {"cuda": 4096, "mps": 512}  # genes; arithmetic, not measured


def resolve_backend(
    device: torch.device | str,
    dtype: torch.dtype = torch.float32,
    *,
    d_model: int,
    n_heads: int,
    n_genes: int,
    dropout: bool = False,
    token_graph: bool = False,
) -> str:
    """Name the backend that ``backend='auto'`` runs.

    Parameters
    ----------
    device, dtype
        Of the packed ``qkv``.
    d_model, n_heads
        Width of the queries and number of heads.
    n_genes
        Number of genes (tokens) of the graph.
    dropout
        Whether attention weights are dropped.
    token_graph
        Whether the graph is that of the tokens of several cells (``graph.cells``).

    Returns
    -------
    On the CPU ``'numba'``, or ``'numba_plain'`` where the vector kernels do not serve the number of heads,
    the dtype or the installed numba; the log then says why, once per reason. Elsewhere ``'gather'``
    for a token graph, most of whose pairs are of two cells, and with dropout, for which every pair
    takes several integers; else ``'sdpa'`` for small graphs (up to 4,096 genes on CUDA, 512 on other
    devices) and ``'gather'`` for larger ones; these two limits are not measured.

    Examples
    --------
    >>> resolve_backend("cpu", d_model=64, n_heads=4, n_genes=2000)
    'numba'
    >>> resolve_backend("cpu", d_model=24, n_heads=3, n_genes=2000)
    'numba_plain'
    >>> resolve_backend("cuda", d_model=64, n_heads=4, n_genes=2000)
    'sdpa'
    >>> resolve_backend("cuda", d_model=64, n_heads=4, n_genes=2000, token_graph=True)
    'gather'
    """
    device = torch.device(device)
    if device.type == "cpu":
        if reason := why_not_vectors(d_model, n_heads, dtype):
            say_slower(reason)
            return "numba_plain"
        return "numba"
    few = n_genes <= _DENSE_UP_TO.get(device.type, 512)
    return "sdpa" if few and not dropout and not token_graph else "gather"


def knn_attention(
    qkv: torch.Tensor,
    graph: GeneGraph,
    *,
    n_heads: int,
    scale: float | None = None,
    dropout_p: float = 0.0,
    seed: int | None = None,
    backend: str = "auto",
) -> torch.Tensor:
    r"""Attend from each gene to its neighbours in the graph, exactly.

    Every row of the graph is a query: :math:`o_i = \sum_{j \in N(i)} w_{ij} v_j`, with the weights
    :math:`w_{i\cdot}` the softmax of :math:`s\, q_i \cdot k_j` over the neighbours :math:`N(i)`,
    separately for each head.

    Parameters
    ----------
    qkv
        ``(cells, genes, 3 d)``, or ``(tokens, 3 d)`` for a token graph: queries, keys and values
        side by side. Feature ``f`` of each third belongs to head ``f % n_heads``.
    graph
        Neighbour lists of the genes (of the tokens).
    n_heads
        Number of heads; divides ``d``.
    scale
        Positive factor on the scores; ``None`` is ``(d / n_heads) ** -0.5``.
    dropout_p
        Probability of dropping an attention weight. Pass 0 outside training.
    seed
        Integer that decides which weights are dropped, with the cell's position in the batch, the
        edge and the head. Needed when ``dropout_p`` is not 0.
    backend
        ``'auto'`` (see :func:`resolve_backend`) or a name in :data:`BACKENDS`:

        ============= ======= =============== ============================================
        name          device  memory          floating types
        ============= ======= =============== ============================================
        eager         any     heads × genes²  all, computed as given; twice differentiable
        sdpa          any     genes²          all, computed as given
        gather        any     linear          all, computed as given
        numba         CPU     linear          float32; half precision computed in float32
        numba_plain   CPU     linear          as numba, and float64
        ============= ======= =============== ============================================

        With dropout ``'eager'`` holds several 8-byte integers per cell, head and pair, and
        ``'sdpa'`` is ``'eager'``.

    Returns
    -------
    ``(cells, genes, d)`` or ``(tokens, d)``, head-minor, dtype and device of ``qkv``.

    Raises
    ------
    TypeError
        If ``qkv`` is no floating-point tensor, ``graph`` no GeneGraph, or ``seed`` no integer.
    ValueError
        If shapes, ``n_heads``, ``scale``, ``dropout_p`` or ``seed`` do not fit, or a named backend
        cannot run.
    RuntimeError
        In a backward, if the gradient of a backend of linear memory is differentiated again.

    See Also
    --------
    knn_attention_weights : the weights :math:`w_{ij}` themselves.
    scrna_longformer.nn.LocalGraphAttention : the layer around this function.

    References
    ----------
    Vaswani et al. (2017), Attention is all you need, NeurIPS.

    Examples
    --------
    >>> import torch
    >>> from scrna_longformer.graph import GeneGraph
    >>> qkv = torch.randn(2, 5, 3 * 16)
    >>> alone = knn_attention(qkv, GeneGraph.self_only(5), n_heads=4)
    >>> torch.equal(alone, qkv[..., 32:])
    True
    """
    scale = _check(qkv, graph, n_heads, scale)
    dropout = _dropout(dropout_p, seed)
    d = qkv.shape[-1] // 3
    if backend == "auto":
        backend = resolve_backend(
            qkv.device,
            qkv.dtype,
            d_model=d,
            n_heads=n_heads,
            n_genes=graph.n_genes,
            dropout=dropout is not None,
            token_graph=graph.cells is not None,
        )
    elif backend not in BACKENDS:
        msg = f"`backend` must be 'auto' or one of {tuple(BACKENDS)}, not {backend!r}."
        raise ValueError(msg)
    if not qkv.numel():  # no cells: nothing to compute, yet a gradient of the right shape
        return qkv[..., :d] * 1
    packed = qkv if qkv.ndim == 3 else qkv[None]
    out = BACKENDS[backend](packed, graph, n_heads=n_heads, scale=scale, dropout=dropout)
    return out if qkv.ndim == 3 else out[0]


def knn_attention_weights(
    qkv: torch.Tensor,
    graph: GeneGraph,
    *,
    n_heads: int,
    scale: float | None = None,
    mean_over_cells: bool = False,
) -> torch.Tensor:
    """Return the attention weight of every edge of the graph.

    Parameters
    ----------
    qkv, graph, n_heads, scale
        As in :func:`knn_attention`.
    mean_over_cells
        Average over the cells as they are computed, so that nothing of size cells × edges is held.

    Returns
    -------
    ``(cells, edges, heads)``, or ``(edges, heads)`` if averaged or ragged, edges in the order of
    ``graph.indices``. Weights of one query sum to 1. They carry no gradient.

    Examples
    --------
    >>> import torch
    >>> from scrna_longformer.graph import GeneGraph
    >>> weights = knn_attention_weights(torch.zeros(2, 4, 3 * 8), GeneGraph.full(4), n_heads=2)
    >>> weights.shape, weights.unique()
    (torch.Size([2, 16, 2]), tensor([0.2500]))
    """
    scale = _check(qkv, graph, n_heads, scale)
    packed = qkv if qkv.ndim == 3 else qkv[None]
    n_rows = 1 if mean_over_cells else len(packed)
    weights = packed.new_zeros(n_rows, graph.n_edges, n_heads)
    for cells, edges, part in gathered_weights(packed, graph, n_heads=n_heads, scale=scale):
        if mean_over_cells:
            weights[0, edges] += part.sum(0) / len(packed)
        else:
            weights[cells, edges] = part
    return weights[0] if mean_over_cells or qkv.ndim == 2 else weights


def _check(qkv: torch.Tensor, graph: GeneGraph, n_heads: int, scale: float | None) -> float:
    """Validate shapes; return the scale of the scores."""
    if not isinstance(qkv, torch.Tensor):
        msg = f"`qkv` must be a torch.Tensor, not {type(qkv).__name__}; see torch.from_numpy."
        raise TypeError(msg)
    if not isinstance(graph, GeneGraph):
        msg = (
            f"`graph` must be a GeneGraph, not {type(graph).__name__}: make one of a sparse matrix "
            "with GeneGraph.from_scipy(matrix); that of a TokenGraph is its `.graph`."
        )
        raise TypeError(msg)
    check_n_heads(n_heads)
    if qkv.ndim not in (2, 3) or qkv.shape[-1] % (3 * n_heads):
        msg = (
            "`qkv` must be (cells, genes, 3 d) or (tokens, 3 d) with d a multiple of "
            f"`n_heads`={n_heads}, not {tuple(qkv.shape)}."
        )
        raise ValueError(msg)
    if not qkv.is_floating_point():
        msg = f"`qkv` must be a floating-point tensor, not {qkv.dtype}."
        raise TypeError(msg)
    if qkv.shape[-2] != graph.n_genes:
        msg = f"`qkv` has {qkv.shape[-2]} genes, `graph` has {graph.n_genes}."
        raise ValueError(msg)
    if scale is None:
        return (qkv.shape[-1] / (3 * n_heads)) ** -0.5
    if not 0 < scale < math.inf:
        msg = f"`scale` must be positive and finite, not {scale!r}."
        raise ValueError(msg)
    return float(scale)


def _dropout(p: float, seed: int | None) -> Dropout | None:
    if not 0 <= p < 1:
        msg = f"`dropout_p` must be in [0, 1), not {p!r}."
        raise ValueError(msg)
    if p and seed is None:
        msg = (
            f"`dropout_p`={p} needs `seed`, an integer: dropout here is a function of it. "
            "Draw a new one for every step."
        )
        raise ValueError(msg)
    if not p or seed is None:
        return None
    try:
        return Dropout(p, index(seed))
    except TypeError:
        msg = f"`seed` must be an integer, not {seed!r}."
        raise TypeError(msg) from None
