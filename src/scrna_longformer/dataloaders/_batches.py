"""Which cells form the batch of a training step, as a function of the seed and the step alone."""

from __future__ import annotations

import numpy as np

from .._random import generator


class BatchSchedule:
    """Shuffled batches without end, addressed by step.

    Every pass over the cells is a fresh permutation drawn from ``(random_state, pass)``; the last,
    incomplete batch of a pass is left out. Nothing is remembered between steps, so a run that
    starts again at any step sees the same batches as one that never stopped.

    Parameters
    ----------
    index
        The cells to draw from.
    batch_size
        Cells per batch; fewer where there are fewer cells.
    random_state
        Seed.

    Examples
    --------
    >>> schedule = BatchSchedule(np.arange(10), batch_size=5, random_state=0)
    >>> sorted(int(i) for i in np.concatenate([schedule[0], schedule[1]]))
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """

    def __init__(self, index: np.ndarray, *, batch_size: int, random_state: int) -> None:
        self.index = np.asarray(index)
        self.batch_size = min(batch_size, len(self.index))
        self.batches_per_pass = len(self.index) // self.batch_size
        self.random_state = random_state
        self._order: tuple[int, np.ndarray] | None = None

    def __getitem__(self, step: int) -> np.ndarray:
        """Return the cells of batch number `step`, counted from 0."""
        number, position = divmod(step, self.batches_per_pass)
        if self._order is None or self._order[0] != number:
            self._order = (number, generator(self.random_state, number).permutation(self.index))
        start = position * self.batch_size
        return self._order[1][start : start + self.batch_size]
