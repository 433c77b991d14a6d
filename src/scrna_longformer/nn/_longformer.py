"""The gene-token transformer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..graph._gene_graph import GeneGraph
from ..graph._restrict import TokenGraph, restrict
from ._attention import attention_graph
from ._config import LongformerConfig
from ._embedding import TOKEN_TYPES
from ._encoder import Encoder
from ._heads import ClassificationHead
from ._input import GeneDropout, GeneStandardizer
from ._pooling import pool_scale, sum_of_cells
from ._products import LinkedProducts, attending_pairs


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

    Notes
    -----
    With ``tokens='expressed'`` the blocks see the expressed genes of each cell and the edges among
    them, and every other gene enters the pooled vector as the token that it would be before the
    blocks. The part of the model that is linear in the z-scores is therefore the same as with
    ``tokens='all'``, and exact; only what the blocks add is left out where a gene is not expressed.
    A gene that says nothing is no token either: one that is constant in the training cells, missing
    from the query, or dropped in training, all of which have a z-score of 0.

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
        self.standardizer = GeneStandardizer(config.n_genes + config.n_linear)
        self.gene_dropout = GeneDropout(config.gene_dropout)
        self.token = TOKEN_TYPES[config.token](config.n_genes, config.d_model, config.init_scale)
        self.linear = None
        if config.n_linear:
            self.linear = nn.Linear(config.n_linear, config.d_model, bias=False)
            nn.init.normal_(self.linear.weight, std=config.init_scale)
        self.products = _products(config, graph) if config.n_pairs else None
        self.encoder = Encoder(config)
        self.pool_scale = pool_scale(config.pooling, config.n_genes)
        self.pool_norm = nn.LayerNorm(config.d_model) if config.pool_norm else nn.Identity()
        self.head = ClassificationHead(config.d_model, config.n_classes, zero_init=config.zero_init)
        self.residual_head = (
            ClassificationHead(config.d_model, config.n_classes) if config.residual_head else None
        )

    def forward(self, values: Tensor) -> LongformerOutput:
        """Run the model on expression, on the scale that it was trained on.

        Parameters
        ----------
        values
            ``(cells, n_genes + n_linear)``: of the tokens, then of the genes that enter linearly.
        """
        n_genes = self.config.n_genes
        z, linear = self.gene_dropout(self.standardizer(values)).tensor_split([n_genes], dim=1)
        if self.config.tokens == "all":
            pooled = self.encoder.pooled(self.token(z), self.graph, lambda h: h.sum(dim=1))
        else:
            pooled = self._pool_expressed(z, self.expressed(values[:, :n_genes], z))
        if self.linear is not None:
            pooled = pooled + self.linear(linear)
        if self.products is not None:
            pooled = pooled + self.products(z)
        embedding = self.pool_norm(pooled * self.pool_scale)
        residual = None if self.residual_head is None else self.residual_head(embedding)
        return LongformerOutput(self.head(embedding), embedding, residual)

    def expressed(self, values: Tensor, z: Tensor) -> TokenGraph:
        """List the tokens of a batch, and restrict the graph to them.

        Parameters
        ----------
        values, z
            ``(cells, n_genes)`` expression and z-scores.
        """
        attention = self.config.attention
        kind = "self" if attention == "none" else attention
        graph = attention_graph(kind, self.graph, self.config.attention_seed)
        return restrict(graph, ((values > 0) & (z != 0)).cpu().numpy())

    def _pool_expressed(self, z: Tensor, tokens: TokenGraph) -> Tensor:
        """Sum all genes' tokens, and what the blocks add to the expressed ones."""
        cell, gene = (torch.from_numpy(x).to(z.device) for x in (tokens.cell, tokens.gene))
        h, total = self.token.listed(z, cell, gene)
        pool = partial(sum_of_cells, cell=tokens.cell, n_cells=len(z))
        return total - pool(h) + self.encoder.pooled(h, tokens, pool)


def count_parameters(config: LongformerConfig) -> int:
    """Count the trainable parameters of a config, without allocating them.

    Examples
    --------
    >>> count_parameters(LongformerConfig(n_genes=5, n_classes=3)) > 5 * 16 * 2
    True
    """
    with torch.device("meta"):  # without a graph there are no pairs
        model = GeneLongformer(replace(config, n_pairs=0), GeneGraph.self_only(config.n_genes))
    of_pairs = config.n_pairs * config.d_model
    return of_pairs + sum(parameter.numel() for parameter in model.parameters())


def _products(config: LongformerConfig, graph: GeneGraph) -> LinkedProducts:
    pairs = attending_pairs(config, graph)
    if len(pairs) != config.n_pairs:
        msg = (
            f"`graph` links {len(pairs)} pairs of genes, but `config.n_pairs` is {config.n_pairs}."
        )
        raise ValueError(msg)
    return LinkedProducts(pairs, config.d_model, config.product_dropout)
