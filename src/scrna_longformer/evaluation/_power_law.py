"""Inverse power laws: how error falls with the number of training cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EXPONENTS = np.geomspace(0.05, 2, 120)
_HUBER = 1.345  # residuals beyond so many robust standard deviations count less
_ROUNDS = 5


@dataclass(frozen=True)
class PowerLaw:
    """One law, or an array of laws, ``error(n) = c + a * n**-b``.

    Attributes
    ----------
    a
        Height above the floor at one cell; at least 0.
    b
        Exponent, one of ``EXPONENTS``.
    c
        Error that no number of cells removes; at least 0.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray

    def __call__(self, sizes: np.ndarray) -> np.ndarray:
        """Error at each size; the sizes are the last axis."""
        n = np.asarray(sizes, dtype=np.float64)
        return self.c[..., None] + self.a[..., None] * n ** -self.b[..., None]


def fit_power_law(
    sizes: np.ndarray,
    errors: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    robust: bool = True,
) -> PowerLaw:
    """Fit ``error(n) = c + a * n**-b`` with a, c >= 0 by weighted least squares.

    For a given exponent the law is linear in ``a`` and ``c``, and the best non-negative pair is
    known in closed form. So the exponent is searched on a grid (``EXPONENTS``, 3 % apart): no
    starting values, no local minimum, and thousands of laws (a bootstrap) fitted in one go.

    Parameters
    ----------
    sizes
        Numbers of training cells, at least three different ones.
    errors
        Mean error at each size, as the last axis; leading axes are separate fits.
    weights
        One per size: inverse variances, in the units of ``errors``; equal by default.
    robust
        Whether a size that lies far off the law (a fit that diverged) is given less weight, by
        Huber's function of its residual over the median absolute residual.

    Returns
    -------
    PowerLaw
        With the leading shape of ``errors``.

    Raises
    ------
    ValueError
        If there are fewer than three sizes, or values are not finite.

    References
    ----------
    Figueroa et al. (2012), Predicting sample size required for classification performance, BMC
    Medical Informatics and Decision Making 12, 8 (weighted inverse power laws of learning curves).

    Golub and Pereyra (1973), The differentiation of pseudo-inverses and nonlinear least squares
    problems whose variables separate, SIAM Journal on Numerical Analysis 10, 413-432.

    Examples
    --------
    >>> sizes = np.array([50, 100, 200, 400, 800])
    >>> law = fit_power_law(sizes, 0.1 + 2 * sizes**-0.5)
    >>> float(law.c.round(2)), float(law.b.round(2)), float(law(np.array([10_000]))[0].round(2))
    (0.1, 0.5, 0.12)
    """
    sizes, errors = np.asarray(sizes, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if len(np.unique(sizes)) < 3:
        msg = f"A power law has three parameters; `sizes`={sizes.tolist()} has too few sizes."
        raise ValueError(msg)
    if not (np.isfinite(errors).all() and (sizes > 0).all()):
        msg = "`errors` must be finite and `sizes` positive."
        raise ValueError(msg)
    w = np.ones_like(sizes) if weights is None else np.asarray(weights, dtype=np.float64)
    given = np.broadcast_to(w / w.mean(), errors.shape)
    law = _least_squares(sizes, errors, given)
    # with four sizes or fewer, three parameters leave nothing to tell an outlier by
    for _ in range(_ROUNDS if robust and len(sizes) > 4 else 0):
        residuals = np.abs(errors - law(sizes)) * np.sqrt(given)
        scale = np.median(residuals, axis=-1, keepdims=True) / 0.6745 + 1e-12
        law = _least_squares(
            sizes, errors, given * np.minimum(1, _HUBER * scale / (residuals + 1e-12))
        )
    return law


def _least_squares(sizes: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> PowerLaw:
    """Best law of each row of ``errors`` (..., sizes) under ``weights`` of the same shape."""
    middle = np.exp(np.log(sizes).mean())  # in units of it, both columns are of order one
    x = (sizes / middle) ** -EXPONENTS[:, None]  # exponents x sizes
    wy = weights * errors
    sw, swy = weights.sum(-1)[..., None], wy.sum(-1)[..., None]
    swx, swxx = weights @ x.T, weights @ (x**2).T
    swxy = wy @ x.T
    a = (sw * swxy - swx * swy) / (sw * swxx - swx**2)
    c = (swy - a * swx) / sw
    # the best non-negative pair: where one is negative, it is 0 and the other fitted alone
    a, c = np.where(c < 0, swxy / swxx, a), np.maximum(c, 0)
    a, c = np.maximum(a, 0), np.where(a < 0, swy / sw, c)
    # residual sum of squares, less the part without the law
    loss = a**2 * swxx + c**2 * sw + 2 * a * c * swx - 2 * a * swxy - 2 * c * swy
    best = loss.argmin(axis=-1)[..., None]
    b = EXPONENTS[best[..., 0]]
    a = np.take_along_axis(a, best, axis=-1)[..., 0] * middle**b
    return PowerLaw(a, b, np.take_along_axis(c, best, axis=-1)[..., 0])
