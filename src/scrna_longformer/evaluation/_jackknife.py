"""How much a cross-validated score owes to the cells, or groups of cells, it was tested on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ._leave_out import LeftOut, leave_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._benchmark import FoldResult


@dataclass(frozen=True)
class Influence:
    """What each unit does to the score of one contestant.

    Attributes
    ----------
    mean
        Mean score over folds, by metric.
    values
        By metric, repeats x units: mean score of the repeat minus the same without the unit.
    df
        Degrees of freedom of a variance over units.
    n_units
        Number of units.
    n_cells
        Number of test cells of a repeat.
    """

    mean: dict[str, float]
    values: dict[str, np.ndarray]
    df: int
    n_units: int
    n_cells: int

    @property
    def n_repeats(self) -> int:
        """Number of repeats."""
        return len(next(iter(self.values.values())))

    def variance(self, metric: str, other: Influence | None = None) -> float:
        """Jackknife variance of the score of one repeat, or of the difference to another's.

        That of the calibration error is of the mean over all repeats.
        """
        values = self.values[metric]
        if other is not None:
            values = values - other.values[metric]
        if metric == "ece":  # folds dealt anew fill the bins anew: what a cell does averages out
            return float((values.mean(axis=0) ** 2).sum())
        return float((values**2).sum(axis=1).mean())


def leave_out_all(
    results: Iterable[FoldResult], codes: np.ndarray, groups: np.ndarray | None = None
) -> dict[tuple, LeftOut]:
    """Leave each test cell out of every finished fold, or each group of cells.

    Parameters
    ----------
    results
        Finished folds.
    codes
        Class of each cell.
    groups
        Group of each cell; groups are left out whole, because their cells are not independent.

    Returns
    -------
    By key of the result.
    """
    units = None if groups is None else np.unique(groups, return_inverse=True)[1]
    return {
        result.key: leave_out(
            codes[result.test],
            result.proba,
            result.test if units is None else units[result.test],
        )
        for result in results
    }


def influence(keys: Iterable[tuple], left_out: Mapping[tuple, LeftOut]) -> Influence:
    """Put the folds of one contestant together.

    Parameters
    ----------
    keys
        Keys of its finished folds: model, repeat, fold, seed.
    left_out
        Of :func:`leave_out_all`.
    """
    repeats: dict[int, list[_Fold]] = defaultdict(list)
    for _, repeat, fold, seed in (keys := list(keys)):
        repeats[repeat].append(_Fold(fold, left_out[keys[0][0], repeat, fold, seed]))
    folds = [fold for row in repeats.values() for fold in row]
    tested = np.unique(np.concatenate([fold.left.units for fold in folds]))
    metrics = list(folds[0].left.whole)
    values = {name: np.zeros((len(repeats), len(tested))) for name in metrics}
    for row, of_repeat in enumerate(repeats.values()):
        for fold in of_repeat:
            where = np.searchsorted(tested, fold.left.units)
            for name in metrics:
                values[name][row, where] += _effects(fold, name, of_repeat, len(tested))
    sizes = {(row, f.number): f.left.n_cells for row, of in repeats.items() for f in of}
    shared = {fold.number for fold in next(iter(repeats.values())) if len(fold.left.units) > 1}
    return Influence(
        mean={name: float(np.mean([fold.left.whole[name] for fold in folds])) for name in metrics},
        values=values,
        df=max(len(tested) - max(len(shared), 1), 1),
        n_units=len(tested),
        n_cells=sum(sizes.values()) // len(repeats),
    )


@dataclass(frozen=True)
class _Fold:
    number: int
    left: LeftOut


def _effects(fold: _Fold, metric: str, of_repeat: list[_Fold], n_units: int) -> np.ndarray:
    """Effect of the units of one fold on the mean of its repeat, scaled for a sum of squares."""
    left, n = fold.left, len(fold.left.units)
    if n > 1:
        change = (left.whole[metric] - left.without[metric]) / len(of_repeat)
        return change * np.sqrt((n - 1) / n)
    # the fold goes with its only unit
    others = len(of_repeat) - sum(other.number == fold.number for other in of_repeat)
    if not others:
        return np.full(1, np.nan)
    mean = np.mean([other.left.whole[metric] for other in of_repeat])
    effect = (left.whole[metric] - mean) / others
    return np.array([effect * np.sqrt((n_units - 1) / n_units)])
