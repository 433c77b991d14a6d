from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.naive_bayes import GaussianNB

from scrna_longformer.evaluation import (
    METRICS,
    cross_validate,
    difference_interval,
    make_splits,
    score,
)
from scrna_longformer.evaluation._absolute import mean_slope
from scrna_longformer.evaluation._jackknife import Influence, influence, leave_out_all
from scrna_longformer.evaluation._leave_out import leave_out


@pytest.fixture
def scored(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    codes = rng.permutation(np.repeat([0, 1, 2, 3], [30, 12, 7, 1]))  # a class of one cell too
    logits = rng.normal(size=(50, 5)) + 1.5 * np.eye(5)[codes]  # and a class of none
    proba = np.exp(logits)
    return codes, (proba / proba.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("grouped", [False, True])
def test_leaving_out_equals_scoring_without(
    scored: tuple[np.ndarray, np.ndarray], grouped: bool
) -> None:
    codes, proba = scored
    units = np.arange(50) % 7 if grouped else np.arange(100, 150)
    left = leave_out(codes, proba, units)
    assert left.whole == pytest.approx(score(codes, proba), abs=1e-12)
    assert set(left.whole) == set(METRICS)
    for position, unit in enumerate(left.units):
        expected = score(codes[units != unit], proba[units != unit])
        found = {name: values[position] for name, values in left.without.items()}
        # linear in the gaps, see below
        del found["ece"], expected["ece"]
        assert found == pytest.approx(expected, abs=1e-12), unit


def test_where_gaps_are_real_the_calibration_error_is_that_without(
    rng: np.random.Generator,
) -> None:
    codes = (rng.random(4000) < 0.5).astype(int)  # sure of everything, right in half of it
    proba = np.column_stack([np.full(4000, 0.9), np.full(4000, 0.1)])
    left = leave_out(codes, proba)
    expected = [score(np.delete(codes, i), np.delete(proba, i, axis=0))["ece"] for i in (0, 7, 99)]
    assert left.without["ece"][[0, 7, 99]] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("truth", [0.0, 1.0, 2.5])
def test_slope_gives_the_variance_of_an_absolute_value(
    rng: np.random.Generator, truth: float
) -> None:
    x = rng.normal(truth, size=200_000)
    known = mean_slope(np.full(1, np.hypot(truth, 1.0)), np.ones(1))  # x**2 as large as expected
    assert known[0] ** 2 == pytest.approx(np.abs(x).var(), rel=0.02)
    # from the noisy value alone it is up to a third too large, which makes intervals a little wide
    assert (mean_slope(x, np.ones_like(x)) ** 2).mean() == pytest.approx(np.abs(x).var(), rel=0.35)


def test_variance_of_the_calibration_error_is_right_where_it_is_luck(
    rng: np.random.Generator,
) -> None:
    scores, variances = [], []
    for _ in range(300):
        sure = rng.uniform(0.5, 1.0, 150)
        codes = (rng.random(150) > sure).astype(int)  # as often right as it says
        left = leave_out(codes, np.column_stack([sure, 1 - sure]))
        change = left.whole["ece"] - left.without["ece"]
        scores.append(left.whole["ece"])
        variances.append((change**2).sum() * 149 / 150)
    # with the slope of the sign it would be more than twice as much
    assert np.mean(variances) == pytest.approx(np.var(scores, ddof=1), rel=0.35)


def test_slope_is_the_sign_where_nothing_is_uncertain() -> None:
    found = mean_slope(np.array([0.0, 2.0, -2.0, 50.0]), np.array([0.0, 0.0, 0.0, 1.0]))
    np.testing.assert_allclose(found, [0, 1, -1, 1], atol=1e-6)


def test_repeats_average_out_what_bins_owe_to_the_folds(rng: np.random.Generator) -> None:
    codes = rng.integers(2, size=300)
    X = np.column_stack([codes + rng.normal(size=300), rng.normal(size=300)])
    found = cross_validate({"m": GaussianNB()}, X, codes, make_splits(codes, n_repeats=5))
    left_out = leave_out_all(found, codes)
    one = influence([r.key for r in found if r.repeat == 0], left_out)
    five = influence([r.key for r in found], left_out)
    assert five.variance("ece") < 0.6 * one.variance("ece")
    assert five.variance("accuracy") > 0.8 * one.variance("accuracy")


def test_a_unit_that_is_all_cannot_be_left_out(scored: tuple[np.ndarray, np.ndarray]) -> None:
    codes, proba = scored
    left = leave_out(codes, proba, np.zeros(50, dtype=int))
    assert all(np.isnan(values).all() for values in left.without.values())


@pytest.fixture
def results(rng: np.random.Generator) -> tuple:
    codes = rng.permutation(np.repeat([0, 1, 2], 30))
    X = rng.normal(size=(90, 3)) + np.eye(3)[codes]
    groups = rng.permutation(np.repeat(np.arange(6), 15))
    return X, codes, groups


def test_variance_of_accuracy_is_that_of_strata(results: tuple) -> None:
    X, codes, _ = results
    found = cross_validate({"m": GaussianNB()}, X, codes, make_splits(codes, n_repeats=2))
    of_model = influence([r.key for r in found], leave_out_all(found, codes))
    expected = []
    for repeat in range(2):
        hits = [r.proba.argmax(axis=1) == codes[r.test] for r in found if r.repeat == repeat]
        expected.append(sum(h.var(ddof=1) / len(h) for h in hits) / 25)
    assert of_model.mean["accuracy"] == pytest.approx(
        np.mean([r.metrics["accuracy"] for r in found])
    )
    assert of_model.variance("accuracy") == pytest.approx(np.mean(expected))
    assert (of_model.n_units, of_model.df, of_model.n_repeats) == (90, 85, 2)


def test_left_out_groups_give_the_variance_of_their_scores(results: tuple) -> None:
    X, codes, groups = results
    splits = make_splits(codes, split="leave_one_group_out", groups=groups)
    found = cross_validate({"m": GaussianNB()}, X, codes, splits, n_seeds=2)
    of_model = influence([r.key for r in found], leave_out_all(found, codes, groups))
    for metric in METRICS:
        values = [r.metrics[metric] for r in found if r.seed == 0]
        assert of_model.variance(metric) == pytest.approx(np.var(values, ddof=1) / 6)
    assert (of_model.n_units, of_model.df) == (6, 5)


def test_equal_contestants_differ_by_nothing(results: tuple) -> None:
    X, codes, _ = results
    models = {"a": GaussianNB(), "b": GaussianNB()}
    found = cross_validate(models, X, codes, make_splits(codes))
    left_out = leave_out_all(found, codes)
    a, b = (influence([r.key for r in found if r.model == m], left_out) for m in "ab")
    assert a.variance("mcc", b) == 0
    assert a.variance("mcc") > 0
    # half a cell each way, of 90: variance 1 / 90^2
    expected = stats.t.ppf(0.975, a.df) / 90
    assert difference_interval(a, b, "accuracy") == pytest.approx((-expected, expected, 1.0))
    assert difference_interval(a, b, "log_loss") == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(("metric", "most"), [("accuracy", 1.0), ("mcc", 2.0), ("brier", 2.0)])
def test_no_difference_is_wider_than_the_score(metric: str, most: float) -> None:
    one, other = (
        Influence({metric: mean}, {metric: np.array([[spread, -spread]])}, 1, 2, 40)
        for mean, spread in ((0.9, 0.2), (0.3, -0.2))
    )
    low, high, _ = difference_interval(one, other, metric)
    assert (low, high) == (-most, most)
