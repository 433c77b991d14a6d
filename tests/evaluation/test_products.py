from __future__ import annotations

import warnings

import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression

from scrna_longformer.evaluation import LogitScaling, TunedLogisticRegression
from scrna_longformer.evaluation._prior_spread import PriorSpread
from scrna_longformer.evaluation._products import WithProducts


def test_half_of_the_prior_variance_goes_by_the_evidence(rng) -> None:
    codes = np.arange(90) % 3
    X = rng.standard_normal((90, 6))
    X[:, 0] += 2 * codes
    X[:, 1] += 0.5 * codes
    scale = PriorSpread().fit(X, codes).scale_
    f = np.array([stats.f_oneway(*(x[codes == c] for c in range(3))).statistic for x in X.T])
    evidence = np.maximum(f - 1, 0)
    np.testing.assert_allclose(scale**2, 0.5 + 0.5 * evidence / evidence.mean(), rtol=1e-5)
    np.testing.assert_allclose(np.mean(scale**2), 1, rtol=1e-5)
    assert scale[0] > scale[1] > scale[2:].min()


def test_without_evidence_the_prior_is_even(rng) -> None:
    codes = np.arange(40) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a constant feature is no fault
        scale = PriorSpread().fit(np.ones((40, 3)), codes).scale_
        told = PriorSpread().fit(np.column_stack([codes, np.ones(40)]), codes).scale_
    np.testing.assert_array_equal(scale, 1)
    assert np.isfinite(told).all()  # a feature that is constant in every class has an infinite F
    assert told[0] > told[1] > 0


def test_one_cell_far_out_makes_no_product(rng) -> None:
    X = rng.uniform(-0.5, 0.5, (50, 2))
    far = X.copy()
    far[0] = 9  # standardised already
    steps = [WithProducts(np.array([[0, 1]])).fit(x).transform(x)[0, 2] for x in (X, far)]
    product = np.prod(far.clip(-1, 1), axis=1)
    np.testing.assert_allclose(steps[1], (product[0] - product.mean()) / product.std())


def test_a_penalty_can_be_judged_by_what_it_says_once_it_is_calibrated(rng) -> None:
    codes = np.arange(120) % 3
    X = rng.standard_normal((120, 40)) + 0.6 * np.eye(3, 40)[codes] * np.array([4] * 40)
    plain, scaled = (
        TunedLogisticRegression(
            penalties=(1e-4, 1e-2, 1.0), random_state=0, scaled_first=scaled_first
        ).choose(X, codes)
        for scaled_first in (False, True)
    )
    assert scaled[0] < plain[0]  # a strong penalty is too unsure, and orders cells no worse

    def loss(proba: np.ndarray) -> float:
        return -np.log(LogitScaling.fit(proba, codes)(proba)[np.arange(120), codes]).mean()

    assert loss(scaled[1]) < loss(plain[1])


def test_scaled_features_are_a_ridge_of_unequal_penalties(rng) -> None:
    """Coefficients of scaled features, times the scales, solve the problem that the prior states."""
    codes = np.arange(80) % 2
    X = rng.standard_normal((80, 4)) + np.outer(codes, [1.5, 0.5, 0, 0])
    prior = PriorSpread().fit(X, codes)
    model = LogisticRegression(C=0.5, tol=1e-10, max_iter=5000).fit(prior.transform(X), codes)
    beta = model.coef_[0] * prior.scale_
    p = 1 / (1 + np.exp(-(X @ beta + model.intercept_)))
    gradient = X.T @ (p - codes) + beta / (0.5 * prior.scale_**2)
    np.testing.assert_allclose(gradient, 0, atol=1e-4)
