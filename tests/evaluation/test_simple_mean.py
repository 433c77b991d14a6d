from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from scrna_longformer.evaluation import LogitPool, LogitScaling, SimpleMean


@pytest.fixture
def cells(rng):
    """Log counts of three types, one of them rare, whose markers are weak."""
    y = np.repeat(["a", "b", "c"], [90, 90, 40])
    rate = rng.gamma(1.0, 1.0, size=60)
    factor = np.ones((3, 60))
    factor[np.arange(3).repeat(8), np.arange(24)] = 2.5
    counts = rng.poisson(rate * factor[np.unique(y, return_inverse=True)[1]])
    X = np.log1p(counts / np.maximum(counts.sum(1, keepdims=True), 1) * 1e4)
    return sparse.csr_matrix(X.astype(np.float32)), y


def test_pool_of_four_calibrated_members(cells):
    X, y = cells
    model = SimpleMean(40, 10).fit(X, y)
    parts = [s(m.predict_proba(X)) for s, m in zip(model.scalings_, model.members_, strict=True)]
    assert len(parts) == 4
    expected = model.pool_(parts)
    np.testing.assert_allclose(model.predict_proba(X), expected)
    np.testing.assert_allclose(expected.sum(axis=1), 1)
    assert model.n_parameters_ == 3 * 3 * 41 + 3 * 11 + 4 * 4 + 4 + 3


def test_out_of_fold_predictions_have_not_seen_their_cells(cells, rng):
    X, _ = cells
    nonsense = rng.permutation(np.arange(X.shape[0]) % 3)
    model = SimpleMean(40, 10).fit(X, nonsense)
    in_sample = (model.predict(X) == nonsense).mean()
    out_of_fold = (model.out_of_fold_.argmax(axis=1) == nonsense).mean()
    assert in_sample > 0.42 > out_of_fold


def test_out_of_fold_is_calibrated(cells):
    X, y = cells
    model = SimpleMean(40, 10).fit(X, y)
    codes = np.unique(y, return_inverse=True)[1]
    again = LogitScaling.fit(model.out_of_fold_, codes)
    assert log_loss(codes, again(model.out_of_fold_)) > log_loss(codes, model.out_of_fold_) - 0.01


def test_values_without_counts_leave_the_genes(cells, rng):
    X, y = cells
    smooth = np.asarray(X.todense()) + rng.random(X.shape).astype(np.float32) * 0.1
    assert len(SimpleMean(40, 10).fit(smooth, y).members_) == 3


def test_too_few_cells_for_inner_folds(rng):
    counts = rng.poisson(3.0, size=(6, 20))
    model = SimpleMean(10, 2).fit(np.log1p(counts), np.repeat([0, 1], 3))
    assert model.out_of_fold_ is None
    np.testing.assert_allclose(model.predict_proba(np.log1p(counts)).sum(axis=1), 1)


def test_scaling_takes_back_overconfidence_and_class_weights(rng):
    truth = rng.choice(3, size=4000, p=[0.7, 0.2, 0.1])
    x = rng.normal(size=(4000, 3)) + 1.5 * np.eye(3)[truth]
    fitted = LogisticRegression(class_weight="balanced").fit(x[:2000], truth[:2000])
    proper = LogisticRegression().fit(x[:2000], truth[:2000]).predict_proba(x)
    spoilt = fitted.predict_proba(x) ** 3
    spoilt /= spoilt.sum(axis=1, keepdims=True)
    scaling = LogitScaling.fit(spoilt[:2000], truth[:2000])
    assert scaling.slope == pytest.approx(1 / 3, rel=0.1)
    losses = [log_loss(truth[2000:], p[2000:]) for p in (proper, scaling(spoilt), spoilt)]
    assert losses[1] < losses[0] + 0.01 < losses[2] - 0.1


def test_scaling_of_few_cells_stays_near_one(rng):
    proba = rng.dirichlet(np.ones(4), size=5)
    scaling = LogitScaling.fit(proba, np.array([0, 1, 2, 0, 1]))
    assert abs(np.log(scaling.slope)) < 0.5
    assert np.abs(scaling.offset).max() < 0.5


