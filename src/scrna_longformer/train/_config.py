"""How a model is trained, as a frozen record that validates itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, Literal, Self, get_args

from .._fields import require_number

Precision = Literal["32-true", "bf16-mixed"]  # as Lightning calls them


@dataclass(frozen=True)
class TrainConfig:
    """Budget, optimiser and stopping rule.

    The budget counts updates, not epochs: a small set needs as many updates as a large one.

    Attributes
    ----------
    max_steps
        Number of updates of the full schedule.
    batch_size
        Cells per update; fewer where the set is smaller.
    learning_rate
        Peak learning rate of AdamW, reached after the warm-up, then cosine to zero.
    weight_decay
        Decoupled weight decay, on matrices only.
    warmup
        Share of the steps with a linear warm-up.
    gradient_clip
        Largest norm of the gradient.
    ema_decay
        Decay of the moving average of the weights; the average is what is evaluated and kept.
    evaluate_every
        Steps between evaluations on the stopping cells.
    patience
        Stop after this many evaluations without improvement. While the loss is above half of the
        class prior's, only the second half of the schedule counts: interaction data sits on a
        plateau for long.
    stopping_fraction
        Share of the training cells kept aside to choose the best weights.
    gate_fraction
        Share of the training cells kept aside besides, which choose together with those for stopping
        how much of a correction is used; none where there is no simple model to correct.
    time_limit
        Stop after this many seconds and keep the best weights so far; 0 means no limit.
    precision
        ``'32-true'``, or ``'bf16-mixed'`` for matrix products of training in bfloat16 (weights, sums
        and all evaluation stay in float32; on the CPU attention too). It pays where the device multiplies bfloat16
        faster and the model is wide: see :doc:`/contributing`.
    """

    max_steps: int = 2000
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.5
    warmup: float = 0.1
    gradient_clip: float = 1.0
    ema_decay: float = 0.99
    evaluate_every: int = 50
    patience: int = 6
    stopping_fraction: float = 0.1
    gate_fraction: float = 0.1
    time_limit: float = 0.0
    precision: Precision = "32-true"

    def __post_init__(self) -> None:
        for name in ("max_steps", "batch_size", "evaluate_every", "patience"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < 1:
                msg = f"`{name}` must be an integer of at least 1, not {value!r}."
                raise ValueError(msg)
        for name in ("learning_rate", "gradient_clip"):
            require_number(self, name, "be a positive number", lambda value: value > 0)
        for name in ("warmup", "ema_decay", "stopping_fraction", "gate_fraction"):
            require_number(self, name, "be a number in [0, 1)", lambda value: 0 <= value < 1)
        for name in ("weight_decay", "time_limit"):
            require_number(self, name, "be a number and not negative", lambda value: value >= 0)
        if self.precision not in get_args(Precision):
            msg = f"`precision` must be one of {list(get_args(Precision))}, not {self.precision!r}."
            raise ValueError(msg)
        require_number(self, "learning_rate", "be finite", math.isfinite)
        require_number(self, "weight_decay", "be finite", math.isfinite)
        if self.stopping_fraction + self.gate_fraction >= 1:
            msg = (
                f"`stopping_fraction`={self.stopping_fraction!r} and `gate_fraction`="
                f"{self.gate_fraction!r} leave no cell to train on."
            )
            raise ValueError(msg)

    @classmethod
    def from_options(cls, options: Mapping[str, Any] | None) -> Self:
        """Build it from fields that differ from the defaults.

        Raises
        ------
        ValueError
            If a field is not known, or its value not possible.
        TypeError
            If `options` is no mapping.
        """
        if not isinstance(options, Mapping | None):
            msg = f"`train_options` must be a dictionary from fields to values, not {options!r}."
            raise TypeError(msg)
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(options or {}) - known):
            msg = f"TrainConfig has no field {unknown}; its fields are {sorted(known)}."
            raise ValueError(msg)
        return cls(**(options or {}))
