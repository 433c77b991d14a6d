"""The course of a training run, evaluation by evaluation."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

COLUMNS = ("step", "train_loss", "stopping_loss", "learning_rate")


class History:
    """Collect losses; means are taken only at evaluations, so that a step never waits for them."""

    def __init__(self) -> None:
        self._recent: list[Tensor] = []
        self._rows: list[tuple[float, ...]] = []

    def add_loss(self, loss: Tensor) -> None:
        """Note the loss of one update."""
        self._recent.append(loss)

    def mean_recent_loss(self) -> float:
        """Mean loss since the last call."""
        mean = float(torch.stack(self._recent).mean())
        self._recent.clear()
        return mean

    def add_evaluation(self, *row: float) -> None:
        """Note one evaluation: a value for each of :data:`COLUMNS`."""
        self._rows.append(row)

    def restore(self, columns: dict[str, np.ndarray]) -> None:
        """Take up the evaluations of an earlier run."""
        self._rows = list(zip(*(columns[name].tolist() for name in COLUMNS), strict=True))

    def columns(self) -> dict[str, np.ndarray]:
        """The history as one array per column."""
        table = np.asarray(self._rows, dtype=np.float64).reshape(-1, len(COLUMNS))
        columns = {name: table[:, i] for i, name in enumerate(COLUMNS)}
        columns["step"] = columns["step"].astype(np.int64)
        return columns
