"""Moving average of the weights, which is what is evaluated and kept."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class MovingAverage(AveragedModel):
    """Exponential moving average of a model's parameters: torch's, with the parameters listed once.

    torch looks them up in all modules at every update, a part of a small model's step that counts.

    Parameters
    ----------
    model
        Whose parameters are followed; it must keep them, and its buffers must not change.
    decay
        Share of the average that an update leaves.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
        self._averaged: list[torch.Tensor] = list(self.parameters())
        self._followed: list[torch.Tensor] = list(model.parameters())

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Take in the parameters of `model`, the one that is followed."""
        if self.n_averaged == 0:  # nothing to average with yet: copies them
            super().update_parameters(model)
            return
        assert self.multi_avg_fn is not None
        self.multi_avg_fn(self._averaged, self._followed, self.n_averaged)
        self.n_averaged += 1
