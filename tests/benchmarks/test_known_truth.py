from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.dummy import DummyClassifier


@pytest.fixture
def known_truth(script):
    return script("known_truth")


def _row(structure, n, seed, model, accuracy):
    return {
        "structure": structure, "n": str(n), "seed": str(seed), "model": model,
        "accuracy": str(accuracy), "gate": "nan",
    }  # fmt: skip


def test_training_cells_are_nested_and_never_test_cells(known_truth):
    small, codes = known_truth.simulate("hubs", 300, 0)
    large, _ = known_truth.simulate("hubs", 1000, 0)
    assert small.shape == (3300, 64)
    assert len(codes) == 3300
    assert (small != large[:3300]).nnz == 0
    # every cell sums to 10,000 before the logarithm
    np.testing.assert_allclose(np.expm1(small.toarray()).sum(1), 1e4, rtol=1e-4)


@pytest.mark.parametrize("structure", ["modules", "ratios", "hubs"])
def test_silent_genes_are_added_to_the_same_structure(known_truth, structure):
    narrow, wide = (known_truth.STRUCTURES[name](50) for name in (structure, f"{structure}-256"))
    assert (narrow.n_vars, wide.n_vars) == (64, 256)
    silent = [int(cells.var.isna().all(axis=1).sum()) for cells in (narrow, wide)]
    assert silent[1] - silent[0] == known_truth.N_SILENT


def test_what_is_noted_is_not_computed_again(known_truth, tmp_path, monkeypatch):
    monkeypatch.setattr(known_truth, "N_TEST", 40)
    fitted = []

    def dummy(seed):
        fitted.append(seed)
        return DummyClassifier(strategy="prior")

    save = tmp_path / "scores.csv"
    known_truth.measure(["linear"], [40], [0], {"a": dummy}, save)
    rows = known_truth.measure(["linear"], [40], [0, 1], {"a": dummy, "b": dummy}, save)
    assert fitted == [0, 0, 1, 1]  # not a of seed 0 a second time
    assert [(r["seed"], r["model"]) for r in rows] == [
        ("0", "a"), ("0", "b"), ("1", "a"), ("1", "b"),
    ]  # fmt: skip
    assert known_truth.read(save) == rows


def test_differences_are_paired_and_intervals_those_of_scipy(known_truth):
    rows = [
        _row("modules", 500, seed, model, value)
        for model, values in (("longformer_pure", (0.8, 0.9, 0.7)), ("mlp", (0.6, 0.75)))
        for seed, value in enumerate(values)
    ]
    scores = known_truth.Scores(rows)
    np.testing.assert_allclose(
        scores.difference("modules", 500, "longformer_pure", "mlp"), [0.2, 0.15]
    )
    values = scores.of("modules", 500, "longformer_pure")
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert known_truth.with_interval(values) == f"{(low + high) / 2:.3f} ± {(high - low) / 2:.3f}"


def test_targets_name_the_closest_rival(known_truth):
    models = {"longformer_pure": 0.79, "mlp_equal_budget": 0.80, "quadratic_pca": 0.5}
    rows = [_row("modules", 500, 0, name, value) for name, value in models.items()]
    rows.append(_row("modules", 500, 0, "pure, permuted mask", 0.5))
    found = {line[0]: line[1:] for line in known_truth.targets(known_truth.Scores(rows))}
    assert found == {
        "modules, n = 500: at least 0.80": ["0.790", "no"],
        "modules, n = 500: ahead of all rivals": ["-0.010 to mlp_equal_budget", "no"],
        "modules, n = 500: permuted mask at least 0.25 lower": ["0.290", "yes"],
    }


def test_changes_go_where_they_belong(known_truth):
    name, make = known_truth.changed("n_neighbors=5,weight_decay=0.1,attention=self")
    model = make(3)
    assert name == "pure, n_neighbors=5,weight_decay=0.1,attention=self"
    assert model.n_neighbors == 5
    assert model.train_options == {"weight_decay": 0.1}
    assert model.model_options == {"attention": "self"}
    assert (model.offset, model.random_state) == (None, 3)


def test_the_perceptron_learns_what_no_single_gene_tells(known_truth):
    rng = np.random.default_rng(0)
    X = rng.random((240, 6)).astype(np.float32)
    y = ((X[:, 0] > 0.5) == (X[:, 1] > 0.5)).astype(int)
    model = known_truth.perceptron(0).set_params(train_options={"max_steps": 600})
    state = torch.random.get_rng_state()
    accuracy = (model.fit(X[:200], y[:200]).predict(X[200:]) == y[200:]).mean()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert accuracy > 0.8