def test_scaling_of_few_cells_stays_near_the_shift_that_is_known(rng):
    shift = np.array([2.0, -0.5, -1.5])
    nothing = LogitScaling.fit(np.empty((0, 3)), np.empty(0, dtype=int), shift=shift)
    assert nothing.slope == 1
    np.testing.assert_array_equal(nothing.shift, shift)
    truth = rng.choice(3, size=3000)
    proba = softmax(rng.normal(size=(3000, 3)) + 2 * np.eye(3)[truth] - shift, axis=1)
    few, without = (LogitScaling.fit(proba[:9], truth[:9], shift=s) for s in (shift, None))
    losses = [log_loss(truth, fitted(proba)) for fitted in (few, without)]
    assert losses[0] < losses[1] - 0.05
    many, told = (LogitScaling.fit(proba, truth, ridge=1e-5, shift=s) for s in (shift, None))
    np.testing.assert_allclose(many(proba), told(proba), atol=0.01)


def test_pool_gives_weight_to_who_knows_and_little_to_noise(rng):
    truth = rng.integers(3, size=2000)
    knows, noise = rng.normal(size=(2, 2000, 3))
    knows = softmax(knows + 2 * np.eye(3)[truth], axis=1)
    noise = softmax(noise, axis=1)
    pool = LogitPool.fit([knows[:1000], noise[:1000]], truth[:1000])
    assert pool.weights[0] > 5 * pool.weights[1] > 0
    losses = [log_loss(truth[1000:], p) for p in (pool([knows[1000:], noise[1000:]]), knows[1000:])]
    assert losses[0] < log_loss(truth[1000:], LogitPool.even(2, 3)([knows[1000:], noise[1000:]]))
    assert losses[0] < losses[1] + 0.02


def test_pool_of_independent_models_is_surer_than_each(rng):
    truth = rng.integers(3, size=4000)
    parts = [softmax(rng.normal(size=(4000, 3)) + np.eye(3)[truth], axis=1) for _ in range(2)]
    pool = LogitPool.fit([p[:2000] for p in parts], truth[:2000])
    assert pool.weights == pytest.approx([1.0, 1.0], abs=0.2)
    assert log_loss(truth[2000:], pool([p[2000:] for p in parts])) < 0.9 * min(
        log_loss(truth[2000:], p[2000:]) for p in parts
    )


def test_pool_of_few_cells_stays_near_the_even_one(rng):
    parts = rng.dirichlet(np.ones(4), size=(3, 5))
    codes = np.array([0, 1, 2, 0, 1])
    pool = LogitPool.fit(list(parts), codes)
    assert np.abs(np.log(3 * pool.weights)).max() < 1  # less than a standard deviation of the prior
    assert np.abs(pool.offset).max() < 1
    held = LogitPool.fit(list(parts), codes, ridge=2)
    assert np.abs(held.offset).max() < np.abs(pool.offset).max()
    np.testing.assert_allclose(held.weights, 1 / 3, rtol=0.3)
    assert np.abs(held.offset).max() < 0.5


def test_pool_of_some_cells_believes_the_better_model(rng):
    truth = rng.integers(3, size=1100)
    knows, noise = rng.normal(size=(2, 1100, 3))
    parts = [softmax(knows + 3 * np.eye(3)[truth], axis=1), softmax(noise, axis=1)]
    pool = LogitPool.fit([p[:100] for p in parts], truth[:100])
    found = pool([p[100:] for p in parts]).argmax(axis=1)
    alone, even = parts[0][100:].argmax(axis=1), LogitPool.even(2, 3)([p[100:] for p in parts])
    right = [(calls == truth[100:]).mean() for calls in (even.argmax(axis=1), found, alone)]
    assert right[0] < right[1] - 0.02
    assert right[1] > right[2] - 0.01


def test_without_cells_the_pool_is_even():
    pool = LogitPool.fit([np.empty((0, 3))] * 2, np.empty(0, dtype=int))
    assert pool.weights.tolist() == [0.5, 0.5]
    assert not pool.offset.any()
