"""Products of linked genes: what two genes say together, linearly."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ..graph._gene_graph import GeneGraph
from ..graph._pairs import PRODUCT_CLIP, linked_pairs
from ._attention import attention_graph
from ._config import LongformerConfig
from ._input import CLIP


def attending_pairs(config: LongformerConfig, graph: GeneGraph) -> np.ndarray:
    """Return the pairs of genes of which one attends to the other, ``(pairs, 2)``."""
    return linked_pairs(attention_graph(config.attention, graph, config.attention_seed))


class LinkedProducts(nn.Module):
    """Map the products of linked genes' z-scores linearly to a vector.

    A product is the covariance that a cell adds to a pair of genes. It tells classes apart in which
    two genes go together from those in which they do not, though neither gene alone does. z-scores
    are cut at one standard deviation before they are multiplied.

    Parameters
    ----------
    pairs
        Genes whose products are taken, ``(pairs, 2)``.
    n_features
        Length of the vector.
    dropout
        Dropout on the standardised products.

    Notes
    -----
    Products are standardised by their mean and spread in the training cells. Where a gene says
    nothing (a z-score of 0: it is missing, constant or dropped) neither does the product. Each is
    then multiplied by the spread that its coefficients are expected to have: what says little is small,
    and learned slowly. The map is 0 at the start.
    """

    first: Tensor
    second: Tensor
    mean: Tensor
    inverse_sd: Tensor
    prior_sd: Tensor

    def __init__(self, pairs: np.ndarray, n_features: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        first, second = torch.from_numpy(np.ascontiguousarray(pairs.T))
        self.register_buffer("first", first, persistent=False)  # the graph has them
        self.register_buffer("second", second, persistent=False)
        self.register_buffer("mean", torch.zeros(len(pairs)))
        self.register_buffer("inverse_sd", torch.ones(len(pairs)))
        self.register_buffer("prior_sd", torch.ones(len(pairs)))
        self.weight = nn.Parameter(torch.zeros(n_features, len(pairs)))

    @property
    def n_pairs(self) -> int:
        """Number of products."""
        return len(self.mean)

    def set_statistics(self, mean: Tensor, sd: Tensor) -> None:
        """Store mean and spread of :meth:`products` in the training cells, ``(pairs,)`` each."""
        self.mean.copy_(mean)
        self.inverse_sd.copy_(torch.where(sd > 0, 1 / sd.clamp_min(1e-12), 0))

    def products(self, z: Tensor) -> Tensor:
        """Products of ``(cells, genes)`` z-scores, ``(cells, pairs)``."""
        z = z.clamp(-PRODUCT_CLIP, PRODUCT_CLIP)
        return z[:, self.first] * z[:, self.second]

    def standardized(self, z: Tensor) -> Tensor:
        """Standardised products, clipped as z-scores are; 0 where a gene says nothing."""
        products = self.products(z)
        scaled = ((products - self.mean) * self.inverse_sd).clamp(-CLIP, CLIP)
        return torch.where(products == 0, 0.0, scaled)

    def forward(self, z: Tensor) -> Tensor:
        """Map ``(cells, genes)`` z-scores to ``(cells, n_features)``."""
        return linear(self.dropout(self.standardized(z) * self.prior_sd), self.weight)
