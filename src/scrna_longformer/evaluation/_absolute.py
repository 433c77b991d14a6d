"""How far an absolute value moves when what is inside it does, for the jackknife of ECE."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr


def mean_slope(value: np.ndarray, error: np.ndarray) -> np.ndarray:
    r"""Slope of :math:`|x|` that gives its variance: 1 far from zero, 0.6 where x is only noise.

    A jackknife replaces a score by its tangent, and the tangent of :math:`|x|` has slope 1 however
    close to the bend it touches. But where the true value is 0, :math:`|x|` is a half-normal
    variable, whose variance is only :math:`1 - 2 / \pi` of that of x. This is the case of a
    calibration error: a sum of absolute gaps of bins, most of which are luck if the model is well
    calibrated.

    Parameters
    ----------
    value
        Estimates of x.
    error
        Their standard errors.

    Returns
    -------
    Standard deviation of a folded normal variable over that of the normal one, with the sign of
    ``value``. Its mean is estimated by :math:`\sqrt{\max(x^2 - \sigma^2, 0)}`, because the square
    of a noisy value is too large by the square of its error.

    References
    ----------
    Leone, Nelson and Nottingham (1961), The folded normal distribution, Technometrics 3, 543-550.

    Examples
    --------
    >>> mean_slope(np.array([0.1, -8.0]), np.array([1.0, 1.0])).round(2)
    array([ 0.6, -1. ])
    """
    z = np.divide(value, error, out=np.zeros_like(value), where=error > 0)
    mean = np.sqrt(np.maximum(z**2 - 1, 0))
    of_absolute = np.sqrt(2 / np.pi) * np.exp(-(mean**2) / 2) + mean * (1 - 2 * ndtr(-mean))
    spread = np.sqrt(np.maximum(mean**2 + 1 - of_absolute**2, 0))
    return np.sign(value) * np.where(error > 0, spread, 1.0)
