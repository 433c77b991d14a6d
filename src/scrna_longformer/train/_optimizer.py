"""Optimiser and learning-rate schedule."""

from __future__ import annotations

import math

import torch
from torch import nn

from ._config import TrainConfig


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW with decoupled weight decay on matrices; biases and norms are left alone.

    References
    ----------
    Loshchilov & Hutter (2019), Decoupled weight decay regularization, ICLR.
    """
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        fused=True,  # one pass over each table of genes; else a third of a step among 20,000 genes
    )


def learning_rate(step: int, config: TrainConfig) -> float:
    """Learning rate of update `step` (from 0): linear warm-up, then half a cosine down to zero.

    Examples
    --------
    >>> config = TrainConfig(max_steps=100, learning_rate=1.0, warmup=0.1)
    >>> [round(learning_rate(step, config), 2) for step in (0, 9, 10, 55, 99)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    warmup_steps = round(config.warmup * config.max_steps)
    if step < warmup_steps:
        return config.learning_rate * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(config.max_steps - warmup_steps, 1)
    return config.learning_rate * (1 + math.cos(math.pi * progress)) / 2
