"""Learning curves with their uncertainty: a law per model, and draws of laws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from .._random import generator
from ._power_law import PowerLaw, fit_power_law

LEVEL = 0.9
N_DRAWS = 1000
_MIN_SIZES = 4  # one more than a law has parameters
_SURE = 0.9  # that a law does not hold, before sizes are left out
_EARLY = 0.4  # of the draws do without the smallest size


@dataclass(frozen=True)
class CurveDraws:
    """Fitted curves of all models, and curves that the data would allow as well.

    Attributes
    ----------
    sizes
        Numbers of training cells.
    used
        Sizes that the law of each model was fitted to, models x sizes.
    holds
        Whether the law of each model agrees with its errors, as far as the noise over seeds tells.
    means
        Mean errors, models x sizes.
    law
        Laws fitted to them, one per model.
    drawn_means
        Perturbed means, draws x models x sizes. Draw *i* of all models belongs together: models that
        err on the same cells are perturbed alike.
    draws
        Laws fitted to the perturbed means, draws x models.
    steepness
        How steeply the curve of a model whose law does not hold goes on, per draw (:meth:`drawn`).
    """

    sizes: np.ndarray
    used: np.ndarray
    holds: np.ndarray
    means: np.ndarray
    law: PowerLaw
    drawn_means: np.ndarray
    draws: PowerLaw
    steepness: np.ndarray

    def fitted(self, sizes: np.ndarray) -> np.ndarray:
        """Error of each model at each size, models x sizes: its law, if it holds.

        Else the measured means (interpolated on the log size), and beyond them the last mean, which
        falls in proportion to the law.
        """
        return self._mend(self.law(sizes)[None], self.means[None], self.law, sizes, 1.0)[0]

    def drawn(self, sizes: np.ndarray) -> np.ndarray:
        """Error in each draw, draws x models x sizes.

        Where the law does not hold, the curve goes on anywhere between not at all and twice as
        steeply as the law.
        """
        steepness = self.steepness[:, None]
        return self._mend(self.draws(sizes), self.drawn_means, self.draws, sizes, steepness)

    def band(self, sizes: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper end of the error of each model (rows) at each size."""
        tail = (1 - level) / 2
        low, high = np.quantile(self.drawn(sizes), [tail, 1 - tail], axis=0)
        return low, high

    def _mend(
        self,
        errors: np.ndarray,
        means: np.ndarray,
        law: PowerLaw,
        sizes: np.ndarray,
        steepness: np.ndarray | float,
    ) -> np.ndarray:
        """Replace the laws that do not hold (second axis) by what was measured."""
        for m in np.flatnonzero(~self.holds):
            run = np.flatnonzero(np.isfinite(self.means[m]))
            measured, last = self.sizes[run], run[-1]
            at_last = law(self.sizes[[last]])[..., m, :].reshape(-1, 1)
            fall = errors[:, m] / np.maximum(at_last, 1e-12)
            inside = _interpolate(np.log(sizes), np.log(measured), means[:, m, run])
            beyond = means[:, m, [last]] * np.clip(fall, 1e-9, 1) ** steepness
            errors[:, m] = np.where(np.asarray(sizes) <= measured[-1], inside, beyond)
        return errors


