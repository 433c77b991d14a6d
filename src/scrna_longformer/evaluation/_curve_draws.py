"""Learning curves with their uncertainty: a law per model, and draws of laws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._random import generator
from ._power_law import PowerLaw, fit_power_law

LEVEL = 0.9
N_DRAWS = 1000


@dataclass(frozen=True)
class CurveDraws:
    """Fitted laws of all models, and laws that the data would allow as well.

    Attributes
    ----------
    sizes
        Numbers of training cells.
    law
        Laws fitted to the means over seeds, one per model.
    draws
        Laws fitted to perturbed means, draws x models. Draw *i* of all models belongs together:
        models that err on the same cells are perturbed alike.
    """

    sizes: np.ndarray
    law: PowerLaw
    draws: PowerLaw

    def band(self, sizes: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper end of the error of each model (rows) at each size."""
        tail = (1 - level) / 2
        low, high = np.quantile(self.draws(sizes), [tail, 1 - tail], axis=0)
        return low, high


def draw_curves(
    sizes: np.ndarray,
    errors: np.ndarray,
    *,
    test_share: float = 0.0,
    n_draws: int = N_DRAWS,
    random_state: int = 0,
) -> CurveDraws:
    """Fit a power law to each model, and draw laws by resampling seeds and residuals.

    Each draw adds two things to the means, and fits again.

    *Seeds.* A normal mixture of the seeds' deviations from the mean, with the same coefficients for
    all models and sizes (what is common to two models cancels in their difference), over a common
    chi. For a handful of seeds this is what a bootstrap of seeds should be: any weighted sum of
    errors gets exactly the t interval of its mean, where drawing seeds with replacement gives
    intervals that are too short (at five seeds by a third).

    *Residuals.* The residuals of the means from the fitted law, with random signs, and never less
    than half a standard error: a law is a summary and need not hold.

    Parameters
    ----------
    sizes
        Numbers of training cells.
    errors
        Seeds x models x sizes.
    test_share
        Test cells over the other cells, where all seeds draw from the same cells: their errors are
        not independent, and the variance of the mean grows by this share of the variance over seeds
        (Nadeau and Bengio). 0 for independent cells.
    n_draws
        Number of draws.
    random_state
        Seed of the draws.

    Returns
    -------
    CurveDraws

    Raises
    ------
    ValueError
        If there are fewer than two seeds or three sizes.

    References
    ----------
    Rubin (1981), The Bayesian bootstrap, Annals of Statistics 9, 130-134.

    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52, 239-281.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sizes = np.array([50, 100, 200, 400])
    >>> errors = 0.1 + 2 * sizes**-0.5 + rng.normal(0, 0.01, (5, 1, 4))
    >>> low, high = draw_curves(sizes, errors).band(np.array([800]))
    >>> bool(low[0, 0] < 0.1 + 2 * 800**-0.5 < high[0, 0])
    True
    """
    errors = np.asarray(errors, dtype=np.float64)
    n_seeds, n_models, n_sizes = errors.shape
    if n_seeds < 2:
        msg = "Intervals need at least two seeds."
        raise ValueError(msg)
    rng = generator(random_state)
    mean = errors.mean(axis=0)
    variance = _smooth_variance(errors) * (1 / n_seeds + test_share)
    law = _stack([fit_power_law(sizes, m, 1 / v) for m, v in zip(mean, variance, strict=True)])

    mixture = rng.standard_normal((n_draws, n_seeds))
    deviations = np.einsum("ds,smn->dmn", mixture, errors - mean)
    deviations *= np.sqrt((1 / n_seeds + test_share) / (n_seeds - 1))
    residuals = np.maximum(np.abs(mean - law(sizes)), 0.5 * np.sqrt(variance))
    signs = rng.choice([-1.0, 1.0], (n_draws, n_models, n_sizes))
    chi = np.sqrt(rng.chisquare(n_seeds - 1, (n_draws, 1, 1)) / (n_seeds - 1))
    drawn = mean + (deviations + signs * residuals) / chi
    fits = [fit_power_law(sizes, drawn[:, m], 1 / variance[m]) for m in range(n_models)]
    return CurveDraws(np.asarray(sizes), law, _stack(fits, axis=-1))


def _smooth_variance(errors: np.ndarray) -> np.ndarray:
    """Variance over seeds, models x sizes, as a multiple per model of that of a share of cells.

    A handful of seeds tells the scale of the noise, pooled over sizes, but not its course.
    """
    mean = np.clip(errors.mean(axis=0), 0.01, None)
    course = mean * np.maximum(1 - mean, 0.1)
    scale = (errors.var(axis=0, ddof=1) / course).mean(axis=-1, keepdims=True)
    return np.maximum(scale * course, 1e-10)


def _stack(laws: list[PowerLaw], axis: int = 0) -> PowerLaw:
    return PowerLaw(*(np.stack([getattr(law, p) for law in laws], axis=axis) for p in "abc"))
