"""Gene tokens: what a gene is, and how much of it a cell has, as one vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MultiplicativeToken(nn.Module):
    """``h_g = b_g + x_g * E_g``: the value scales a direction of the gene's own.

    The pooled token is then a learned projection of the whole profile (a linear model is inside the
    transformer), where additive tokens pool to nearly one number per cell. The idea is that of the
    feature tokenizer of Gorishniy et al. (2021).

    Parameters
    ----------
    n_genes
        Number of gene tokens.
    d_model
        Width of a token.
    init_scale
        Standard deviation of both tables at the start.
    """

    def __init__(self, n_genes: int, d_model: int, init_scale: float) -> None:
        super().__init__()
        self.identity = nn.Parameter(torch.randn(n_genes, d_model) * init_scale)
        self.direction = nn.Parameter(torch.randn(n_genes, d_model) * init_scale)

    def forward(self, z: Tensor) -> Tensor:
        """Map ``(cells, genes)`` z-scores to ``(cells, genes, d_model)`` tokens."""
        return torch.addcmul(self.identity, z.unsqueeze(-1), self.direction)


class AdditiveToken(nn.Module):
    """``h_g = E_g + x_g * w + c`` with one direction `w` for all genes: the control that fails.

    Under a mean pool every gene adds its value to the same direction, so that to first order a cell
    is represented by the mean of its values.
    """

    def __init__(self, n_genes: int, d_model: int, init_scale: float) -> None:
        super().__init__()
        self.identity = nn.Parameter(torch.randn(n_genes, d_model) * init_scale)
        self.value = nn.Linear(1, d_model)

    def forward(self, z: Tensor) -> Tensor:
        """Map ``(cells, genes)`` z-scores to ``(cells, genes, d_model)`` tokens."""
        return self.identity + self.value(z.unsqueeze(-1))


TOKEN_TYPES: dict[str, type[MultiplicativeToken | AdditiveToken]] = {
    "multiplicative": MultiplicativeToken,
    "additive": AdditiveToken,
}