def _interpolate(x: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolate each row of ``values`` (rows x knots) at ``x``."""
    right = np.clip(np.searchsorted(knots, x), 1, len(knots) - 1)
    part = np.clip((x - knots[right - 1]) / (knots[right] - knots[right - 1]), 0, 1)
    return values[:, right - 1] * (1 - part) + values[:, right] * part


def draw_curves(
    sizes: np.ndarray,
    errors: np.ndarray,
    *,
    test_share: float = 0.0,
    n_draws: int = N_DRAWS,
    random_state: int = 0,
) -> CurveDraws:
    """Fit a power law to each model, and draw laws by resampling seeds and residuals.

    Larger sizes count more: a law is wanted beyond them. Models that learn nothing from very few
    cells begin with a plateau, which no power law has; so the smallest sizes of a model are left
    out as long as the law contradicts the noise over seeds and four sizes remain.

    Each draw adds two things to the means, and fits again.

    *Seeds.* A normal mixture of the seeds' deviations from the mean, with the same coefficients for
    all models and sizes (what is common to two models cancels in their difference), over a common
    chi. For a handful of seeds this is what a bootstrap of seeds should be: any weighted sum of
    errors gets exactly the t interval of its mean, where drawing seeds with replacement gives
    intervals that are too short (at five seeds by a third).

    *Residuals.* The residuals of the means from the fitted law, with random signs, and never less
    than half a standard error: a law is a summary and need not hold.

    In four of ten draws the smallest size of every model is left out, if four or more are used: few
    seeds seldom prove that a law had not yet begun there.

    Parameters
    ----------
    sizes
        Numbers of training cells.
    errors
        Seeds x models x sizes. NaN where a model was not run at a size for all seeds; each model
        needs three sizes.
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
    Figueroa et al. (2012), Predicting sample size required for classification performance, BMC
    Medical Informatics and Decision Making 12, 8 (larger sizes count more).

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
    run = np.isfinite(errors).all(axis=0)
    if run.sum(axis=1).min() < 3:
        msg = (
            "A model was run at fewer than three sizes, too few for the three parameters of a law."
        )
        raise ValueError(msg)
    errors = np.where(run, errors, 0)  # fitted with weight 0
    mean = errors.mean(axis=0)
    variance = _smooth_variance(errors, run) * (1 / n_seeds + test_share)
    used, holds = _where_law_holds(np.asarray(sizes, dtype=np.float64), errors, run)
    rank = np.arange(1, n_sizes + 1) / n_sizes
    weights = used * rank / variance
    law = _stack([fit_power_law(sizes, m, w) for m, w in zip(mean, weights, strict=True)])

    mixture = rng.standard_normal((n_draws, n_seeds))
    deviations = np.einsum("ds,smn->dmn", mixture, errors - mean)
    deviations *= np.sqrt((1 / n_seeds + test_share) / (n_seeds - 1))
    residuals = np.maximum(np.abs(mean - law(sizes)), 0.5 * np.sqrt(variance))
    signs = rng.choice([-1.0, 1.0], (n_draws, n_models, n_sizes))
    chi = np.sqrt(rng.chisquare(n_seeds - 1, (n_draws, 1, 1)) / (n_seeds - 1))
    drawn = mean + (deviations + signs * residuals) / chi
    steepness = rng.uniform(0, 2, n_draws)
    by_draw = _without_smallest(weights, rng.random(n_draws) < _EARLY)
    fits = [fit_power_law(sizes, drawn[:, m], by_draw[m]) for m in range(n_models)]
    return CurveDraws(
        sizes=np.asarray(sizes, dtype=np.float64),
        used=used,
        holds=holds,
        means=np.where(run, mean, np.nan),
        law=law,
        drawn_means=mean + deviations / chi,
        draws=_stack(fits, axis=-1),
        steepness=steepness,
    )


def _without_smallest(weights: np.ndarray, early: np.ndarray) -> np.ndarray:
    """Weights of each draw, models x draws x sizes: some do without the smallest size used."""
    by_draw = np.repeat(weights[:, None], len(early), axis=1)
    for of_model, used in zip(by_draw, weights > 0, strict=True):
        if used.sum() >= _MIN_SIZES:
            of_model[early, used.argmax()] = 0
    return by_draw


def _where_law_holds(
    sizes: np.ndarray, errors: np.ndarray, run: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Leave out the smallest sizes of a model while its law fails a test against the seeds.

    Returns the sizes left, and whether the test was passed in the end.
    """
    used, holds = run.copy(), np.ones(len(run), dtype=bool)
    n_seeds = len(errors)
    for m, keep in enumerate(used):
        while keep.sum() >= _MIN_SIZES:
            values = errors[:, m, keep]
            # what a seed does to all sizes alike (its test cells) says nothing about the course
            course = values - values.mean(axis=1, keepdims=True)
            variance = np.maximum(course.var(axis=0, ddof=1).mean() / n_seeds, 1e-12)
            mean = values.mean(axis=0)
            misfit = (
                (mean - fit_power_law(sizes[keep], mean, robust=False)(sizes[keep])) ** 2
            ).sum()
            df = keep.sum() - 3
            if misfit / df / variance < stats.f.ppf(_SURE, df, (n_seeds - 1) * (keep.sum() - 1)):
                break
            if keep.sum() == _MIN_SIZES:
                holds[m] = False
                keep[:] = run[m]
                break
            keep[np.flatnonzero(keep)[0]] = False
    return used, holds


def _smooth_variance(errors: np.ndarray, run: np.ndarray) -> np.ndarray:
    """Variance over seeds, models x sizes, as a multiple per model of that of a share of cells.

    A handful of seeds tells the scale of the noise, pooled over sizes, but not its course.
    """
    mean = np.clip(errors.mean(axis=0), 0.01, None)
    course = mean * np.maximum(1 - mean, 0.1)
    ratio = np.where(run, errors.var(axis=0, ddof=1) / course, 0)
    scale = ratio.sum(axis=-1, keepdims=True) / run.sum(axis=-1, keepdims=True)
    return np.maximum(scale * course, 1e-10)


def _stack(laws: list[PowerLaw], axis: int = 0) -> PowerLaw:
    return PowerLaw(*(np.stack([getattr(law, p) for law in laws], axis=axis) for p in "abc"))
