"""Tests of paired scores over folds that share their training cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats


def corrected_t_test(differences: np.ndarray, *, test_share: float) -> float:
    """Two-sided p value of the corrected resampled t-test.

    Folds share training cells, so that the plain t-test over folds finds differences where there
    are none. The correction adds the ratio of test to training cells to 1 / n.

    Parameters
    ----------
    differences
        Score of one contestant minus that of another, one value per fold.
    test_share
        Number of test cells over number of training cells of a fold.

    Returns
    -------
    1 where all differences are zero; NaN for fewer than two folds.

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52, 239-281.

    Examples
    --------
    >>> round(corrected_t_test(np.array([0.02, 0.03, 0.01, 0.04, 0.02]), test_share=0.25), 3)
    0.035
    """
    posterior = _student(differences, test_share)
    if posterior.n < 2:
        return float("nan")
    if posterior.scale == 0:
        return float(posterior.mean == 0)
    return float(2 * stats.t.sf(abs(posterior.mean) / posterior.scale, posterior.n - 1))


@dataclass(frozen=True)
class RopeProbabilities:
    """Probabilities that a difference is below, inside and above a region of no practical interest."""

    below: float
    inside: float
    above: float


def correlated_t_test(
    differences: np.ndarray, *, test_share: float, rope: float = 0.01
) -> RopeProbabilities:
    """Bayesian correlated t-test with a region of practical equivalence (ROPE).

    The posterior of the mean difference is a Student distribution of n - 1 degrees of freedom
    around the mean over folds, with the variance of the corrected t-test: scores of two folds are
    taken to correlate by the share of cells that are tested on.

    Parameters
    ----------
    differences
        Score of one contestant minus that of another, one value per fold.
    test_share
        Number of test cells over number of training cells of a fold.
    rope
        Largest difference that does not matter in practice.

    Returns
    -------
    Probabilities that add up to 1; NaN for fewer than two folds.

    References
    ----------
    Corani and Benavoli (2015), A Bayesian approach for comparing cross-validated algorithms on
    multiple data sets, Machine Learning 100. Benavoli, Corani, Demsar and Zaffalon (2017), Time for
    a change: a tutorial for comparing multiple classifiers through Bayesian analysis, Journal of
    Machine Learning Research 18.

    Examples
    --------
    >>> result = correlated_t_test(np.array([0.02, 0.03, 0.01, 0.04, 0.02]), test_share=0.25)
    >>> round(result.above, 2), round(result.inside, 2)
    (0.93, 0.06)
    """
    posterior = _student(differences, test_share)
    if posterior.n < 2:
        return RopeProbabilities(*[float("nan")] * 3)
    if posterior.scale == 0:
        below, above = float(posterior.mean < -rope), float(posterior.mean > rope)
    else:
        student = stats.t(posterior.n - 1, posterior.mean, posterior.scale)
        below, above = float(student.cdf(-rope)), float(student.sf(rope))
    return RopeProbabilities(below, 1 - below - above, above)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjust p values of a family of tests by the step-down method of Holm.

    NaN stays NaN and does not count.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6, 65-70.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p_values.shape, np.nan)
    order = np.argsort(p_values, kind="stable")
    order = order[~np.isnan(p_values[order])]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def effect_size(differences: np.ndarray) -> float:
    """Mean difference over its standard deviation over folds (Cohen's d of pairs).

    Zero where all differences are zero, infinite where they are equal and not zero, NaN for fewer
    than two folds.
    """
    differences = np.asarray(differences, dtype=np.float64)
    if len(differences) < 2:
        return float("nan")
    mean, sd = float(differences.mean()), float(differences.std(ddof=1))
    if sd == 0:
        return 0.0 if mean == 0 else float(np.copysign(np.inf, mean))
    return mean / sd


@dataclass(frozen=True)
class _Posterior:
    mean: float
    scale: float
    n: int


def _student(differences: np.ndarray, test_share: float) -> _Posterior:
    differences = np.asarray(differences, dtype=np.float64)
    n = len(differences)
    if n < 2:
        return _Posterior(float("nan"), float("nan"), n)
    variance = (1 / n + test_share) * differences.var(ddof=1)
    return _Posterior(float(differences.mean()), float(np.sqrt(variance)), n)
