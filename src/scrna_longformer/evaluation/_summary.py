"""Long tables of a comparison: per fold, over folds, per class, confusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ._benchmark import OK, TIME_LIMIT, FoldResult
from ._class_f1 import F1, class_influences
from ._jackknife import influence, leave_out_all
from ._metrics import METRICS, calibration_bins
from ._pooled import lacks_a_class, pool
from ._score_interval import score_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

COSTS = ("fit_seconds", "predict_ms_per_cell", "peak_memory_mb", "energy_wh", "n_parameters")
_OPTIONAL_COSTS = ("peak_memory_mb", "energy_wh")


def fold_table(results: Sequence[FoldResult]) -> pd.DataFrame:
    """Scores and costs of every finished fold.

    Returns
    -------
    Columns ``model``, ``repeat``, ``fold``, ``seed``, ``metric`` (``METRICS`` and ``COSTS``; memory
    and energy only where they were measured), ``value``.
    """
    rows = [
        (result.model, result.repeat, result.fold, result.seed, metric, value)
        for result in _finished(results)
        for metric, value in (*result.metrics.items(), *_costs(result).items())
    ]
    return _frame(rows, ["model", "repeat", "fold", "seed", "metric", "value"], results)


def run_table(results: Sequence[FoldResult]) -> pd.DataFrame:
    """What was run.

    Returns
    -------
    Columns ``model``, ``repeat``, ``fold``, ``seed``, ``group`` (left out, where a fold is a
    group), ``status``, ``n_train``, ``n_test``, ``temperature`` (of the probabilities; NaN where
    they were not scaled), ``gate`` (weight of its correction in a hybrid; NaN for others).
    """
    names = ["model", "repeat", "fold", "seed", "group", "status", "n_train", "temperature", "gate"]
    rows = [(*(getattr(r, name) for name in names), len(r.test)) for r in results]
    columns = [*names, "n_test"]
    return _frame(rows, columns, results).astype({"group": "category"})


def summary_table(
    results: Sequence[FoldResult], codes: np.ndarray, groups: np.ndarray | None = None
) -> pd.DataFrame:
    """Mean over the finished folds, its interval, and the spread over folds and over seeds.

    Parameters
    ----------
    results
        Results of :func:`cross_validate`.
    codes
        Class of each cell.
    groups
        Group of each cell, if the folds kept groups whole.

    Returns
    -------
    Columns

    ``model``, ``metric``, ``mean``
        Over folds; seeds of a fold are averaged first. Where some fold has no cell of a class that
        others test (``evaluation._pooled``), scores are those of all cells of a repeat, and the mean
        is over repeats.
    ``low``, ``high``
        95 % interval of the expected score at this training size (:func:`score_interval`); NaN for
        costs.
    ``sd``
        Sample standard deviation over folds, which is *not* the standard error of the mean: folds
        share training cells.
    ``sd_seeds``
        Standard deviation over the seeds of a fold, pooled over folds; NaN for a single seed.
    ``n``, ``n_seeds``
        Number of folds and of seeds.
    """
    folds = fold_table(results)
    by_fold = folds.groupby(["model", "metric", "repeat", "fold"], observed=True, sort=True)
    seeds = by_fold["value"].agg(["mean", "var", "size"]).reset_index()
    grouped = seeds.groupby(["model", "metric"], observed=True, sort=True)
    table = grouped.agg(
        mean=("mean", "mean"),
        sd=("mean", "std"),
        sd_seeds=("var", "mean"),
        n=("mean", "size"),
        n_seeds=("size", "max"),
    ).reset_index()
    table["sd_seeds"] **= 0.5
    scored = _finished(results)
    if is_pooled := lacks_a_class(scored, codes):
        scored = pool(scored, codes)
    left_out = leave_out_all(scored, codes, groups)
    ends, means = {}, {}
    for model in _models(results):
        if keys := [key for key in left_out if key[0] == model]:
            of_model = influence(keys, left_out)
            ends.update({(model, m): score_interval(of_model, m) for m in of_model.mean})
            means.update({(model, m): mean for m, mean in of_model.mean.items() if is_pooled})
    nothing = (np.nan, np.nan)
    places = [(str(a), str(b)) for a, b in zip(table.model, table.metric, strict=True)]
    found = [ends.get(place, nothing) for place in places]
    table["low"], table["high"] = np.array(found).reshape(-1, 2).T
    table["mean"] = [means.get(p, m) for p, m in zip(places, table["mean"], strict=True)]
    columns = ["model", "metric", "mean", "low", "high", "sd", "sd_seeds", "n", "n_seeds"]
    return table[columns].sort_values(["model", "metric"], ignore_index=True)


def class_table(
    results: Sequence[FoldResult],
    codes: np.ndarray,
    class_names: Sequence[str],
    groups: np.ndarray | None = None,
) -> pd.DataFrame:
    """F1 of every class, with its interval.

    Parameters
    ----------
    results
        Results of :func:`cross_validate`.
    codes
        Class of each cell.
    class_names
        Names of the classes.
    groups
        Group of each cell, if the folds kept groups whole.

    Returns
    -------
    Columns

    ``model``, ``class``, ``f1``
        Of the out-of-fold predictions of all cells, mean over repeats. (The mean over folds would be
        off for small classes, of which a fold has few cells.)
    ``low``, ``high``
        95 % interval of the expected F1 at this training size (:func:`score_interval`).
    ``sd``
        Sample standard deviation over the ``n`` folds that test the class.
    ``n``, ``n_cells``
        Number of these folds, and of the cells of the class.
    """
    sizes = np.bincount(codes[codes >= 0], minlength=len(class_names))
    rows = []
    for model in _models(results):
        of_model = [r for r in _finished(results) if r.model == model]
        if not of_model:
            rows += [
                (model, k, *[np.nan] * 4, 0, n) for k, n in zip(class_names, sizes, strict=True)
            ]
            continue
        f1 = np.array([r.class_f1 for r in of_model])
        influences = class_influences(of_model, codes, len(class_names), groups)
        for code, of_class in enumerate(influences):
            tested = f1[~np.isnan(f1[:, code]), code]
            sd = tested.std(ddof=1) if len(tested) > 1 else np.nan
            ends = score_interval(of_class, F1)
            row = (of_class.mean[F1], *ends, sd, len(tested), sizes[code])
            rows.append((model, class_names[code], *row))
    table = _frame(rows, ["model", "class", "f1", "low", "high", "sd", "n", "n_cells"], results)
    return table.astype({"class": pd.CategoricalDtype(list(class_names))})


def confusion_table(
    results: Sequence[FoldResult], codes: np.ndarray, class_names: Sequence[str]
) -> pd.DataFrame:
    """Out-of-fold confusion: how many cells of each class went where, summed over the repeats.

    Returns
    -------
    Columns ``model``, ``true``, ``predicted``, ``n_cells``; pairs that occur.
    """
    n_classes = len(class_names)
    rows = []
    for model in _models(results):
        counts = np.zeros((n_classes, n_classes), dtype=np.int64)
        for result in _finished(results):
            if result.model == model:
                np.add.at(counts, (codes[result.test], result.proba.argmax(axis=1)), 1)
        pairs = zip(*np.nonzero(counts), strict=True)
        rows += [(model, class_names[i], class_names[j], counts[i, j]) for i, j in pairs]
    table = _frame(rows, ["model", "true", "predicted", "n_cells"], results)
    classes = pd.CategoricalDtype(list(class_names))
    return table.astype({"true": classes, "predicted": classes})


def reliability_table(
    results: Sequence[FoldResult], codes: np.ndarray, n_bins: int = 15
) -> pd.DataFrame:
    """Confidence and accuracy of out-of-fold predictions, over bins of equal width.

    Returns
    -------
    Columns ``model``, ``low`` and ``high`` (ends of the bin), ``n_cells``, ``confidence`` (mean
    probability of the predicted class), ``accuracy`` (share of these cells that are of it); bins
    that hold cells. Cells of all repeats are counted.
    """
    rows = []
    for model in _models(results):
        finished = [r for r in _finished(results) if r.model == model]
        if not finished:
            continue
        proba = np.concatenate([r.proba for r in finished]).astype(np.float64)
        truth = np.concatenate([codes[r.test] for r in finished])
        for bin_ in calibration_bins(truth, proba, n_bins):
            rows.append((model, *bin_))
    columns = ["model", "low", "high", "n_cells", "confidence", "accuracy"]
    return _frame(rows, columns, results)


def _costs(result: FoldResult) -> dict[str, float]:
    """Costs of a fold, without those that not every system can measure and this one could not."""
    costs = {name: float(getattr(result, name)) for name in COSTS}
    return {n: v for n, v in costs.items() if n not in _OPTIONAL_COSTS or not np.isnan(v)}


def _finished(results: Sequence[FoldResult]) -> list[FoldResult]:
    return [result for result in results if result.status == OK]


def _models(results: Sequence[FoldResult]) -> list[str]:
    return list(dict.fromkeys(result.model for result in results))


def _frame(rows: list[tuple], columns: list[str], results: Sequence[FoldResult]) -> pd.DataFrame:
    """Build a frame in which every text is a category, in the order of the contest."""
    frame = pd.DataFrame(rows, columns=columns)
    orders = {"model": _models(results), "metric": [*METRICS, *COSTS], "status": [OK, TIME_LIMIT]}
    types = {c: pd.CategoricalDtype(order) for c, order in orders.items() if c in columns}
    return frame.astype(types)
