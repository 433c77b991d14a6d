"""How many cells until one model's curve passes below that of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ._curve_draws import LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._curve_draws import CurveDraws

HORIZON = 10.0
_GRID = 200


@dataclass(frozen=True)
class BreakEven:
    """Number of training cells from which a model is level with the best of its rivals.

    Attributes
    ----------
    n_cells
        Estimate. The smallest measured size means "there or earlier"; infinity, not up to the
        ``horizon``.
    low
        Lower end of its interval; 0 is open.
    high
        Upper end; infinity is open.
    horizon
        Largest number of cells looked at.
    level
        Wanted coverage of the interval.
    gap
        Error of the model less that of the best rival at the largest size it was measured at
        (negative: the model is ahead).
    gap_low
        Lower end of its interval.
    gap_high
        Upper end of its interval.
    lasting
        Share of draws in which the model is ahead at the horizon.
    """

    n_cells: float
    low: float
    high: float
    horizon: float
    level: float
    gap: float
    gap_low: float
    gap_high: float
    lasting: float


def break_even(
    curves: CurveDraws,
    model: int,
    rivals: Sequence[int],
    *,
    margin: float = 0.0,
    horizon: float = HORIZON,
    level: float = LEVEL,
) -> BreakEven:
    """Find where a model's error falls below that of the best rival, plus a margin.

    Inside the measured sizes it is the size from which on the model stays ahead up to the largest;
    beyond, the first size at which the laws cross. The best rival may differ from size to size.

    Parameters
    ----------
    curves
        Fitted laws and draws (:func:`draw_curves`).
    model
        Index of the model.
    rivals
        Indices of its rivals.
    margin
        How much more error still counts as level.
    horizon
        How far to look, in multiples of the largest measured size.
    level
        Wanted coverage of the intervals.

    Returns
    -------
    BreakEven

    Examples
    --------
    >>> from scrna_longformer.evaluation import draw_curves
    >>> sizes = np.array([50, 100, 200, 400])
    >>> noise = np.random.default_rng(0).normal(0, 0.002, (5, 2, 4))
    >>> errors = np.stack([0.1 + 2 * sizes**-0.5, 4 * sizes**-0.5]) + noise
    >>> at = break_even(draw_curves(sizes, errors), 1, [0])
    >>> at.low < 400 < at.high  # 2 n**-0.5 = 0.1
    True
    """
    sizes = np.asarray(curves.sizes, dtype=np.float64)
    largest = sizes[curves.used[model]].max()
    grid = np.geomspace(sizes.min(), sizes.max() * max(horizon, 1.0), _GRID)
    grid[np.abs(np.log(grid / largest)).argmin()] = largest  # a size of the grid, exactly
    fitted, drawn = curves.fitted(grid), curves.drawn(grid)
    lead = fitted[model] - fitted[list(rivals)].min(axis=0)
    leads = drawn[:, model] - drawn[:, list(rivals)].min(axis=1)
    tail = (1 - level) / 2
    # a quantile that is one of the draws: between a number and infinity lies nothing
    crossings = crossing(grid, leads - margin, largest)
    low = float(np.quantile(crossings, tail, method="lower"))
    high = float(np.quantile(crossings, 1 - tail, method="higher"))
    at = int(np.flatnonzero(grid == largest)[0])
    gap_low, gap_high = np.quantile(leads[:, at], [tail, 1 - tail])
    return BreakEven(
        n_cells=float(crossing(grid, lead - margin, largest)),
        low=low if low > grid[0] else 0.0,
        high=high,
        horizon=float(grid[-1]),
        level=level,
        gap=float(lead[at]),
        gap_low=float(gap_low),
        gap_high=float(gap_high),
        lasting=float((leads[:, -1] < 0).mean()),
    )


def crossing(grid: np.ndarray, difference: np.ndarray, largest: float) -> np.ndarray:
    """First size after which ``difference`` (..., grid) stays at or below 0 up to ``largest``.

    Beyond ``largest``, the first crossing. Interpolated on the logarithm of the size; the first
    size of the grid where there is nothing to cross; infinity where it stays above.
    """
    measured = grid <= largest
    above = difference > 0
    n_grid = len(grid)
    # one after the last measured size that is above; then the first that is not above
    last = np.where(above & measured, np.arange(n_grid), -1).max(axis=-1)
    candidate = ~above & (np.arange(n_grid) > last[..., None])
    first = candidate.argmax(axis=-1)
    before = np.maximum(first - 1, 0)

    def at(index: np.ndarray) -> np.ndarray:
        return np.take_along_axis(difference, index[..., None], axis=-1)[..., 0]

    start, end = at(before), at(first)
    fall = np.where(start > end, start - end, 1.0)
    part = np.where(first > 0, np.clip(start / fall, 0, 1), 0.0)
    logs = np.log(grid)
    size = np.exp(logs[before] + part * (logs[first] - logs[before]))
    return np.where(candidate.any(axis=-1), size, np.inf)
