from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from scrna_longformer.evaluation import fit_power_law

SIZES = np.array([50, 100, 200, 400, 800, 1600])


@pytest.mark.parametrize(("a", "b", "c"), [(2, 0.5, 0.1), (1.2, 0.25, 0), (8, 1.0, 0.3)])
def test_recovers_a_law(a: float, b: float, c: float) -> None:
    law = fit_power_law(SIZES, c + a * SIZES**-b)
    assert law.b == pytest.approx(b, rel=0.03)  # the grid
    far = np.array([16_000])
    assert law(far)[0] == pytest.approx(c + a * far[0] ** -b, abs=0.004)


def test_is_no_worse_than_a_general_optimiser(rng: np.random.Generator) -> None:
    for _ in range(20):
        errors = 0.1 + 3 * SIZES**-0.5 + rng.normal(0, 0.02, len(SIZES))
        weights = rng.uniform(0.5, 2, len(SIZES))

        def residuals(p: np.ndarray, errors=errors, weights=weights) -> np.ndarray:
            return np.sqrt(weights) * (p[2] + p[0] * (SIZES / 300) ** -p[1] - errors)

        other = least_squares(residuals, [0.2, 0.5, 0.1], bounds=([0, 0.05, 0], [9, 2, 9]))
        law = fit_power_law(SIZES, errors, weights, robust=False)
        loss = (weights * (law(SIZES) - errors) ** 2).sum()
        assert loss <= 2 * other.cost * 1.02 + 1e-9


def test_parameters_keep_to_their_bounds(rng: np.random.Generator) -> None:
    law = fit_power_law(SIZES, rng.uniform(0, 1, (200, len(SIZES))))
    assert (law.a >= 0).all()
    assert (law.c >= 0).all()
    assert (np.diff(law(SIZES), axis=-1) <= 1e-12).all()  # more cells never hurt


def test_one_odd_size_moves_a_robust_law_less() -> None:
    truth = 0.1 + 2 * SIZES**-0.5
    odd = truth.copy()
    odd[3] += 0.2
    away = [
        np.abs(fit_power_law(SIZES, odd, robust=robust)(SIZES) - truth).max()
        for robust in (True, False)
    ]
    assert away[0] < 0.5 * away[1]


def test_weight_zero_is_absence() -> None:
    errors = 0.1 + 2 * SIZES**-0.5
    wrong = np.where(np.arange(6) == 5, 0.9, errors)
    law = fit_power_law(SIZES, wrong, np.array([1, 1, 1, 1, 1, 0]))
    assert law(SIZES)[5] == pytest.approx(errors[5], abs=0.005)


def test_too_few_sizes() -> None:
    with pytest.raises(ValueError, match="too few sizes"):
        fit_power_law([50, 100], np.array([0.3, 0.2]))
