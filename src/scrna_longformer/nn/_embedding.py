"""Gene tokens: what a gene is, and how much of it a cell has, as one vector."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding


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

    def listed(self, z: Tensor, cell: Tensor, gene: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens of these genes of these cells, and of each cell the sum of all tokens.

        Parameters
        ----------
        z
            ``(cells, genes)`` z-scores.
        cell, gene
            ``(tokens,)``, each gene of a cell at most once.

        Returns
        -------
        ``(tokens, d_model)`` and ``(cells, d_model)``; the latter without making all tokens.
        """
        return _ListedTokens.apply(self.identity, self.direction, z, cell, gene)


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

    def listed(self, z: Tensor, cell: Tensor, gene: Tensor) -> tuple[Tensor, Tensor]:
        """Return what :meth:`MultiplicativeToken.listed` does."""
        of_values = z.sum(dim=1, keepdim=True) * self.value.weight[:, 0]
        total = self.identity.sum(dim=0) + of_values + z.shape[1] * self.value.bias
        return embedding(gene, self.identity) + self.value(z[cell, gene].unsqueeze(-1)), total


TOKEN_TYPES: dict[str, type[MultiplicativeToken | AdditiveToken]] = {
    "multiplicative": MultiplicativeToken,
    "additive": AdditiveToken,
}


class _ListedTokens(torch.autograd.Function):
    """:meth:`MultiplicativeToken.listed`; the backward passes over each table of genes once.

    It is differentiable itself.
    """

    @staticmethod
    def forward(
        ctx: Any, identity: Tensor, direction: Tensor, z: Tensor, cell: Tensor, gene: Tensor
    ) -> tuple[Tensor, Tensor]:
        z_of_token = z[cell, gene].unsqueeze(-1)
        ctx.save_for_backward(direction, z, z_of_token, cell, gene)
        # not identity[gene], which takes ten times as long
        of_gene = identity.index_select(0, gene), direction.index_select(0, gene)
        tokens = torch.addcmul(of_gene[0], z_of_token, of_gene[1])
        return tokens, identity.sum(dim=0) + z @ direction

    @staticmethod
    def backward(ctx: Any, grad_tokens: Tensor, grad_total: Tensor) -> tuple[Tensor | None, ...]:
        direction, z, z_of_token, cell, gene = ctx.saved_tensors
        grad_z = None
        if ctx.needs_input_grad[2]:
            z_of_token = z[cell, gene].unsqueeze(-1)  # the one saved does not know where it is from
            grad_z = grad_total @ direction.T
            grad_z[cell, gene] += (grad_tokens * direction.index_select(0, gene)).sum(dim=-1)
        grad_identity = grad_total.sum(dim=0).repeat(z.shape[1], 1)
        grad_direction = z.T @ grad_total
        _add_rows(grad_identity, gene, grad_tokens)
        _add_rows(grad_direction, gene, grad_tokens * z_of_token)
        return grad_identity, grad_direction, grad_z, None, None


def _add_rows(table: Tensor, index: Tensor, rows: Tensor) -> None:
    """Add rows to a table in place, in an order that does not vary from run to run."""
    if table.device.type == "cpu":
        table.index_add_(0, index, rows)
    else:
        table.index_put_((index,), rows, accumulate=True)
