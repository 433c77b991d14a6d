from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from scrna_longformer.evaluation import Split
from scrna_longformer.evaluation.checks._agreement import (
    auc_from_ranks,
    balanced_skill,
    class_ranks,
    shuffle_moments,
    shuffle_z,
)
from scrna_longformer.evaluation.checks._linear import linear_proba, ridge_scores


def test_moments_are_those_of_all_shuffles(rng: np.random.Generator) -> None:
    scores, codes = rng.random((6, 3)), np.array([0, 0, 1, 1, 1, 2])
    sums = [scores[np.arange(6), list(order)].sum() for order in permutations(codes)]
    observed, mean, variance = shuffle_moments(scores, codes)
    assert observed == pytest.approx(scores[np.arange(6), codes].sum())
    assert mean == pytest.approx(np.mean(sums))
    assert variance == pytest.approx(np.var(sums))


def test_standard_score_is_standard_for_shuffled_labels(rng: np.random.Generator) -> None:
    scores = rng.random((50, 4)) ** 3
    z = [shuffle_z([(scores, rng.integers(4, size=50)) for _ in range(2)]) for _ in range(400)]
    assert np.mean(z) == pytest.approx(0, abs=0.2)
    assert np.std(z) == pytest.approx(1, abs=0.15)
    assert shuffle_z([(np.ones((5, 2)), np.array([0, 1, 0, 1, 1]))]) == 0


def test_areas_are_those_of_scikit_learn(rng: np.random.Generator) -> None:
    codes = rng.integers(3, size=60)
    scores = np.round(rng.random((60, 4)) + np.eye(4)[codes], 1)  # with ties; no cell of class 3
    found = auc_from_ranks(class_ranks(scores), codes)
    assert np.isnan(found[3])
    for c in range(3):
        assert found[c] == pytest.approx(roc_auc_score(codes == c, scores[:, c]))


def test_skill_is_adjusted_balanced_accuracy(rng: np.random.Generator) -> None:
    codes = rng.integers(3, size=60)
    proba = rng.random((60, 3)) + 0.5 * np.eye(3)[codes]
    expected = balanced_accuracy_score(codes, proba.argmax(axis=1), adjusted=True)
    assert balanced_skill([proba[:20], proba[20:]], [codes[:20], codes[20:]]) == pytest.approx(
        expected
    )


def test_linear_classifier_is_ridge_regression(rng: np.random.Generator) -> None:
    Z, y = rng.normal(size=(40, 5)), rng.normal(size=(40, 2))
    weights = rng.uniform(0.5, 2, 40)
    split = Split(0, 0, np.arange(30), np.arange(30, 40))
    found = ridge_scores(Z, y, split, weights=weights)
    w = weights[:30] / weights[:30].sum()
    centred = Z[:30] - w @ Z[:30]
    alpha = 0.02 * np.trace(centred.T @ (w[:, None] * centred)) / 5
    expected = Ridge(alpha=alpha).fit(Z[:30], y[:30], sample_weight=w).predict(Z[30:])
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_linear_classifier_never_sees_test_labels(rng: np.random.Generator) -> None:
    Z, codes = rng.normal(size=(30, 4)), rng.integers(3, size=30)
    split = Split(0, 0, np.arange(20), np.arange(20, 30))
    other = codes.copy()
    other[20:] = (other[20:] + 1) % 3
    # class weights count all cells, so compare the unweighted fit
    eye = np.eye(3)
    np.testing.assert_array_equal(
        ridge_scores(Z, eye[codes], split), ridge_scores(Z, eye[other], split)
    )
    assert linear_proba(Z, codes, [split])[0].shape == (10, 3)
