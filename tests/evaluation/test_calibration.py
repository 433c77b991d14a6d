from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from scrna_longformer._random import generator
from scrna_longformer.evaluation import (
    BASELINES,
    MORE_BASELINES,
    LogitScaled,
    LogitScaling,
    count_parameters,
    cross_validate,
    expected_calibration_error,
    make_splits,
    reliability_table,
    run_table,
    score,
)
from scrna_longformer.evaluation._calibration import with_scaling
from scrna_longformer.train import LongformerClassifier


def draws(rng: np.random.Generator, n: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from known probabilities, and those probabilities sharpened by a temperature."""
    logits = rng.normal(size=(n, 4)) * 2
    true = softmax(logits, axis=1)
    codes = (rng.random((n, 1)) > true.cumsum(axis=1)).sum(axis=1)
    return codes, softmax(logits * temperature, axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_sharpened_is_found(rng: np.random.Generator, temperature: float):
    codes, proba = draws(rng, 20_000, temperature)
    assert 1 / LogitScaling.fit(proba, codes).slope == pytest.approx(temperature, rel=0.05)


def test_few_cells_all_correct_do_not_make_it_certain():
    proba = np.tile([0.8, 0.2], (12, 1))
    scaled = LogitScaling.fit(proba, np.zeros(12, dtype=int))(proba[:1])
    assert 0.8 < scaled[0, 0] < 0.999  # without a prior: 1
    nothing = LogitScaling.fit(proba[:0], np.empty(0, dtype=int))
    np.testing.assert_allclose(nothing(proba), proba)


def test_zeros_do_not_break_it():
    proba = np.tile([1.0, 0.0], (50, 1))  # fifteen neighbours agree, and are wrong once in five
    codes = (np.arange(50) % 5 == 0).astype(int)
    scaled = LogitScaling.fit(proba, codes)(proba)
    assert 0.7 < scaled[0, 0] < 0.95
    assert np.isfinite(score(codes, scaled)["log_loss"])


def test_the_scaling_is_the_best_there_is(rng: np.random.Generator):
    """By its own objective: penalised likelihood, which any step away from it makes worse."""
    codes, proba = draws(rng, 400, 2.0)
    gone = codes == 3
    codes[gone] = rng.integers(3, size=gone.sum())  # shares that offsets must make up for
    found = LogitScaling.fit(proba, codes)

    def loss(slope: float, offset: np.ndarray) -> float:
        scaled = LogitScaling(slope, offset)(proba)
        prior = (np.log(slope) ** 2 + offset @ offset) * 0.005 / 2
        return float(prior - np.log(scaled[np.arange(400), codes]).mean())

    best = loss(found.slope, found.offset)
    for change in (-0.05, 0.05):
        assert best < loss(found.slope * (1 + change), found.offset)
        for k in range(4):
            assert best < loss(found.slope, found.offset + change * np.eye(4)[k])


@pytest.mark.parametrize("n_unseen", [9, 10])
def test_fewer_than_ten_unseen_cells_scale_nothing(rng: np.random.Generator, n_unseen: int):
    codes, proba = draws(rng, n_unseen, 2.0)
    codes[:4] = range(4)
    kept = LogitScaled(KeepsFolds()).fit(proba, codes)
    y = np.tile([0, 1], 5 * n_unseen)[: 5 * n_unseen]
    aside = LogitScaled(GaussianNB()).fit(rng.normal(size=(len(y), 2)) + y[:, None], y)
    for scaled in (kept, aside):
        assert (scaled.temperature_ == 1) == (n_unseen < 10)


def test_scores_are_those_of_the_scaled_contestant(correlated: tuple):
    X, codes = correlated
    split = make_splits(codes, n_splits=3)[1]
    (found,) = cross_validate(
        {"Bayes": GaussianNB()}, X, codes, [split], calibrate=True, random_state=4
    )
    fold_seed = int(generator(4, split.repeat, split.fold).integers(2**31))
    scaled = LogitScaled(GaussianNB(), random_state=fold_seed).fit(
        X[split.train], codes[split.train]
    )
    expected = score(codes[split.test], scaled.predict_proba(X[split.test]))
    assert found.metrics == pytest.approx(expected, abs=1e-6)
    assert found.temperature == scaled.temperature_


def test_offsets_give_a_rare_class_its_share_again(rng: np.random.Generator):
    """Class weights make it as probable as the common one; one temperature cannot take that back."""
    codes = rng.permutation(np.repeat([0, 1], [950, 50]))
    X = rng.normal(size=(1000, 1)) + codes[:, None]
    balanced = LogisticRegression(class_weight="balanced")
    before = balanced.fit(X, codes).predict_proba(X)[:, 1].mean()
    scaled = LogitScaled(balanced).fit(X, codes)
    after = scaled.predict_proba(X)[:, 1].mean()
    assert before > 0.25
    assert after == pytest.approx(0.05, abs=0.03)
    assert scaled.scaling_.offset[0] - scaled.scaling_.offset[1] > 1
    assert (scaled.predict(X) == 1).mean() < (balanced.predict(X) == 1).mean()


@pytest.fixture
def correlated(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Three classes and one informative gene, copied ten times: naive Bayes is much too sure."""
    codes = rng.permutation(np.repeat([0, 1, 2], 200))
    return np.repeat(rng.normal(size=(600, 1)) + codes[:, None], 10, axis=1), codes


def test_scaling_mends_confidence(correlated: tuple):
    X, codes = correlated
    splits = make_splits(codes, n_splits=3)
    bare, scaled = (
        cross_validate({"Bayes": GaussianNB()}, X, codes, splits, calibrate=calibrate)
        for calibrate in (False, True)
    )
    for before, after in zip(bare, scaled, strict=True):
        # classes of one size: offsets are small, and few cells between two classes change sides
        assert (before.proba.argmax(axis=1) == after.proba.argmax(axis=1)).mean() > 0.85
        assert after.metrics["log_loss"] < before.metrics["log_loss"] / 2
        assert after.metrics["ece"] < before.metrics["ece"] / 2  # 200 cells: bins of noise
        assert after.temperature > 3
        assert np.isnan(before.temperature)
    assert run_table(scaled)["temperature"].tolist() == [r.temperature for r in scaled]


def test_test_cells_take_no_part(correlated: tuple):
    X, codes = correlated
    split = make_splits(codes, n_splits=3)[0]
    spoilt = X.copy()
    spoilt[split.test] = 1e3
    shuffled = codes.copy()
    shuffled[split.test] = codes[split.test][::-1]
    honest, blind = (
        cross_validate({"Bayes": GaussianNB()}, x, y, [split], calibrate=True)[0].temperature
        for x, y in ((X, codes), (spoilt, shuffled))
    )
    assert honest == blind


class Recorder(ClassifierMixin, BaseEstimator):
    """Notes the rows of every fit and prediction."""

    fits: list[list[int]] = []  # noqa: RUF012
    predictions: list[list[int]] = []  # noqa: RUF012

    def fit(self, X: np.ndarray, y: np.ndarray) -> Recorder:
        self.classes_ = np.unique(y)
        Recorder.fits.append(X[:, 0].astype(int).tolist())
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        Recorder.predictions.append(X[:, 0].astype(int).tolist())
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_the_scaling_comes_from_rows_that_its_model_has_not_seen():
    Recorder.fits, Recorder.predictions = [], []
    y = np.repeat(["B", "T"], 50)
    LogitScaled(Recorder(), fraction=0.2).fit(np.arange(100.0)[:, None], y)
    whole, inner = Recorder.fits
    (aside,) = Recorder.predictions
    assert whole == list(range(100))
    assert not set(inner) & set(aside)
    assert sorted(inner + aside) == whole
    assert [sum(row < 50 for row in aside), len(aside)] == [10, 20]  # the same share of each class


class KeepsFolds(GaussianNB):
    """Keeps out-of-fold probabilities that are too sure by a known temperature."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> KeepsFolds:
        self.out_of_fold_ = X[:, :4]
        Recorder.fits.append([])
        return super().fit(X, y)


def test_kept_out_of_fold_probabilities_save_the_inner_fit(rng: np.random.Generator):
    Recorder.fits = []
    codes, proba = draws(rng, 5000, 2.0)
    fitted = LogitScaled(KeepsFolds()).fit(proba, codes)
    assert fitted.temperature_ == pytest.approx(2, rel=0.1)
    assert len(Recorder.fits) == 1


def test_what_is_calibrated_inside_is_left_alone():
    class Inside(GaussianNB):
        calibrated_inside = True

    for estimator in (Inside(), CalibratedClassifierCV(GaussianNB()), DummyClassifier()):
        assert with_scaling(estimator, 0) is estimator
    scaled = with_scaling(GaussianNB(), 0)
    assert isinstance(scaled, LogitScaled)
    assert with_scaling(scaled, 0) is scaled


def test_every_named_contestant_is_scaled_but_those_calibrated_inside_and_the_guesses():
    named = {**BASELINES, **MORE_BASELINES}
    named.pop("xgboost")  # an optional package
    scaled = {n: with_scaling(make(0), 0) for n, make in named.items()}
    bare = {n for n, model in scaled.items() if not isinstance(model, LogitScaled)}
    assert bare == {"majority", "stratified_random", "simple_mean"}
    assert named["simple_mean"](0).calibrated_inside
    assert LongformerClassifier.calibrated_inside


def test_parameters_are_those_of_the_classifier(correlated: tuple):
    X, codes = correlated
    scaled = LogitScaled(LogisticRegression()).fit(X, codes)
    assert count_parameters(scaled) == 3 * 10 + 3


def test_classes_of_one_cell_do_not_stop_it(correlated: tuple):
    X, codes = correlated
    codes = codes.copy()
    codes[0] = 3
    scaled = LogitScaled(RandomForestClassifier(5, random_state=0)).fit(X, codes)
    assert scaled.predict_proba(X).shape == (600, 4)
    assert set(scaled.predict(X)) <= {0, 1, 2, 3}


def test_reliability_bins_add_up_to_the_calibration_error(correlated: tuple):
    X, codes = correlated
    results = cross_validate({"Bayes": GaussianNB()}, X, codes, make_splits(codes, n_repeats=2))
    table = reliability_table(results, codes)
    truth = np.concatenate([codes[r.test] for r in results])
    proba = np.concatenate([r.proba for r in results]).astype(float)
    weights = table["n_cells"] / table["n_cells"].sum()
    error = (weights * (table["confidence"] - table["accuracy"]).abs()).sum()
    assert table["n_cells"].sum() == 1200
    assert error == pytest.approx(expected_calibration_error(truth, proba))
    # oracle: one bin counted by hand
    row = table.iloc[-2]
    sure = proba.max(axis=1)
    inside = (sure >= row["low"]) & (sure < row["high"])
    assert row["n_cells"] == inside.sum()
    assert row["confidence"] == pytest.approx(sure[inside].mean())
    assert row["accuracy"] == pytest.approx((proba.argmax(axis=1) == truth)[inside].mean())
