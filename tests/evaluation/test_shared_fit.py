from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scrna_longformer.evaluation import SimpleMean, cross_validate, make_splits
from scrna_longformer.evaluation._shared_fit import sharing_groups
from scrna_longformer.train import LongformerClassifier

OPTIONS = {"max_steps": 30, "batch_size": 16}
MODELS: dict[str, Any] = {
    "alone": LongformerClassifier("tiny", offset=None, train_options=OPTIONS),
    "hybrid": LongformerClassifier("tiny", train_options=OPTIONS),
    "mean": SimpleMean(),
}


@pytest.fixture(scope="module")
def cells() -> tuple[np.ndarray, np.ndarray]:
    codes = np.repeat([0, 1, 2], 40)
    rates = 1 + 4 * np.eye(3)[codes] @ np.random.default_rng(0).random((3, 30))
    return np.log1p(np.random.default_rng(1).poisson(rates)), codes


def run(
    models: dict[str, Any], cells: tuple[np.ndarray, np.ndarray], **options: Any
) -> dict[tuple, Any]:
    X, codes = cells
    splits = make_splits(codes, n_splits=3)[:2]
    return {result.key: result for result in cross_validate(models, X, codes, splits, **options)}


@pytest.mark.filterwarnings("ignore:LongformerClassifier")  # few steps
def test_what_a_hybrid_begins_with_is_fitted_once_and_changes_nothing(
    cells: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = []
    fit = SimpleMean.fit
    monkeypatch.setattr(SimpleMean, "fit", lambda *a: (fits.append(1), fit(*a))[1])
    together = run(MODELS, cells)
    assert len(fits) == 2  # one per fold
    apart = {k: r for name in MODELS for k, r in run({name: MODELS[name]}, cells).items()}
    assert len(fits) == 2 + 4
    assert list(together) == [(name, 0, fold, 0) for fold in (0, 1) for name in MODELS]
    for key, result in together.items():
        np.testing.assert_array_equal(result.proba, apart[key].proba)
        assert result.n_parameters == apart[key].n_parameters


@pytest.mark.filterwarnings("ignore:LongformerClassifier")
def test_cost_of_a_given_fit_counts(cells: tuple[np.ndarray, np.ndarray]) -> None:
    results = run(MODELS, cells)
    for fold in (0, 1):
        mean, hybrid = results["mean", 0, fold, 0], results["hybrid", 0, fold, 0]
        assert hybrid.fit_seconds > mean.fit_seconds
        assert not hybrid.peak_memory_mb < mean.peak_memory_mb  # NaN where it is not known


@pytest.mark.filterwarnings("ignore:LongformerClassifier")
def test_a_late_simple_model_is_fitted_by_the_hybrid(cells: tuple[np.ndarray, np.ndarray]) -> None:
    first = [result for result in run(MODELS, cells).values() if result.model == "mean"]
    results = run(MODELS, cells, done=first)
    apart = run({"hybrid": MODELS["hybrid"]}, cells)
    for key, result in apart.items():
        np.testing.assert_array_equal(results[key].proba, result.proba)


def test_groups_put_first_what_others_begin_with() -> None:
    assert sharing_groups(MODELS, 0) == [["alone"], ["mean", "hybrid"]]
    other = {"hybrid": MODELS["hybrid"], "smaller": SimpleMean(n_genes=10)}
    assert sharing_groups(other, 0) == [["hybrid"], ["smaller"]]


def test_a_fit_to_other_cells_is_refused(cells: tuple[np.ndarray, np.ndarray]) -> None:
    X, codes = cells
    given = SimpleMean().fit(X[:60], codes[:60])
    with pytest.raises(ValueError, match="`given` was fitted to other cells"):
        MODELS["hybrid"].fit(X, codes, given=given)
