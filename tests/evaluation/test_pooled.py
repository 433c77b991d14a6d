from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.naive_bayes import GaussianNB

from scrna_longformer.evaluation import (
    METRICS,
    FoldResult,
    cross_validate,
    make_splits,
    pairwise_table,
    score,
    summary_table,
)
from scrna_longformer.evaluation._pooled import lacks_a_class, pool, pseudo_scores


@pytest.fixture
def patients(rng: np.random.Generator) -> tuple[list[FoldResult], np.ndarray, np.ndarray]:
    """Twelve patients of unlike size, each with one diagnosis, and each left out once."""
    patient = np.repeat(np.arange(12), np.arange(6, 18))
    codes = patient % 3 // 2
    X = rng.normal(size=(len(codes), 3)) + 1.2 * np.eye(2, 3)[codes]
    models = {"Gauss": GaussianNB(), "always": DummyClassifier(strategy="prior")}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Classes in fewer groups")
        splits = make_splits(codes, split="leave_one_group_out", groups=patient)
    return cross_validate(models, X, codes, splits), codes, patient


def test_ordinary_folds_are_scored_one_by_one(rng: np.random.Generator) -> None:
    codes = rng.permutation(np.repeat([0, 1, 2], 20))
    X = rng.normal(size=(60, 3)) + np.eye(3)[codes]
    found = cross_validate({"m": GaussianNB()}, X, codes, make_splits(codes, n_repeats=2))
    assert not lacks_a_class(found, codes)
    table = summary_table(found, codes).set_index("metric")
    for metric in METRICS:
        mean = np.mean([result.metrics[metric] for result in found])
        assert table.loc[metric, "mean"] == pytest.approx(mean)


def test_scores_of_folds_of_one_class_are_those_of_all_their_cells(patients: tuple) -> None:
    results, codes, patient = patients
    assert lacks_a_class(results, codes)
    table = summary_table(results, codes, patient).set_index(["model", "metric"])
    for model in ("Gauss", "always"):
        proba = np.zeros((len(codes), 2), dtype=np.float32)
        for result in (r for r in results if r.model == model):
            proba[result.test] = result.proba
        expected = score(codes, proba)
        for metric in METRICS:
            row = table.loc[(model, metric)]
            assert row["mean"] == pytest.approx(expected[metric], abs=1e-9), metric
            assert row["low"] <= row["mean"] <= row["high"]
    # fold by fold, one answer for all is right about whole patients, and has no correlation
    assert table.loc[("Gauss", "mcc"), "mean"] > 0.4
    assert np.mean([r.metrics["mcc"] for r in results]) == 0
    always = np.mean([r.metrics["macro_f1"] for r in results if r.model == "always"])
    assert always > table.loc[("always", "macro_f1"), "mean"] + 0.1


def test_differences_are_those_of_the_scores(patients: tuple) -> None:
    results, codes, patient = patients
    table = summary_table(results, codes, patient).set_index(["model", "metric"])["mean"]
    pairs = pairwise_table(results, codes, patient).set_index("metric")
    for metric in METRICS:
        expected = table["Gauss", metric] - table["always", metric]
        assert pairs.loc[metric, "difference"] == pytest.approx(expected, abs=1e-9)
    assert pairs.loc["mcc", "p_cells"] < 0.01
    assert pairs.loc["macro_f1", "p_value"] < 0.05
    assert (pairs["n"] == 12).all()


def test_only_folds_that_both_finished_are_pooled(patients: tuple) -> None:
    results, codes, patient = patients
    some = [r for r in results if r.model == "always" or r.fold < 6]
    pairs = pairwise_table(some, codes, patient).set_index("metric")
    both = [r for r in results if r.fold < 6]
    expected = pairwise_table(both, codes, patient).set_index("metric")
    np.testing.assert_array_equal(pairs["difference"], expected["difference"])
    np.testing.assert_array_equal(pairs["p_value"], expected["p_value"])


def test_what_folds_of_equal_size_add_to_accuracy_is_their_accuracy(
    rng: np.random.Generator,
) -> None:
    codes = rng.permutation(np.repeat([0, 1], 20))
    X = rng.normal(size=(40, 2)) + codes[:, None]
    found = cross_validate({"m": GaussianNB()}, X, codes, make_splits(codes, n_splits=4))
    added = pseudo_scores(found, codes)
    for result in found:
        assert added[result.key]["accuracy"] == pytest.approx(result.metrics["accuracy"])
    (whole,) = pool(found, codes)
    assert np.mean([of_fold["macro_f1"] for of_fold in added.values()]) == pytest.approx(
        whole.metrics["macro_f1"], abs=0.02
    )


def test_a_class_of_three_cells_is_scored_once_not_in_three_folds(
    rng: np.random.Generator,
) -> None:
    estimates, truths = [], []
    sizes = [60, 30, 3]
    centres = rng.normal(size=(3, 4))
    codes = np.repeat(np.arange(3), sizes)
    for run in range(60):
        X = centres[codes] + rng.normal(size=(len(codes), 4))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Classes in fewer cells")
            splits = make_splits(codes, random_state=run)
        found = cross_validate({"m": GaussianNB(var_smoothing=0.1)}, X, codes, splits)
        table = summary_table(found, codes).set_index("metric")
        estimates.append(table.loc["balanced_accuracy", "mean"])
        fresh = rng.choice(3, 3000, p=np.array(sizes) / sum(sizes))
        model = GaussianNB(var_smoothing=0.1).fit(X[splits[0].train], codes[splits[0].train])
        proba = model.predict_proba(centres[fresh] + rng.normal(size=(3000, 4)))
        truths.append(score(fresh, proba)["balanced_accuracy"])
    # the mean over folds that have the class and folds that have not is 0.1 too high here
    assert np.mean(estimates) == pytest.approx(np.mean(truths), abs=0.04)
