"""Output layers on the pooled representation."""

from __future__ import annotations

from torch import nn


class ClassificationHead(nn.Linear):
    """Linear read-out to class logits, zero at the start unless told otherwise.

    At zero the first prediction is the uniform one whatever the encoder does, so the first updates
    move the head towards the data instead of undoing random logits.
    """

    def __init__(self, d_model: int, n_classes: int, *, zero_init: bool = True) -> None:
        super().__init__(d_model, n_classes)
        if zero_init:
            nn.init.zeros_(self.weight)
            nn.init.zeros_(self.bias)
