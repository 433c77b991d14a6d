from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from scrna_longformer.evaluation import Conformal, Novelty, log_ratios

SHARES = [0.55, 0.3, 0.12, 0.03]


def cells(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes of unequal size and unequal difficulty, with the probabilities of a mediocre model."""
    codes = rng.choice(4, n, p=SHARES)
    logits = rng.normal(size=(n, 4)) * 1.5
    logits[np.arange(n), codes] += np.array([3.0, 1.0, 0.5, 2.0])[codes]
    return codes, softmax(logits, axis=1)


def brute_force(calibration: np.ndarray, score: float) -> float:
    at_least = sum(c >= score for c in calibration) + 1
    return at_least / (len(calibration) + 1)


def test_p_values_are_counted_by_hand(rng: np.random.Generator):
    codes, proba = cells(rng, 300)
    conformal = Conformal.fit(codes, proba, rng.random(300))
    _, new = cells(rng, 5)
    found = conformal.p_values(new, alpha=0.1)
    small = [3]
    assert (np.bincount(codes)[small] < 20).all()
    for i in range(5):
        for k in range(4):
            # the only small class has fewer than 20 cells, so all cells serve it
            rows = codes == k if k not in small else np.ones(300, dtype=bool)
            strange = -proba[np.flatnonzero(rows), codes[rows]]
            assert found[i, k] == brute_force(strange, -new[i, k])


def test_small_classes_share_a_quantile(rng: np.random.Generator):
    codes = np.repeat([0, 1, 2], [100, 15, 15])
    proba = rng.dirichlet(np.ones(3), 130)
    conformal = Conformal.fit(codes, proba, np.zeros(130))
    new = rng.dirichlet(np.ones(3), 4)
    found = conformal.p_values(new, alpha=0.1)
    pool = -np.r_[proba[100:115, 1], proba[115:, 2]]
    for i in range(4):
        for k in (1, 2):
            assert found[i, k] == brute_force(pool, -new[i, k])
    assert conformal.own_classes(3, alpha=0.1).tolist() == [True, False, False]
    assert conformal.own_classes(3, alpha=0.2).tolist() == [True, True, True]


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_every_large_class_is_covered(alpha: float):
    covered = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        codes, proba = cells(rng, 2000)
        sets = Conformal.fit(codes[:1000], proba[:1000], np.zeros(1000)).sets(
            proba[1000:], alpha=alpha
        )
        right = sets[np.arange(1000), codes[1000:]]
        covered.append([right[codes[1000:] == k].mean() for k in range(4)])
    coverage = np.mean(covered, axis=0)
    np.testing.assert_allclose(coverage[:3], 1 - alpha, atol=0.02)


def test_a_marginal_quantile_would_leave_the_hard_class_uncovered():
    """Why sets are class-conditional: the same cells, pooled, cover the hard class far less."""
    rng = np.random.default_rng(0)
    codes, proba = cells(rng, 20_000)
    half = 10_000
    strange = -proba[np.arange(half), codes[:half]]
    threshold = np.quantile(strange, 0.9)
    hard = codes[half:] == 2
    marginal = (-proba[half:][hard][:, 2] <= threshold).mean()
    sets = Conformal.fit(codes[:half], proba[:half], strange).sets(proba[half:][hard], alpha=0.1)
    assert marginal < 0.85
    assert sets[:, 2].mean() == pytest.approx(0.9, abs=0.03)


def test_known_cells_are_rejected_at_the_level_asked_for(rng: np.random.Generator):
    score = rng.exponential(size=(50, 400))
    zeros = np.zeros(200, dtype=int)
    rejected = [
        (Conformal(zeros, np.ones(200), s[:200]).novelty_p_values(s[200:]) <= 0.1).mean()
        for s in score
    ]
    assert np.mean(rejected) == pytest.approx(0.1, abs=0.01)


def test_too_few_calibration_cells_accept_everything(rng: np.random.Generator):
    conformal = Conformal(np.array([0, 1, 1]), rng.random(3), rng.random(3))
    assert conformal.sets(rng.dirichlet(np.ones(2), 6), alpha=0.1).all()
    assert (conformal.novelty_p_values(np.full(4, 1e9)) > 0.1).all()


def test_sets_grow_as_alpha_falls(rng: np.random.Generator):
    codes, proba = cells(rng, 4000)
    conformal = Conformal.fit(codes[:3000], proba[:3000], np.zeros(3000))
    sizes = [conformal.sets(proba[3000:], alpha=a).sum() for a in (0.3, 0.1, 0.05)]
    assert sizes[0] < sizes[1] < sizes[2]


def test_novelty_is_the_mahalanobis_distance_to_the_nearest_class(rng: np.random.Generator):
    codes = np.repeat([0, 1, 4], 4000)  # classes without cells do not matter
    mix = rng.normal(size=(3, 3))
    centers = rng.normal(size=(5, 3)) * 5
    points = rng.normal(size=(12_000, 3)) @ mix + centers[codes]
    new = rng.normal(size=(50, 3)) * 8
    precision = np.linalg.inv(mix.T @ mix)
    expected = cdist(new, centers[[0, 1, 4]], "mahalanobis", VI=precision).min(axis=1) ** 2
    found = Novelty.fit(points, codes).score(new)
    np.testing.assert_allclose(found, expected, rtol=0.1)


def test_novelty_takes_dimensions_that_depend_on_each_other(rng: np.random.Generator):
    proba = rng.dirichlet(np.ones(4) * 3, 300)
    ratios = log_ratios(proba)
    np.testing.assert_allclose(ratios.sum(axis=1), 0, atol=1e-9)
    codes = proba.argmax(axis=1)
    score = Novelty.fit(ratios, codes).score(ratios)
    # oracle: drop a dimension, which loses nothing
    reduced = Novelty.fit(ratios[:, :3], codes).score(ratios[:, :3])
    assert np.isfinite(score).all()
    assert np.corrcoef(score, reduced)[0, 1] > 0.95


def test_log_ratios_are_the_logits_of_a_regression(rng: np.random.Generator):
    X = rng.normal(size=(200, 5))
    y = (X[:, :3] + rng.normal(size=(200, 3))).argmax(axis=1)
    model = LogisticRegression().fit(X, y)
    logits = model.decision_function(X)
    expected = logits - logits.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(log_ratios(model.predict_proba(X)), expected, atol=1e-6)
    assert np.isfinite(log_ratios(np.array([[1.0, 0.0]]))).all()
