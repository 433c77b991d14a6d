"""Intervals of the expected score at the training size of the folds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from ._jackknife import Influence

# losses and the largest value each can have
_LOSSES = {"log_loss": -np.log(np.finfo(np.float64).eps), "brier": 2.0, "ece": 1.0}
# Variance of a cross-validated score over the jackknife variance of one repeat, which knows the
# test cells but not that other cells to train on would have given another model; and repeats
# average over part of what one repeat has. Chosen on simulations (see the Notes of the functions).
_TRAINING = {"one repeat": 1.3, "many repeats": 1.1}
_TRAINING_OF_LOSSES = {
    "log_loss": {"one repeat": 1.7, "many repeats": 1.55},
    "brier": {"one repeat": 1.5, "many repeats": 1.35},
    # gaps of bins are luck of the test cells far more than of the training cells
    "ece": {"one repeat": 1.0, "many repeats": 0.85},
}


def score_interval(
    influence: Influence, metric: str, *, level: float = 0.95, trained: bool = True
) -> tuple[float, float]:
    """Interval of the expected score of a contestant trained on this many cells.

    What it is for: the mean score over training sets of the size of the folds' and over new test
    cells. It is neither the score of the model that all cells would give, nor (unless ``trained``
    is ``False``) that of one fitted model.

    Parameters
    ----------
    influence
        What each test cell, or group, does to the score (:func:`influence`).
    metric
        A score.
    level
        Wanted coverage.
    trained
        Whether to allow for other training sets.

    Returns
    -------
    Lower and upper end, inside the range of the metric; NaN where there is nothing to judge by.

    Notes
    -----
    The variance is that of a jackknife over test cells (or over groups, if these are kept whole),
    times a factor for the training sets, which folds share and a jackknife over test cells cannot
    see. No estimate of that part is unbiased (Bengio and Grandvalet), so that the factor is a
    constant, chosen once on simulations: 1.3 for one repeat, falling to 1.1 for many; for the log-loss
    1.7 and 1.55, and for the Brier score 1.5 and 1.35, because probabilities move more with the training
    set than decisions do. The calibration error is a sum of absolute gaps of bins, which vary less than
    the gaps where these are luck; the jackknife allows for that (Leone, Nelson and Nottingham), and the
    factor is 1 to 0.85.

    Scores between 0 and 1 get the interval of Jeffreys for a proportion with as many cells as give
    this variance (Korn and Graubard do so for surveys): it stays inside the range and has a width
    even where nothing was wrong. Matthews' correlation is first brought to 0 to 1; losses have their
    interval on the logarithmic scale.

    How often intervals hold the expected score, on easy and on hard cells, is measured by
    ``benchmarks/error_rates.py`` and told in :doc:`/concepts/comparison`.

    References
    ----------
    Bengio and Grandvalet (2004), No unbiased estimator of the variance of K-fold cross-validation,
    Journal of Machine Learning Research 5. Bayle et al. (2020), Cross-validation confidence
    intervals for test error, NeurIPS. Bates, Hastie and Tibshirani (2024), Cross-validation: what
    does it estimate and how well does it do it?, Journal of the American Statistical Association
    119. Korn and Graubard (1998), Confidence intervals for proportions with small expected number
    of positive counts estimated from survey data, Survey Methodology 24. Leone, Nelson and
    Nottingham (1961), The folded normal distribution, Technometrics 3.
    """
    mean = influence.mean[metric]
    variance = influence.variance(metric)
    if trained:
        variance *= training_factor(influence.n_repeats, metric)
    if not np.isfinite(variance):
        return float("nan"), float("nan")
    reach = float(stats.t.ppf((1 + level) / 2, influence.df))
    if metric in _LOSSES:
        if mean <= 0:
            return mean, mean
        width = reach * np.sqrt(variance) / mean
        worst = np.log(_LOSSES[metric] / mean)  # the logarithm, because few groups make it huge
        return float(mean * np.exp(-width)), float(mean * np.exp(min(width, worst)))
    low, high = (-1.0, 1.0) if metric == "mcc" else (0.0, 1.0)
    share = float(np.clip((mean - low) / (high - low), 0, 1))
    ends = _jeffreys(share, variance / (high - low) ** 2, influence.n_units, reach, level)
    return low + (high - low) * ends[0], low + (high - low) * ends[1]


def difference_interval(
    one: Influence, other: Influence, metric: str, *, level: float = 0.95
) -> tuple[float, float, float]:
    """Interval of the expected difference of two contestants on the same folds, and its p value.

    The jackknife of :func:`score_interval`, of the difference of both scores; Student's
    distribution, because a difference has no boundary nearby. Contestants that decide alike on all
    these cells need not do so on others, so that (but for losses) half a cell is added on which only
    the one is right, and half a cell on which only the other is (Agresti and Min).

    Returns
    -------
    Lower and upper end, and the two-sided probability of a difference as large if both contestants
    were equally good; 1 where they never differ.

    References
    ----------
    Agresti and Min (2005), Simple improved confidence intervals for comparing matched proportions,
    Statistics in Medicine 24, 729-740.
    """
    difference = one.mean[metric] - other.mean[metric]
    variance = one.variance(metric, other) * training_factor(one.n_repeats, metric)
    if metric not in _LOSSES:
        variance += 1 / one.n_cells**2
    if not np.isfinite(variance):
        return (float("nan"),) * 3
    if variance <= np.finfo(np.float64).eps ** 2:
        return difference, difference, float(difference == 0)
    error = np.sqrt(variance)
    reach = stats.t.ppf((1 + level) / 2, one.df) * error
    p_value = 2 * stats.t.sf(abs(difference) / error, one.df)
    # few groups have wide intervals, and no two scores are further apart
    most = _LOSSES.get(metric, 2.0 if metric == "mcc" else 1.0)
    low, high = np.clip([difference - reach, difference + reach], -most, most)
    return float(low), float(high), float(p_value)


def training_factor(n_repeats: int, metric: str) -> float:
    """Factor on the jackknife variance (of :meth:`Influence.variance`), for training sets and repeats."""
    ends = _TRAINING_OF_LOSSES.get(metric, _TRAINING)
    one, many = ends["one repeat"], ends["many repeats"]
    return many + (one - many) / n_repeats


def _jeffreys(
    share: float, variance: float, n_units: int, reach: float, level: float
) -> tuple[float, float]:
    """Interval of a proportion that was seen with a variance."""
    normal = stats.norm.ppf((1 + level) / 2)
    spread = share * (1 - share)
    n = spread / variance if variance > 0 and spread > 0 else float(n_units)
    n *= (normal / reach) ** 2  # few groups: Student's tails
    hits = n * share
    tail = (1 - level) / 2
    low = 0.0 if share == 0 else float(stats.beta.ppf(tail, hits + 0.5, n - hits + 0.5))
    high = 1.0 if share == 1 else float(stats.beta.isf(tail, hits + 0.5, n - hits + 0.5))
    return low, high
