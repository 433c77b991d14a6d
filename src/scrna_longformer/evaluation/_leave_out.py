"""Scores of a fold with one cell, or one group of cells, left out, without scoring it anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._absolute import mean_slope

_BINS = 15  # of the calibration error


@dataclass(frozen=True)
class LeftOut:
    """Scores of a fold, and what becomes of them without each of its units.

    Attributes
    ----------
    whole
        Score by metric.
    without
        Score by metric, one per unit; NaN for the unit that is all of the fold. That of ``ece`` is
        linear in the gaps of bins, with the slope of :func:`~._absolute.mean_slope`.
    units
        Number of each unit.
    n_cells
        Number of cells.
    """

    whole: dict[str, float]
    without: dict[str, np.ndarray]
    units: np.ndarray
    n_cells: int


def leave_out(codes: np.ndarray, proba: np.ndarray, units: np.ndarray | None = None) -> LeftOut:
    """Score a fold without each unit in turn.

    Every score is a function of sums over cells (of hits, true and predicted cells per class, of
    losses, of gaps per bin of confidence), so that leaving a unit out is a subtraction.

    Parameters
    ----------
    codes
        True class of each cell.
    proba
        Cells x classes probabilities.
    units
        Number of the unit of each cell; by default every cell is one.
    """
    codes, proba = np.asarray(codes), np.asarray(proba, dtype=np.float64)
    units = np.arange(len(codes)) if units is None else np.asarray(units)
    names, unit = np.unique(units, return_inverse=True)
    # cells with the same truth and prediction are alike: score the kinds, not the cells
    sums, kind_of_unit = _kinds(codes, proba, unit, len(names))
    total = np.tensordot(np.bincount(kind_of_unit), sums, axes=1)
    by_kind = _from_counts(total - sums)
    losses = _losses(codes, proba)
    gaps = _gaps(codes, proba)
    size = np.bincount(unit)
    left = np.where(size < len(codes), len(codes) - size, np.nan)
    whole = {name: float(value) for name, value in _from_counts(total).items()}
    without = {name: value[kind_of_unit] for name, value in by_kind.items()}
    for name, loss in losses.items():
        whole[name] = float(loss.mean())
        without[name] = (loss.sum() - np.bincount(unit, weights=loss)) / left
    gap = gaps.sum(axis=0)
    of_unit = np.zeros((len(names), _BINS))
    np.add.at(of_unit, unit, gaps)
    whole["ece"] = float(np.abs(gap).sum() / len(codes))
    slope = mean_slope(gap, np.sqrt(len(names)) * of_unit.std(axis=0))
    without["ece"] = (np.abs(gap).sum() - of_unit @ slope) / left
    for name in by_kind:
        without[name] = np.where(np.isnan(left), np.nan, without[name])
    return LeftOut(whole, without, names, len(codes))


def _kinds(
    codes: np.ndarray, proba: np.ndarray, unit: np.ndarray, n_units: int
) -> tuple[np.ndarray, np.ndarray]:
    """Hits, true and predicted cells per class (kinds x 3 x classes), and the kind of each unit."""
    predicted, n_classes = proba.argmax(axis=1), proba.shape[1]
    if n_units == len(codes):
        pairs, kind = np.unique(codes * n_classes + predicted, return_inverse=True)
        true, guess = np.divmod(pairs, n_classes)
        of_unit = np.empty(n_units, dtype=np.int64)
        of_unit[unit] = kind
        rows, n_rows = np.arange(len(pairs)), len(pairs)
    else:
        true, guess, rows, n_rows = codes, predicted, unit, n_units
        of_unit = np.arange(n_units)
    sums = np.zeros((n_rows, 3, n_classes))
    hits, of_class, of_guess = sums[:, 0], sums[:, 1], sums[:, 2]
    np.add.at(hits, (rows, true), true == guess)
    np.add.at(of_class, (rows, true), 1)
    np.add.at(of_guess, (rows, guess), 1)
    return sums, of_unit


def _from_counts(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Scores from hits, true and predicted cells per class (the last axis)."""
    hits, true, predicted = sums[..., 0, :], sums[..., 1, :], sums[..., 2, :]
    n = np.maximum(true.sum(axis=-1), 1)
    present = true > 0
    n_present = np.maximum(present.sum(axis=-1), 1)
    f1 = np.where(present, 2 * hits / np.maximum(true + predicted, 1), 0)
    recall = np.where(present, hits / np.maximum(true, 1), 0)
    covariance = hits.sum(axis=-1) * n - (true * predicted).sum(axis=-1)
    spread = (n**2 - (true**2).sum(axis=-1)) * (n**2 - (predicted**2).sum(axis=-1))
    return {
        "accuracy": hits.sum(axis=-1) / n,
        "balanced_accuracy": recall.sum(axis=-1) / n_present,
        "macro_f1": f1.sum(axis=-1) / n_present,
        "weighted_f1": (f1 * true).sum(axis=-1) / n,
        "mcc": np.where(spread > 0, covariance / np.sqrt(np.maximum(spread, 1)), 0),
    }


def _losses(codes: np.ndarray, proba: np.ndarray) -> dict[str, np.ndarray]:
    true_proba = proba[np.arange(len(codes)), codes]
    return {
        "log_loss": -np.log(np.maximum(true_proba, np.finfo(np.float64).eps)),
        "brier": (proba**2).sum(axis=1) - 2 * true_proba + 1,
    }


def _gaps(codes: np.ndarray, proba: np.ndarray) -> np.ndarray:
    """Correctness minus confidence of each cell, in the column of its bin."""
    confidence = proba.max(axis=1)
    gaps = np.zeros((len(codes), _BINS))
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps[np.arange(len(codes)), bins] = (proba.argmax(axis=1) == codes) - confidence
    return gaps
