from __future__ import annotations

import json
import zlib

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from scrna_longformer.evaluation import BASELINES, cross_validate, make_splits
from scrna_longformer.evaluation._pooled import pool
from scrna_longformer.evaluation._probe import exchange_genes, probe
from scrna_longformer.evaluation.checks import (
    CheckInputs,
    CheckResult,
    PermutedFit,
    Provenance,
    caveats,
    check_table,
    components,
    confounding,
    constant_prediction,
    excluded,
    input_ignored,
    is_void,
    linear_null,
    no_signal,
    no_skill,
    permuted_labels,
    run_checks,
    trained_on_permuted,
)
from scrna_longformer.evaluation.checks._linear import linear_proba


@pytest.fixture
def cells(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    codes = rng.permutation(np.arange(150) % 3)
    rate = np.where(np.arange(60) % 12 == codes[:, None], 3.0, 1.5)
    counts = rng.poisson(rate)
    return np.log1p(100 * counts / counts.sum(axis=1, keepdims=True)), codes


def checked(models: dict, X: np.ndarray, codes: np.ndarray) -> list[CheckResult]:
    splits = make_splits(codes, n_splits=3)
    results = cross_validate(models, X, codes, splits, probes=True)
    known = Provenance(kind="planted")
    return run_checks(CheckInputs(X, codes, splits, results, models, provenance=known))


def fired(results: list[CheckResult]) -> set[tuple[str, str]]:
    return {(r.name, r.subject) for r in results if r.fired}


def test_good_models_pass(cells) -> None:
    models = {"weak": LogisticRegression(C=0.03), "strong": LogisticRegression(C=0.3)}
    results = checked(models, *cells)
    assert fired(results) == set()
    assert not is_void(results)
    assert len(results) == 8 + 2 * 5


def test_useless_models_are_named(cells) -> None:
    models = {
        "good": LogisticRegression(C=0.1),
        "constant": DummyClassifier(strategy="prior"),
        "random": DummyClassifier(strategy="stratified"),
        "stump": DecisionTreeClassifier(max_depth=1),
        "tree": DecisionTreeClassifier(random_state=0),
    }
    results = checked(models, *cells)
    assert fired(results) == {
        ("constant_prediction", "constant"),
        ("input_ignored", "constant"),
        ("input_ignored", "random"),
        ("underfitting", "constant"),
        ("underfitting", "stump"),
        ("overfitting", "tree"),
    }
    assert excluded(results) == ["constant", "random"]
    assert len(caveats(results)) == 2


def test_who_is_too_slow_for_permuted_labels_is_named(cells, monkeypatch) -> None:
    monkeypatch.setattr("scrna_longformer.evaluation.checks._run.MOST_SECONDS", 0.0)
    results = checked({"mine": LogisticRegression(C=0.1)}, *cells)
    what = next(result.what for result in results if result.name == "permuted_labels")
    assert what.endswith(" Not trained on them: mine (too slow).")


@pytest.mark.parametrize(
    ("model", "check"),
    [
        (DecisionTreeClassifier(random_state=0), "overfitting"),
        (DecisionTreeClassifier(max_depth=1), "underfitting"),
    ],
)
def test_a_contestant_alone_has_a_rival_in_the_checks(cells, model, check) -> None:
    results = checked({"alone": model}, *cells)
    assert fired(results) == {(check, "alone")}
    what = next(result.what for result in results if result.name == check)
    assert "; a linear model on components has 0.82 on test cells" in what


def test_collapse_to_the_prior_of_the_prototype_is_caught(rng: np.random.Generator) -> None:
    """The spread over cells that its checkpoints had: 0.005 around the class shares."""
    sizes = np.array([335, 163, 114, 111, 54, 54, 49, 15, 5])
    truth = np.repeat(np.arange(9), sizes)
    proba = sizes / sizes.sum() + 0.005 * rng.standard_normal((900, 9))
    found = constant_prediction([proba], [truth], model="prototype")
    assert found.fired
    assert found.evidence["n_predicted"] == 1


def test_rare_classes_do_not_make_a_good_model_constant(rng: np.random.Generator) -> None:
    truth = np.r_[np.zeros(970, dtype=int), np.ones(30, dtype=int)]
    proba = 0.1 + 0.8 * np.eye(2)[truth]
    assert not constant_prediction([proba], [truth]).fired
    proba[truth == 1] = [0.6, 0.4]
    assert constant_prediction([proba], [truth]).fired


def test_probe_measures_what_it_says(cells) -> None:
    X, codes = cells
    split = make_splits(codes, n_splits=3)[0]
    model = LogisticRegression(C=0.1).fit(X[split.train], codes[split.train])
    found = probe(model, X, codes, split, random_state=0)
    assert found == probe(model, X, codes, split, random_state=0)
    assert found["again"] == 0
    assert found["following"] == pytest.approx(0, abs=1e-6)
    assert found["rows"] > 0.2
    assert found["noise"] > 0.1
    expected = model.score(X[split.train], codes[split.train])  # all of them: fewer than 200
    assert found["train_accuracy"] == pytest.approx(expected)


def test_rare_classes_do_not_make_a_good_model_ignore_its_input(rng: np.random.Generator) -> None:
    codes = rng.permutation(np.r_[np.zeros(1490, dtype=int), np.ones(10, dtype=int)])
    X = rng.normal(size=(1500, 5))
    X[:, 0] += 8 * codes
    probes = []
    for split in make_splits(codes, n_splits=5):
        model = LogisticRegression(C=100).fit(X[split.train], codes[split.train])
        probes.append(probe(model, X, codes, split, random_state=0))
    assert not input_ignored(probes).fired


def test_exchanged_genes_leave_cells_their_values(rng: np.random.Generator) -> None:
    X = rng.random((20, 5))
    exchanged = exchange_genes(X, rng)
    np.testing.assert_array_equal(np.sort(exchanged, axis=1), np.sort(X, axis=1))
    assert not np.array_equal(exchanged, X)


def test_answers_by_place_do_not_follow() -> None:
    probes = [{"again": 0.0, "rows": 0.0, "noise": 0.0, "following": 0.5}]
    assert "order" in input_ignored(probes, model="m").what
    drawn = [{"again": 0.5, "rows": 0.5, "noise": 0.5, "following": 0.5}]
    assert input_ignored(drawn).fired


def test_table_has_plain_types_and_faults_first() -> None:
    results = [
        CheckResult("a", "limits", False, "fine", evidence={"x": np.float64(1 / 3)}),
        CheckResult("b", "limits", True, "what", "why", "mend"),
        CheckResult("c", "void", True, "what", "why", "mend", evidence={"n": np.int64(3)}),
    ]
    table = check_table(results)
    assert list(table["check"]) == ["c", "b", "a"]
    assert json.loads(table["evidence"][2]) == {"x": 0.3333}
    assert all(isinstance(t, pd.CategoricalDtype) or t.kind == "b" for t in table.dtypes)
    assert is_void(results)
    assert results[1].text == "what why Mend: mend"
    assert len(check_table([])) == 0


@pytest.fixture
def patients(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells of six patients with one diagnosis each."""
    donors, codes = np.repeat(np.arange(6), 30), np.repeat([0, 1], 90)
    rate = np.where(np.arange(60) % 12 == codes[:, None], 4.0, 1.5)
    return np.log1p(rng.poisson(rate)), codes, donors


@pytest.mark.filterwarnings("ignore:Classes in fewer groups")
def test_folds_without_a_class_are_pooled_for_overfitting(patients) -> None:
    X, codes, donors = patients
    splits = make_splits(codes, groups=donors, split="leave_one_group_out")
    models = {"stump": DecisionTreeClassifier(max_depth=1), "linear": LogisticRegression(C=0.1)}
    results = cross_validate(models, X, codes, splits, probes=True)
    known = Provenance(kind="planted")
    checks = run_checks(CheckInputs(X, codes, splits, results, models, provenance=known))
    whole = {r.model: r.metrics["macro_f1"] for r in pool(results, codes)}
    for check in checks:
        if check.name in ("overfitting", "underfitting"):
            assert check.evidence["test"] == pytest.approx(whole[check.subject])
            assert check.evidence["best_test"] == pytest.approx(max(whole.values()), abs=1e-3)
    by_fold = [r.metrics["macro_f1"] for r in results if r.model == "stump"]
    assert abs(np.mean(by_fold) - whole["stump"]) > 0.02


@pytest.mark.filterwarnings("ignore:Classes in fewer groups")
def test_a_patient_with_one_diagnosis_may_be_left_out(rng: np.random.Generator) -> None:
    donors, codes = np.repeat(np.arange(6), 30), np.repeat([0, 1], 90)
    rate = np.where(np.arange(60) % 12 == codes[:, None], 4.0, 1.5)
    X = np.log1p(rng.poisson(rate))
    splits = make_splits(codes, groups=donors, split="leave_one_group_out")
    models = {"linear": LogisticRegression(max_iter=500), "prior": DummyClassifier()}
    results = cross_validate(models, X, codes, splits, probes=True)
    checks = run_checks(
        CheckInputs(
            X,
            codes,
            splits,
            results,
            models,
            groups=donors,
            batches={"donor": donors},
            provenance=Provenance(kind="planted"),
        )
    )
    assert not is_void(checks)
    assert list(excluded(checks)) == ["prior"]
    assert ("confounding", "") in fired(checks)


def test_folds_of_one_class_without_signal_are_no_signal(rng: np.random.Generator) -> None:
    truth = [np.repeat(i % 2, 30) for i in range(6)]
    noise = {"noise": [rng.dirichlet(np.ones(2), 30) for _ in truth]}
    right = {
        "right": [0.5 * p + 0.5 * np.eye(2)[c] for p, c in zip(noise["noise"], truth, strict=True)]
    }
    assert no_signal(noise, truth).fired
    assert not no_signal(right, truth).fired


def test_flattened_probabilities_are_called_what_they_are(cells) -> None:
    X, codes = cells
    sharp = LogisticRegression(max_iter=500).fit(X, codes).predict_proba(X)
    flat = sharp**0.001 / (sharp**0.001).sum(axis=1, keepdims=True)
    found = constant_prediction([flat], [codes], model="flat")
    assert found.fired
    assert "nearly the same probabilities" in found.what
    assert "commonest" not in found.text
    probes = [{"again": 0.0, "rows": 0.002, "noise": 0.003, "following": 0.0}]
    ignored = input_ignored(probes, model="flat")
    assert ignored.fired
    assert "stay nearly as they are" in ignored.what
    assert "does not look" not in ignored.text
    constant = input_ignored([dict.fromkeys(probes[0], 0.0)], model="constant")
    assert "does not look" in constant.text


class Hashed(LogisticRegression):
    """Answers from a hash of the cell."""

    def predict_proba(self, X):
        seeds = [zlib.crc32(row.tobytes()) for row in X]
        return np.array([np.random.default_rng(s).dirichlet(np.ones(3)) for s in seeds])


class Turned(LogisticRegression):
    """Gives its columns in another order than that of its classes."""

    def predict_proba(self, X):
        return np.roll(super().predict_proba(X), 1, axis=1)


class Mixed(LogisticRegression):
    """Fits labels that it has mixed up."""

    def fit(self, X, y):
        return super().fit(X, np.random.default_rng([1, zlib.crc32(y.tobytes())]).permutation(y))


def test_who_looks_at_the_cells_and_knows_nothing_is_excluded(cells) -> None:
    models = {"good": LogisticRegression(C=0.1), "hashed": Hashed(C=0.1)}
    models |= {"turned": Turned(C=0.1), "mixed": Mixed(C=0.1)}
    results = checked(models, *cells)
    assert not is_void(results)
    assert excluded(results) == ["hashed", "turned", "mixed"]
    found = {r.subject: r for r in results if r.name == "no_skill"}
    assert {name for name, result in found.items() if result.fired} == {"hashed", "turned", "mixed"}
    assert found["good"].evidence["skill"] == pytest.approx(found["good"].evidence["best_skill"])
    assert all(found["hashed"].__dict__[part] for part in ("what", "why", "mend"))


def test_skill_is_not_asked_of_floors_nor_without_signal(cells, rng) -> None:
    X, codes = cells
    floors = {"commonest": BASELINES["majority"], "molecules": BASELINES["depth_only"]}
    models = {"good": LogisticRegression(C=0.1), "hashed": Hashed(C=0.1)}
    asked = {r.subject for r in checked(models | floors, X, codes) if r.name == "no_skill"}
    assert asked == {"good", "hashed"}
    nothing = checked(models, X, rng.permutation(codes))
    assert is_void(nothing)
    assert "no_skill" not in {r.name for r in nothing}


def test_who_follows_other_clusters_in_each_fold_has_no_skill(rng: np.random.Generator) -> None:
    """Far from shuffled labels, as often above as below; a model that is good in most folds passes."""
    fired = 0
    for i in range(30):
        truth = [rng.integers(3, size=40) for _ in range(5)]
        clusters = [np.eye(3)[rng.permutation(3)[codes]] for codes in truth]
        found = no_skill([p + 0.1 * rng.random(p.shape) for p in clusters], truth, random_state=i)
        fired += found.fired
    assert fired >= 27
    good = [(1 - 2 * (k == 0)) * np.eye(3)[codes] for k, codes in enumerate(truth)]
    assert not no_skill(good, truth, best_skill=0.7).fired


def test_level_of_skill(rng: np.random.Generator) -> None:
    truth = [rng.integers(3, size=20) for _ in range(3)]
    passed = sum(
        not no_skill([rng.random((20, 3)) for _ in truth], truth, random_state=i).fired
        for i in range(60)
    )
    assert passed <= 2
    weak = [0.5 * np.eye(3)[codes] + rng.random((20, 3)) for codes in truth]
    assert not no_skill(weak, truth).fired


class Fussy(LogisticRegression):
    """Raises an error on few cells, or gives no probabilities there."""

    def __init__(self, error=KeyError, C=0.1):
        self.error = error
        super().__init__(C=C)

    def fit(self, X, y):
        if len(y) < 90 and self.error is not None:
            raise self.error("too few\ncells")
        return super().fit(X, y)

    def predict_proba(self, X):
        proba = super().predict_proba(X)
        return proba * np.nan if self.error is None and len(X) == 75 else proba


class Floating(LogisticRegression):
    """Has numbers with a point as classes, as the folds allow."""

    def fit(self, X, y):
        return super().fit(X, y.astype(float))


@pytest.mark.parametrize("error", [KeyError, RuntimeError, IndexError, ValueError, None])
def test_errors_on_permuted_labels_are_quoted(cells, error) -> None:
    fit = trained_on_permuted(Fussy(error), *cells)
    assert np.isnan([fit.z, fit.known]).all()
    said = f"{error.__name__}: " if error else "ValueError: `predict_proba` of Fussy gave no prob"
    assert fit.refused.startswith(said)
    assert "\n" not in fit.refused


def test_a_finished_comparison_survives_a_fussy_contestant(cells) -> None:
    results = checked({"fussy": Fussy(), "mine": LogisticRegression(C=0.1)}, *cells)
    assert fired(results) == set()
    found = next(result for result in results if result.name == "permuted_labels")
    assert "Not trained on them: fussy (KeyError: 'too few" in found.what
    assert found.evidence["n_contestants"] == 1


def test_classes_with_a_point_are_codes(cells) -> None:
    assert trained_on_permuted(Floating(C=0.1), *cells) == trained_on_permuted(
        LogisticRegression(C=0.1), *cells
    )


def test_a_contestant_without_a_number_hides_no_other(cells) -> None:
    X, codes = cells
    fits = {"odd": PermutedFit(np.nan, 0.0), "leaky": PermutedFit(5.0, 0.0)}
    found = permuted_labels(components(X), codes, make_splits(codes), contestants=fits)
    assert found.fired
    assert found.evidence["n_contestants"] == 1
    fits["leaky"] = PermutedFit(0.1, 0.0)
    found = permuted_labels(components(X), codes, make_splits(codes), contestants=fits)
    assert not found.fired
    assert "odd (without a number)" in found.what


def test_few_cells_lie_in_few_of_many_donors_by_chance(rng: np.random.Generator) -> None:
    codes = np.repeat([0, 1, 2], [600, 300, 12])
    donors = rng.integers(20, size=(40, len(codes)))
    assert not any(confounding(codes, of_cells).fired for of_cells in donors)
    of_few = np.r_[donors[0][:-12], np.arange(12) % 2]
    found = confounding(codes, of_few, class_names=["T", "B", "DC"])
    assert found.fired
    assert "'DC'" in found.what


@pytest.mark.parametrize("is_real", [False, True])
def test_diagnoses_are_shuffled_over_patients(is_real, rng: np.random.Generator) -> None:
    """A patient is one observation: cells that are alike must not pass for signal of the diagnosis."""
    donors = np.repeat(np.arange(40), 8)
    by_cell, by_group = [], []
    for i in range(6):
        codes = rng.permutation(np.arange(40) % 2)[donors]
        Z = rng.normal(size=(40, 10))[donors] + 0.5 * rng.normal(size=(320, 10))
        Z[:, 0] += 4 * is_real * codes
        splits = make_splits(codes, groups=donors)
        proba = {"linear": linear_proba(Z, codes, splits)}
        truth, groups = ([x[s.test] for s in splits] for x in (codes, donors))
        by_cell.append(no_signal(proba, truth, random_state=i).fired)
        by_group.append(no_signal(proba, truth, groups=groups, random_state=i).fired)
        asked = no_skill(proba["linear"], truth, groups=groups, random_state=i)
        assert asked.fired == by_group[-1]
    assert by_group == [not is_real] * 6
    assert is_real or not all(by_cell)  # shuffles of cells are fooled


@pytest.mark.parametrize("is_real", [False, True])
def test_a_diagnosis_of_many_patients_is_tested_as_such(is_real, rng: np.random.Generator) -> None:
    donors = np.repeat(np.arange(40), 24)
    rate = rng.gamma(8.0, 0.25, size=(40, 20))[donors]
    for _ in range(40):  # until shuffles of cells are fooled
        codes = rng.permutation(np.arange(40) % 2)[donors]
        X = np.log1p(rng.poisson(rate + 2 * is_real * codes[:, None] * (np.arange(20) < 5)))
        splits = make_splits(codes, groups=donors)
        Z, truth = components(X), [codes[s.test] for s in splits]
        null = linear_null(Z, codes, splits)
        if not no_signal({"": linear_proba(Z, codes, splits)}, truth, null=null).fired:
            break
    else:
        pytest.fail("no draw is fit for the test")
    known = Provenance(kind="planted")
    results = run_checks(CheckInputs(X, codes, splits, groups=donors, provenance=known))
    assert ("no_signal" in {r.name for r in results if r.fired}) is not is_real
