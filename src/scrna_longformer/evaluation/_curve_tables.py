"""Long tables of a learning curve: scores, laws, curves, and how well laws extrapolate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ._break_even import HORIZON
from ._curve_draws import LEVEL, CurveDraws, draw_curves
from ._metrics import LOWER_IS_BETTER
from ._summary import fold_table, run_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._benchmark import FoldResult

_POINTS = 60  # of a drawn curve


@dataclass(frozen=True)
class CurveErrors:
    """Errors of the models that were run at three sizes or more.

    Attributes
    ----------
    models
        Their names.
    sizes
        Numbers of training cells.
    errors
        Seeds x models x sizes; NaN at sizes that were not run for all seeds.
    """

    models: list[str]
    sizes: np.ndarray
    errors: np.ndarray

    def draws(
        self, *, test_share: float, random_state: int, largest: float = math.inf
    ) -> CurveDraws:
        """Fit and draw laws, from sizes up to ``largest``."""
        used = self.sizes <= largest
        return draw_curves(
            self.sizes[used],
            self.errors[..., used],
            test_share=test_share,
            random_state=random_state,
        )


def to_error(values: np.ndarray, metric: str) -> np.ndarray:
    """Turn scores into errors, or errors into scores: 1 minus it, where higher is better."""
    return np.asarray(values) if metric in LOWER_IS_BETTER else 1 - np.asarray(values)


def within_range(values: np.ndarray, metric: str) -> np.ndarray:
    """Clip expected scores to those that there are: no law knows that an accuracy ends at 1.

    Examples
    --------
    >>> within_range(np.array([-0.2, 0.8, 1.03]), "macro_f1").tolist()
    [0.0, 0.8, 1.0]
    """
    lowest = -1.0 if metric == "mcc" else 0.0
    highest = {"log_loss": math.inf, "brier": 2.0}.get(metric, 1.0)
    return np.clip(values, lowest, highest)


def size_score_table(results: Sequence[FoldResult], sizes: Sequence[int]) -> pd.DataFrame:
    """Scores and costs: ``model``, ``seed``, ``n_cells``, ``metric``, ``value``."""
    return _by_size(fold_table(results), sizes)


def size_run_table(results: Sequence[FoldResult], sizes: Sequence[int]) -> pd.DataFrame:
    """What was run: ``model``, ``seed``, ``n_cells``, ``status``, ``n_test``."""
    return _by_size(run_table(results).drop(columns="n_train"), sizes)


def _by_size(table: pd.DataFrame, sizes: Sequence[int]) -> pd.DataFrame:
    """Name the folds of nested splits for what they are: a seed and a number of cells."""
    table = table.drop(columns=["seed", "group"], errors="ignore")  # of folds
    table = table.rename(columns={"repeat": "seed", "fold": "n_cells"})
    n_cells = np.asarray(sizes, dtype=np.int64)[table["n_cells"].to_numpy(dtype=np.int64)]
    return table.assign(n_cells=n_cells)


def curve_errors(scores: pd.DataFrame, metric: str) -> CurveErrors:
    """Arrange one metric of :func:`size_score_table`; models with fewer than three sizes go."""
    chosen = scores[scores["metric"] == metric]
    wide = chosen.pivot_table(
        index="seed", columns=["model", "n_cells"], values="value", observed=True, dropna=False
    )
    wide = wide.dropna(axis=1)  # sizes that were run for all seeds
    sizes = np.sort(wide.columns.get_level_values("n_cells").unique().to_numpy())
    counts = wide.columns.get_level_values("model").value_counts()
    order = [str(model) for model in scores["model"].cat.categories]
    models = [model for model in order if counts.get(model, 0) >= 3]
    columns = pd.MultiIndex.from_product([models, sizes])
    values = wide.reindex(columns=columns).to_numpy()
    errors = to_error(values, metric).reshape(len(wide), len(models), len(sizes))
    return CurveErrors(models, sizes, errors)


def law_table(models: Sequence[str], draws: CurveDraws) -> pd.DataFrame:
    """Fitted laws, one row per model.

    Returns
    -------
    Columns ``model``, ``a``, ``b``, ``c``, the ends of their 90 % intervals (``a_low``, ...), and
    ``smallest`` (the smallest size that the law was fitted to) and ``holds`` (whether it agrees with
    the errors).
    """
    tail = (1 - LEVEL) / 2
    columns: dict[str, np.ndarray] = {}
    for name in "abc":
        low, high = np.quantile(getattr(draws.draws, name), [tail, 1 - tail], axis=0)
        columns |= {name: getattr(draws.law, name), f"{name}_low": low, f"{name}_high": high}
    columns |= {"smallest": draws.sizes[draws.used.argmax(axis=1)], "holds": draws.holds}
    return _frame(models, pd.DataFrame({"model": list(models), **columns}))


def curve_table(errors: CurveErrors, draws: CurveDraws, metric: str) -> pd.DataFrame:
    """Fitted curves from the smallest size of the law to ten times the largest measured.

    Returns
    -------
    Columns ``model``, ``n_cells``, ``value`` (of the metric), ``low``, ``high`` (90 %),
    ``measured`` (whether the size is inside the measured ones of this model).
    """
    grid = np.geomspace(draws.sizes.min(), HORIZON * draws.sizes.max(), _POINTS)
    ends = [draws.fitted(grid), *draws.band(grid)]
    value, *band = (within_range(to_error(e, metric), metric) for e in ends)
    low, high = np.minimum(*band), np.maximum(*band)
    run = np.isfinite(errors.errors).all(axis=0)
    smallest = draws.sizes[draws.used.argmax(axis=1)] * (1 - 1e-9)
    parts = [
        pd.DataFrame(
            {
                "model": model,
                "n_cells": grid,
                "value": value[m],
                "low": low[m],
                "high": high[m],
                "measured": grid <= errors.sizes[run[m]].max() * (1 + 1e-9),
            }
        )[grid >= smallest[m]]
        for m, model in enumerate(errors.models)
    ]
    return _frame(errors.models, pd.concat(parts, ignore_index=True))


def extrapolation_table(
    errors: CurveErrors, metric: str, *, test_share: float, random_state: int
) -> pd.DataFrame:
    """Predict the largest third of the sizes from the others, and compare with what was measured.

    Returns
    -------
    Columns ``model``, ``n_cells``, ``predicted``, ``low``, ``high`` (90 %, of the mean that an
    endless number of seeds would have), ``observed`` (mean over seeds), ``error`` (predicted less
    observed); no rows with fewer than four sizes.
    """
    columns = ["model", "n_cells", "predicted", "low", "high", "observed", "error"]
    n_fitted = max(3, math.ceil(2 * len(errors.sizes) / 3))
    run = np.isfinite(errors.errors).all(axis=0)
    kept = run[:, :n_fitted].sum(axis=1) >= 3
    models = [model for model, keep in zip(errors.models, kept, strict=True) if keep]
    ahead = errors.sizes[n_fitted:]
    if not models or not len(ahead):
        return _frame(models, pd.DataFrame(columns=columns))
    fitted = CurveErrors(models, errors.sizes, errors.errors[:, kept])
    draws = fitted.draws(
        test_share=test_share, random_state=random_state, largest=errors.sizes[n_fitted - 1]
    )
    ends = (draws.fitted(ahead), *draws.band(ahead))
    predicted, *band = (within_range(to_error(e, metric), metric) for e in ends)
    observed = to_error(fitted.errors.mean(axis=0)[:, n_fitted:], metric)
    low, high = np.minimum(*band), np.maximum(*band)
    parts = (np.tile(ahead, len(models)), predicted, low, high, observed, predicted - observed)
    values = zip(np.repeat(models, len(ahead)), *map(np.ravel, parts), strict=True)
    return _frame(models, pd.DataFrame(list(values), columns=columns).dropna(ignore_index=True))


def _frame(models: Sequence[str], frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"model": pd.CategoricalDtype(list(models))})
