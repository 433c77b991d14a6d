"""Rows of the pairwise table, turned so that they can be read either way round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._metrics import LOWER_IS_BETTER


@dataclass(frozen=True)
class Pair:
    """How much better one contestant is than another, on the folds that both finished.

    Attributes
    ----------
    gain
        Difference of their scores, positive where the first is better (also where less is better).
    low, high
        95 % interval of the gain.
    p_cells
        Two-sided p value over test cells (or groups).
    p_holm
        Corrected t-test over folds, adjusted for all pairs.
    p_better, p_equivalent, p_worse
        Probabilities of the correlated t-test.
    n
        Number of shared folds.
    """

    gain: float
    low: float
    high: float
    p_cells: float
    p_holm: float
    p_better: float
    p_equivalent: float
    p_worse: float
    n: int


class Pairs:
    """Look up any two contestants in the pairwise table of one metric."""

    def __init__(self, pairwise: pd.DataFrame, metric: str) -> None:
        rows = pairwise[pairwise["metric"] == metric]
        self._sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
        self._rows: dict[tuple[str, str], dict[Any, Any]] = {
            (str(row["model_a"]), str(row["model_b"])): row for row in rows.to_dict("records")
        }

    def between(self, one: str, other: str) -> Pair | None:
        """Compare `one` with `other`; ``None`` if they share no fold."""
        turned = (one, other) not in self._rows
        row = self._rows.get((other, one) if turned else (one, other))
        if row is None:
            return None
        sign = -self._sign if turned else self._sign
        ends = sorted((sign * float(row["low"]), sign * float(row["high"])))
        better, worse = ("p_b_better", "p_a_better") if turned else ("p_a_better", "p_b_better")
        return Pair(
            gain=sign * float(row["difference"]),
            low=ends[0],
            high=ends[1],
            p_cells=float(row["p_cells"]),
            p_holm=float(row["p_holm"]),
            p_better=float(row[better]),
            p_equivalent=float(row["p_equivalent"]),
            p_worse=float(row[worse]),
            n=int(row["n"]),
        )

    def gain(self, one: str, other: str) -> float:
        """Gain of `one` over `other`; NaN if they share no fold."""
        found = self.between(one, other)
        return np.nan if found is None else found.gain
