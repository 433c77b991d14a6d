from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from scrna_longformer.evaluation import cross_validate, make_splits
from scrna_longformer.evaluation._probe import exchange_genes, probe
from scrna_longformer.evaluation.checks import (
    CheckInputs,
    CheckResult,
    Provenance,
    caveats,
    check_table,
    constant_prediction,
    excluded,
    input_ignored,
    is_void,
    no_signal,
    run_checks,
)


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
    assert len(results) == 8 + 2 * 4


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
