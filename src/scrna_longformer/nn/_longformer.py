"""The gene-token transformer."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..graph._gene_graph import GeneGraph
from ._config import LongformerConfig
from ._embedding import TOKEN_TYPES
from ._encoder import Encoder
from ._heads import ClassificationHead
from ._input import GeneDropout, GeneStandardizer
from ._pooling import pool_scale


class LongformerOutput(NamedTuple):
    """What a forward pass returns (a named tuple, which training engines can look into).

    Attributes
    ----------
    logits
        ``(cells, n_classes)``.
    embedding
        ``(cells, d_model)``: the pooled representation that the heads read.
    residual
        ``(cells, n_classes)`` to be added to another model's logits, where there is such a head.
    """

    logits: Tensor
    embedding: Tensor
    residual: Tensor | None = None


class GeneLongformer(nn.Module):
    """Classify cells from gene tokens that attend to their neighbours in a gene graph.

    Parameters
    ----------
    config
        Sizes and choices by name.
    graph
        Which genes attend to which; rows are queries. Part of the model, but not of its parameters.

    Examples
    --------
    >>> import torch
    >>> from scrna_longformer.graph import GeneGraph
    >>> config = LongformerConfig(n_genes=5, n_classes=3)
    >>> output = GeneLongformer(config, GeneGraph.full(5))(torch.rand(2, 5))
    >>> tuple(output.logits.shape), tuple(output.embedding.shape)
    ((2, 3), (2, 16))
    """

    def __init__(self, config: LongformerConfig, graph: GeneGraph) -> None:
        super().__init__()
        if graph.n_genes != config.n_genes:
            msg = f"`graph` has {graph.n_genes} genes, but `config.n_genes` is {config.n_genes}."
            raise ValueError(msg)
        self.config = config
        self.graph = graph
        self.standardizer = GeneStandardizer(config.n_genes)
        self.gene_dropout = GeneDropout(config.gene_dropout)
        self.token = TOKEN_TYPES[config.token](config.n_genes, config.d_model, config.init_scale)
        self.encoder = Encoder(config)
        self.pool_scale = pool_scale(config.pooling, config.n_genes)
        self.pool_norm = nn.LayerNorm(config.d_model) if config.pool_norm else nn.Identity()
        self.head = ClassificationHead(config.d_model, config.n_classes, zero_init=config.zero_init)
        self.residual_head = (
            ClassificationHead(config.d_model, config.n_classes) if config.residual_head else None
        )

    def forward(self, values: Tensor) -> LongformerOutput:
        """Run the model on ``(cells, n_genes)`` expression, on the scale that it was trained on."""
        z = self.gene_dropout(self.standardizer(values))
        h = self.encoder(self.token(z), self.graph)
        embedding = self.pool_norm(h.sum(dim=1) * self.pool_scale)
        residual = None if self.residual_head is None else self.residual_head(embedding)
        return LongformerOutput(self.head(embedding), embedding, residual)


def count_parameters(config: LongformerConfig) -> int:
    """Count the trainable parameters of a config, without allocating them.

    Examples
    --------
    >>> count_parameters(LongformerConfig(n_genes=5, n_classes=3)) > 5 * 16 * 2
    True
    """
    with torch.device("meta"):
        model = GeneLongformer(config, GeneGraph.self_only(config.n_genes))
    return sum(parameter.numel() for parameter in model.parameters())
