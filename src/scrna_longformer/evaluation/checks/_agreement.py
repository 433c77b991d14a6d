"""How well scores agree with labels, against what shuffled labels would give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats


def shuffle_moments(scores: np.ndarray, codes: np.ndarray) -> tuple[float, float, float]:
    """Sum of each cell's score for its own label, with mean and variance over shuffles of labels.

    Both moments are exact (Hoeffding's combinatorial sum), so nothing is drawn.

    Parameters
    ----------
    scores
        Cells x classes.
    codes
        Class of each cell.
    """
    n = len(codes)
    counts = np.bincount(codes, minlength=scores.shape[1])
    observed = scores[np.arange(n), codes].sum()
    by_cell = scores @ counts / n  # mean over the labels that a cell could get
    by_class = scores.mean(axis=0)
    grand = by_cell.mean()
    centred = scores - by_cell[:, None] - by_class + grand
    variance = ((centred**2) @ counts).sum() / max(n - 1, 1)
    return float(observed), float(n * grand), float(variance)


def shuffle_z(folds: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Standard score of the agreement, with labels shuffled within each fold.

    Parameters
    ----------
    folds
        Pairs of scores (cells x classes) and codes, one for each fold.
    """
    moments = np.array([shuffle_moments(scores, codes) for scores, codes in folds])
    observed, mean, variance = moments.sum(axis=0)
    return float((observed - mean) / np.sqrt(variance)) if variance > 1e-20 else 0.0


def class_ranks(scores: np.ndarray, *, ties: bool = True) -> np.ndarray:
    """Ranks of the cells within each class column, ties averaged (or known not to occur)."""
    if ties:
        return np.asarray(stats.rankdata(scores, axis=0))
    return scores.argsort(axis=0).argsort(axis=0) + 1.0


def auc_from_ranks(ranks: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each class against the rest; NaN for absent classes."""
    n, n_classes = ranks.shape
    sizes = np.bincount(codes, minlength=n_classes)
    sums = np.bincount(codes, weights=ranks[np.arange(n), codes], minlength=n_classes)
    pairs = sizes * (n - sizes)
    areas = np.full(n_classes, np.nan)
    np.divide(sums - sizes * (sizes + 1) / 2, pairs, out=areas, where=pairs > 0)
    return areas


def balanced_skill(proba: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> float:
    """Balanced accuracy over all folds, put between 0 (chance) and 1 (perfect)."""
    predicted = np.concatenate([p.argmax(axis=1) for p in proba])
    codes = np.concatenate(list(truth))
    present = np.unique(codes)
    recalls = [np.mean(predicted[codes == code] == code) for code in present]
    chance = 1 / len(present)
    return float((np.mean(recalls) - chance) / (1 - chance))
