"""One progress bar for many fits, with the time left."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Self

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable


class Progress:
    """Count finished folds and say how long the rest will take.

    Contestants differ a thousandfold in cost, so the time left is the mean of what each one took so
    far times the folds it still has, not the mean pace of the bar. It is shown once every
    contestant has finished a fold.

    Parameters
    ----------
    pending
        Name of the contestant of every fold to come.
    shown
        Whether to draw anything.
    label
        What the bar is called.
    """

    def __init__(self, pending: Iterable[str], *, shown: bool, label: str = "folds") -> None:
        self._left = Counter(pending)
        self._took: dict[str, list[float]] = {}
        self._started = time.perf_counter()
        self._bar = tqdm(
            total=self._left.total(),
            disable=not shown,
            desc=label,
            bar_format="{desc}: {n_fmt}/{total_fmt} |{bar}| {elapsed}{postfix}",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def update(self, name: str, seconds: float) -> None:
        """Note that a contestant finished a fold."""
        self._left[name] -= 1
        self._took.setdefault(name, []).append(seconds)
        left = self.seconds_left()
        text = f"{name} done" if left is None else f"{tqdm.format_interval(left)} left"
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update()

    def seconds_left(self) -> float | None:
        """Estimate the remaining wall time; ``None`` while a contestant has not finished a fold."""
        if any(n and name not in self._took for name, n in self._left.items()):
            return None
        worked = sum(map(sum, self._took.values()))
        ahead = sum(
            n * sum(self._took[name]) / len(self._took[name]) for name, n in self._left.items() if n
        )
        # with several workers, work is done faster than one of them would do it
        return ahead * (time.perf_counter() - self._started) / worked if worked else 0.0
