from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from scrna_longformer.evaluation import (
    METRICS,
    calibration_error_by_luck,
    expected_calibration_error,
    per_class_f1,
    score,
)


@pytest.fixture
def scored(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    codes = rng.permutation(np.repeat([0, 1, 2, 3], [60, 25, 10, 5]))
    logits = rng.normal(size=(100, 4)) + 1.5 * np.eye(4)[codes]
    proba = np.exp(logits)
    return codes, proba / proba.sum(axis=1, keepdims=True)


def test_metrics_equal_scikit_learn(scored: tuple[np.ndarray, np.ndarray]) -> None:
    codes, proba = scored
    predicted = proba.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(codes, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(codes, predicted),
        "macro_f1": metrics.f1_score(codes, predicted, average="macro"),
        "weighted_f1": metrics.f1_score(codes, predicted, average="weighted"),
        "mcc": metrics.matthews_corrcoef(codes, predicted),
        "log_loss": metrics.log_loss(codes, proba),
        "brier": sum(metrics.brier_score_loss(codes == k, proba[:, k]) for k in range(4)),
    }
    result = score(codes, proba)
    assert tuple(result) == METRICS
    assert {name: result[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(
        per_class_f1(codes, proba), metrics.f1_score(codes, predicted, average=None)
    )


def test_macro_f1_leaves_absent_classes_out(scored: tuple[np.ndarray, np.ndarray]) -> None:
    codes, proba = scored
    kept = codes != 3
    codes, proba = codes[kept], proba[kept]
    predicted = proba.argmax(axis=1)
    assert (predicted == 3).any()  # else the test says nothing
    expected = metrics.f1_score(codes, predicted, labels=[0, 1, 2], average="macro")
    assert score(codes, proba)["macro_f1"] == pytest.approx(expected)
    assert np.isnan(per_class_f1(codes, proba)[3])


def test_calibration_error_equals_a_loop(scored: tuple[np.ndarray, np.ndarray]) -> None:
    codes, proba = scored
    confidence, correct = proba.max(axis=1), proba.argmax(axis=1) == codes
    expected = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence >= low) & (confidence < low + 1 / 15)
        if inside.any():
            gap = abs(correct[inside].mean() - confidence[inside].mean())
            expected += inside.mean() * gap
    assert expected_calibration_error(codes, proba) == pytest.approx(expected, abs=1e-12)


def test_certain_and_right_is_perfect() -> None:
    result = score(np.array([0, 1, 1]), np.eye(2)[[0, 1, 1]])
    assert result == {
        **dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "mcc"), 1.0),
        **dict.fromkeys(("log_loss", "brier", "ece"), 0.0),
    }


def test_impossible_truth_costs_a_finite_loss() -> None:
    result = score(np.array([1, 0]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert result["log_loss"] == pytest.approx(-np.log(np.finfo(float).eps) / 2)
    assert result["mcc"] == 0.0


@pytest.mark.parametrize("n_cells", [40, 150, 2000])
def test_luck_is_the_error_of_models_that_are_right(rng: np.random.Generator, n_cells: int) -> None:
    proba = rng.dirichlet([1.0, 1.0, 0.3], size=n_cells)
    classes = np.arange(3)
    errors = [
        expected_calibration_error(
            np.array([rng.choice(classes, p=of_cell) for of_cell in proba]), proba
        )
        for _ in range(max(20_000 // n_cells, 60))
    ]
    # of 15 bins of three cells each the normal distribution knows less
    assert calibration_error_by_luck(proba) == pytest.approx(np.mean(errors), rel=0.07)


def test_certainty_leaves_nothing_to_luck() -> None:
    assert calibration_error_by_luck(np.eye(3, dtype=np.float32)) == 0
