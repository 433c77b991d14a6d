"""Pre-norm transformer blocks over gene tokens."""

from __future__ import annotations

from torch import Tensor, nn

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
        if self.attention is not None and self.attention_norm is not None:
            h = h + self.attention(self.attention_norm(h), graph)
        return h + self.feed_forward(self.feed_forward_norm(h))


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


def _silence(layer: nn.Module) -> None:
    """Set all parameters of a layer to zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
