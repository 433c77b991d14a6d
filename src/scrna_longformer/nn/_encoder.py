"""Pre-norm transformer blocks over gene tokens."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import linear

from ..graph._gene_graph import GeneGraph
from ..graph._restrict import TokenGraph
from ._attention import make_attention
from ._config import LongformerConfig


class FeedForward(nn.Sequential):
    """Two linear layers with a GELU between, applied to each token on its own."""

    def __init__(self, d_model: int, d_hidden: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(d_model, d_hidden),
            nn.GELU(),
            nn.Linear(d_hidden, d_model),
            nn.Dropout(dropout),
        )

    def pooled(self, h: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
        """Return what ``pool(self(h))`` does, to rounding, with less work.

        The last layer is linear and commutes with a sum: applied to one sum per cell instead of to
        every token.
        """
        first, activation, last, dropout = self
        assert isinstance(last, nn.Linear)
        assert isinstance(dropout, nn.Dropout)
        if self.training and dropout.p:
            return pool(self(h))
        hidden = activation(first(h))
        n_tokens = pool(hidden.new_ones(*hidden.shape[:-1], 1))
        return linear(pool(hidden), last.weight) + n_tokens * last.bias


class Block(nn.Module):
    """Attention among neighbouring genes, then a feed-forward layer, each added to its input.

    Both add nothing at the start (their last layers are zero), so that a fresh encoder is the
    identity and the model begins as the linear one that its tokens, pooling and head make up; not
    so where the config says ``zero_init=False``.
    """

    def __init__(self, config: LongformerConfig) -> None:
        super().__init__()
        self.attention = make_attention(config)
        self.attention_norm = nn.LayerNorm(config.d_model) if self.attention is not None else None
        self.feed_forward_norm = nn.LayerNorm(config.d_model)
        self.feed_forward = FeedForward(config.d_model, config.d_hidden, config.dropout)
        if config.zero_init:
            _silence(self.feed_forward[2])
            if self.attention is not None:
                _silence(self.attention.out)

    def forward(self, h: Tensor, graph: GeneGraph | TokenGraph) -> Tensor:
        """Map ``(cells, genes, d_model)`` tokens to tokens of the same shape."""
        h = self._attended(h, graph)
        return h + self.feed_forward(self.feed_forward_norm(h))

    def pooled(
        self, h: Tensor, graph: GeneGraph | TokenGraph, pool: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Return ``pool(self(h, graph))``, ``(cells, d_model)``, for a `pool` that sums tokens."""
        h = self._attended(h, graph)
        return pool(h) + self.feed_forward.pooled(self.feed_forward_norm(h), pool)

    def _attended(self, h: Tensor, graph: GeneGraph | TokenGraph) -> Tensor:
        if self.attention is None or self.attention_norm is None:
            return h
        return h + self.attention(self.attention_norm(h), graph)


class Encoder(nn.Module):
    """A stack of blocks that share one gene graph."""

    def __init__(self, config: LongformerConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))

    def forward(self, h: Tensor, graph: GeneGraph | TokenGraph) -> Tensor:
        """Map ``(cells, genes, d_model)`` tokens to tokens of the same shape."""
        for block in self.blocks:
            h = block(h, graph)
        return h

    def pooled(
        self, h: Tensor, graph: GeneGraph | TokenGraph, pool: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Return ``pool(self(h, graph))``, ``(cells, d_model)``, for a `pool` that sums tokens."""
        *first, last = self.blocks
        assert isinstance(last, Block)
        for block in first:
            h = block(h, graph)
        return last.pooled(h, graph, pool)


def _silence(layer: nn.Module) -> None:
    """Set all parameters of a layer to zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
