"""Backwards that are not differentiable themselves, and say so.

torch's ``once_differentiable`` raises only where the gradient that comes in requires a gradient itself.
That of a sum is a constant: the second derivative would then be left out without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor


def differentiable_once(backward: Callable[..., tuple]) -> Callable[..., tuple]:
    """Let a ``backward`` raise where its gradient is differentiated again.

    The gradient is the first that it returns; what this depends on must be saved with
    ``ctx.save_for_backward``, inputs as they came in.
    """

    @wraps(backward)
    def refusing(ctx: Any, *grads: Tensor) -> tuple:
        with torch.no_grad():
            gradient, *others = backward(ctx, *grads)
        if torch.is_grad_enabled():  # only with ``create_graph=True``
            # every way back leads through here: to what came in, and to the inputs
            gradient = _NoSecond.apply(gradient, *grads, *ctx.saved_tensors)
        return gradient, *others

    return refusing


class _NoSecond(torch.autograd.Function):
    """A gradient, and a backward that raises."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, *sources: Tensor) -> Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> None:
        msg = (
            "This attention is differentiable once, and its gradient was differentiated again. "
            "Use backend='eager' (`attention_backend`='eager' in the config of a model)."
        )
        raise RuntimeError(msg)
