"""The attention layer: projections around kNN-masked attention, and its controls by name."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from scipy import sparse
from torch import nn
from torch.nn.functional import linear

from .._fields import require_number
from .._random import generator
from ..attention._dense import masked
from ..attention._dropout import Dropout
from ..attention._heads import check_n_heads
from ..attention._knn_attention import knn_attention
from ..attention._linear import linear_attention
from ..graph._gene_graph import ORDER_FROM, GeneGraph
from ..graph._restrict import TokenGraph
from ._config import LongformerConfig

ATTENTION_KINDS = {
    "knn": "each gene attends to its neighbours in the gene graph",
    "random": "the same graph with its genes relabelled at random: equal degrees, other genes",
    "self": "each gene attends to itself alone",
    "full": "each gene attends to every gene",
    "linear": "each gene attends to every gene, by kernel features in linear time",
}
_made_from: WeakKeyDictionary[GeneGraph, dict[tuple[str, int], GeneGraph]] = WeakKeyDictionary()


def attention_graph(attention: str, graph: GeneGraph, random_state: int = 0) -> GeneGraph:
    """Return the graph that an attention layer of this kind walks on.

    Parameters
    ----------
    attention
        ``'knn'``, ``'random'``, ``'self'``, or ``'full'`` and ``'linear'``, which look at no graph.
    graph
        The gene graph.
    random_state
        Decides how ``'random'`` relabels the genes.

    Examples
    --------
    >>> attention_graph("self", GeneGraph.full(3)).n_edges
    3
    """
    _check_kind(attention)
    if attention not in ("random", "self"):
        return graph
    made = _made_from.setdefault(graph, {})
    if (attention, random_state) not in made:
        made[attention, random_state] = (
            graph.permuted(generator(random_state))
            if attention == "random"
            else GeneGraph.self_only(graph.n_genes)
        )
    return made[attention, random_state]


def make_attention(config: LongformerConfig) -> LocalGraphAttention | None:
    """Return the attention layer that a model's config names; ``None`` for ``'none'``."""
    if config.attention == "none":
        return None
    return LocalGraphAttention(
        config.d_model,
        config.n_heads,
        dropout=config.attention_dropout,
        attention=config.attention,
        backend=config.attention_backend,
        gain=config.attention_gain,
        random_state=config.attention_seed,
    )


