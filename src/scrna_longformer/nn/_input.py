"""Standardise expression values inside the model, so that a saved model is complete."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLIP = 10.0


class GeneStandardizer(nn.Module):
    """Z-score each gene with the mean and standard deviation of the training cells, clipped.

    Parameters
    ----------
    n_genes
        Number of gene tokens.
    """

    mean: Tensor
    inverse_sd: Tensor

    def __init__(self, n_genes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_genes))
        self.register_buffer("inverse_sd", torch.ones(n_genes))

    def set_statistics(self, mean: Tensor, sd: Tensor) -> None:
        """Store training statistics, both of shape ``(n_genes,)``; a constant gene stays at zero."""
        self.mean.copy_(mean)
        self.inverse_sd.copy_(torch.where(sd > 0, 1 / sd.clamp_min(1e-12), 0))

    def forward(self, values: Tensor) -> Tensor:
        """Map ``(cells, genes)`` expression to z-scores in ``[-10, 10]``."""
        return ((values - self.mean) * self.inverse_sd).clamp(-CLIP, CLIP)


class GeneDropout(nn.Module):
    """While training, set a random share of each cell's values to their training mean.

    Unlike dropout on features this hides whole tokens' values, which is what a missing gene looks
    like, but for a gene that enters twice: each of its two values is hidden by itself. The rest is not scaled up: in z-scores zero *is* the expectation.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, z: Tensor) -> Tensor:
        """Drop entries of ``(cells, genes)`` z-scores."""
        if not self.training or self.p == 0:
            return z
        return z * (torch.rand_like(z) >= self.p)
