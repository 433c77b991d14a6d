"""The training loss."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def class_weights(codes: np.ndarray, n_classes: int) -> Tensor:
    """Weights ``n / (K * n_c)`` that let every class count the same, mean 1 over cells.

    A class without cells gets weight 0. Shape ``(n_classes,)``.
    """
    sizes = np.bincount(codes, minlength=n_classes)
    present = np.count_nonzero(sizes)
    weights = np.divide(
        len(codes), present * sizes, out=np.zeros(n_classes), where=sizes > 0, dtype=np.float64
    )
    return torch.from_numpy(weights.astype(np.float32))


def balanced_cross_entropy(logits: Tensor, codes: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy with class weights, averaged over the total weight of the batch."""
    return F.cross_entropy(logits, codes, weight=weights)


def prior_loss(weights: Tensor) -> float:
    """Balanced cross-entropy of the best constant predictor: the log of the number of classes."""
    return float(torch.count_nonzero(weights).float().log())