class LocalGraphAttention(nn.Module):
    """Multi-head attention of each gene to its neighbours, with its projections.

    Parameters
    ----------
    d_model
        Width of the tokens.
    n_heads
        Number of heads; divides ``d_model``.
    dropout
        Probability of dropping an attention weight in training, below 1. Which weights fall is drawn
        from torch's default generator. ``attention='linear'`` has no weights to drop.
    attention
        ``'knn'``, or a control that asks what the graph is good for: ``'random'`` (the same graph
        with its genes relabelled at random), ``'self'``, ``'full'`` or ``'linear'`` (all genes, by
        kernel features in linear time).
    backend
        As in :func:`~scrna_longformer.attention.knn_attention`.
    gain
        How much larger the projections to queries and keys start than torch would have them.
    random_state
        Decides how ``'random'`` relabels the genes.

    Notes
    -----
    Keys have no bias: it shifts all scores of a query alike, which the softmax cancels.

    Examples
    --------
    >>> import torch
    >>> from scrna_longformer.graph import GeneGraph
    >>> layer = LocalGraphAttention(16, 2)
    >>> layer(torch.randn(3, 5, 16), GeneGraph.full(5)).shape
    torch.Size([3, 5, 16])
    >>> layer(torch.randn(3, 5, 16), torch.ones(3, 5, 5, dtype=torch.bool)).shape
    torch.Size([3, 5, 16])
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        *,
        dropout: float = 0.0,
        attention: str = "knn",
        backend: str = "auto",
        gain: float = 1.0,
        random_state: int = 0,
    ) -> None:
        super().__init__()
        _check_kind(attention)
        check_n_heads(n_heads)
        if d_model % n_heads:
            msg = f"`d_model`={d_model} must be a multiple of `n_heads`={n_heads}."
            raise ValueError(msg)
        self.n_heads = n_heads
        self.dropout = dropout
        share = "be a number in [0, 1), the share of attention weights to drop"
        require_number(self, "dropout", share, lambda value: 0 <= value < 1)
        self.attention = attention
        self.backend = backend
        self.random_state = random_state
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        with torch.no_grad():
            self.qkv.weight[: 2 * d_model] *= gain
        self.query_bias = nn.Parameter(torch.zeros(d_model))
        self.value_bias = nn.Parameter(torch.zeros(d_model))
        self.out = nn.Linear(d_model, d_model)

    def forward(
        self,
        x: torch.Tensor,
        mask: GeneGraph | TokenGraph | torch.Tensor | None = None,
        mask_axis: str | None = None,
    ) -> torch.Tensor:
        """Attend.

        Parameters
        ----------
        x
            Tokens ``(cells, genes, d_model)``, or ``(tokens, d_model)`` with a token graph.
        mask
            The graph, shared by all cells and heads: the fast path; a ``(G, G)`` boolean tensor is
            turned into one at every call (make it once with ``GeneGraph.from_scipy`` where that
            counts). Boolean tensors ``(B, G, G)``, ``(H, G, G)`` and
            ``(B, H, G, G)`` differ between cells or heads and take the dense path. True means that
            the row's gene attends to the column's. ``'full'`` and ``'linear'`` use no mask. The
            :class:`~scrna_longformer.graph.TokenGraph` of a batch is walked on as it is: made from
            the graph that this kind of attention walks on (``nn._attention.attention_graph``).
        mask_axis
            ``'batch'`` or ``'head'``: what the first of three dimensions is, where the number of
            cells equals the number of heads.

        Returns
        -------
        ``x``'s shape.
        """
        bias = torch.cat([self.query_bias, torch.zeros_like(self.query_bias), self.value_bias])
        qkv = linear(x, self.qkv.weight, bias)
        return self.out(self._attend(qkv, mask, mask_axis))

    def _attend(
        self,
        qkv: torch.Tensor,
        mask: GeneGraph | TokenGraph | torch.Tensor | None,
        mask_axis: str | None,
    ) -> torch.Tensor:
        if _lists_tokens(mask) and self.attention in ("full", "linear"):
            msg = f"attention={self.attention!r} looks at no graph, and would mix the cells."
            raise ValueError(msg)
        if mask_axis not in (None, "batch", "head"):
            msg = f"`mask_axis` must be 'batch', 'head' or None, not {mask_axis!r}."
            raise ValueError(msg)
        if self.attention == "linear":
            _check_cells(qkv)
            return linear_attention(qkv, n_heads=self.n_heads)
        drop = self.dropout if self.training else 0.0
        seed = int(torch.randint(2**63 - 1, ())) if drop else None
        if isinstance(mask, TokenGraph):
            return self._walk(qkv, mask.graph, drop, seed)
        dense: dict[str, Any] = {
            "n_heads": self.n_heads,
            "scale": (qkv.shape[-1] / (3 * self.n_heads)) ** -0.5,
            "dropout": Dropout(drop, seed) if seed is not None else None,
        }
        if self.attention == "full":
            _check_cells(qkv)
            return masked(qkv, None, **dense)
        mask = _shared_or_dense(mask, qkv.shape[-2])
        if isinstance(mask, torch.Tensor):
            if self.attention != "knn":
                msg = f"attention={self.attention!r} needs one graph, not a mask per cell or head."
                raise ValueError(msg)
            _check_cells(qkv)
            return masked(qkv, _broadcast(mask, qkv, self.n_heads, mask_axis), **dense)
        return self._walk(qkv, attention_graph(self.attention, mask, self.random_state), drop, seed)

    def _walk(
        self, qkv: torch.Tensor, graph: GeneGraph, drop: float, seed: int | None
    ) -> torch.Tensor:
        return knn_attention(
            qkv, graph, n_heads=self.n_heads, dropout_p=drop, seed=seed, backend=self.backend
        )

    def extra_repr(self) -> str:
        """Say what the parameters do not show."""
        return f"n_heads={self.n_heads}, attention={self.attention!r}, dropout={self.dropout}"


def _lists_tokens(mask: GeneGraph | TokenGraph | torch.Tensor | None) -> bool:
    """Say whether a graph is that of the tokens of several cells."""
    return isinstance(mask, TokenGraph) or (isinstance(mask, GeneGraph) and mask.cells is not None)


def _check_kind(attention: str) -> None:
    if attention not in ATTENTION_KINDS:
        msg = f"`attention` must be one of {tuple(ATTENTION_KINDS)}, not {attention!r}."
        raise ValueError(msg)


def _check_cells(qkv: torch.Tensor) -> None:
    """Raise where a list of tokens meets attention that does not know their cells."""
    if qkv.ndim != 3:
        msg = (
            "`x` must be (cells, genes, d_model) for attention on all pairs or with a mask per cell "
            f"or head; it has {qkv.ndim} dimensions. A list of tokens needs a TokenGraph."
        )
        raise ValueError(msg)


def _shared_or_dense(
    mask: GeneGraph | torch.Tensor | None, n_genes: int
) -> GeneGraph | torch.Tensor:
    """Return a shared mask as a graph, one that differs between cells or heads as it is."""
    if isinstance(mask, GeneGraph):
        return mask
    if mask is None:
        msg = "`mask` is missing: pass the GeneGraph, or a boolean (genes, genes) tensor."
        raise ValueError(msg)
    if not isinstance(mask, torch.Tensor) or mask.dtype != torch.bool:
        found = mask.dtype if isinstance(mask, torch.Tensor) else f"a {type(mask).__name__}"
        msg = (
            f"`mask` must be a GeneGraph or a boolean tensor (True: may attend), not {found}. "
            "GeneGraph.from_scipy(matrix) makes one of a sparse matrix."
        )
        raise TypeError(msg)
    if mask.shape[-2:] != (n_genes, n_genes):
        msg = f"`mask` has shape {tuple(mask.shape)}; its last two must be the {n_genes} genes."
        raise ValueError(msg)
    if mask.ndim > 2:
        return mask
    # for one call: to look for a good order of visits would take longer than it saves
    order = np.arange(n_genes) if n_genes >= ORDER_FROM else None
    return GeneGraph.from_scipy(sparse.csr_matrix(mask.cpu().numpy()), order=order)


def _broadcast(
    mask: torch.Tensor, qkv: torch.Tensor, n_heads: int, mask_axis: str | None
) -> torch.Tensor:
    """Return a mask of three or four dimensions as (cells or 1, heads or 1, genes, genes)."""
    cells = qkv.shape[0]
    if not mask.diagonal(dim1=-2, dim2=-1).all():
        msg = "`mask` must be true on its diagonal: every gene attends to itself."
        raise ValueError(msg)
    if mask.ndim == 4 and mask.shape[0] in (1, cells) and mask.shape[1] in (1, n_heads):
        return mask
    if mask.ndim == 3:
        return mask.unsqueeze(1 if _axis(mask, cells, n_heads, mask_axis) == "batch" else 0)
    msg = (
        f"`mask` has shape {tuple(mask.shape)}; with {cells} cells and {n_heads} heads it may be "
        "(G, G), (B, G, G), (H, G, G) or (B, H, G, G)."
    )
    raise ValueError(msg)


def _axis(mask: torch.Tensor, cells: int, n_heads: int, mask_axis: str | None) -> str:
    sizes = {"batch": cells, "head": n_heads}
    fitting = [axis for axis, size in sizes.items() if size == len(mask)]
    if mask_axis is None and len(fitting) == 2:
        msg = (
            f"`mask` has shape {tuple(mask.shape)}, and there are as many cells as heads: say with "
            "`mask_axis='batch'` or `mask_axis='head'` what its first dimension is."
        )
        raise ValueError(msg)
    if not fitting or (mask_axis is not None and mask_axis not in fitting):
        msg = (
            f"`mask` has shape {tuple(mask.shape)} (`mask_axis`={mask_axis!r}), but there are "
            f"{cells} cells and {n_heads} heads."
        )
        raise ValueError(msg)
    return mask_axis or fitting[0]
