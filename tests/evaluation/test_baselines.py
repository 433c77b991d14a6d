from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from scrna_longformer.evaluation import (
    BASELINES,
    MORE_BASELINES,
    CentroidClassifier,
    DepthFeatures,
    TunedLogisticRegression,
    make_splits,
    score,
)
from scrna_longformer.features import GeneScaler, rank_f_test

ON_GENES = [name for name in BASELINES if name not in ("majority", "depth_only")]


def log_cells(
    rng: np.random.Generator, n_cells: int = 150, n_genes: int = 80
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log CP10k of simulated counts, the class of each cell, and its total counts."""
    codes = rng.permutation(np.arange(n_cells) % 3)
    rate = rng.gamma(0.5, 1.0, n_genes) + 0.1
    marked = np.arange(n_genes) % 8 == codes[:, None]
    counts = rng.poisson(rate * np.where(marked, 4.0, 1.0) * rng.uniform(0.5, 2, (n_cells, 1)))
    counts[:, 0] = 1  # a gene with a single count, as any real cell has
    total = counts.sum(axis=1)
    return np.log1p(1e4 * counts / total[:, None]).astype(np.float32), codes, total


@pytest.mark.parametrize("name", ON_GENES)
def test_models_on_genes_learn(name: str, rng: np.random.Generator) -> None:
    X, codes, _ = log_cells(rng)
    X = sparse.csr_matrix(X)
    model = BASELINES[name](0).fit(X[:100], codes[:100])
    assert score(codes[100:], model.predict_proba(X[100:]))["macro_f1"] > 0.7


@pytest.mark.parametrize("name", BASELINES)
def test_same_seed_gives_same_bits_from_dense_and_sparse(
    name: str, rng: np.random.Generator
) -> None:
    X, codes, _ = log_cells(rng)
    first, second = (
        BASELINES[name](3).fit(form(X[:100]), codes[:100]).predict_proba(form(X[100:]))
        for form in (sparse.csr_matrix, np.asarray)
    )
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", BASELINES)
def test_a_gene_that_tells_the_label_of_test_cells_alone_changes_nothing(
    name: str, rng: np.random.Generator
) -> None:
    X, codes, _ = log_cells(rng)
    X[:, 40] = 0
    canary = X.copy()
    canary[100:, 40] = 1.0 + codes[100:]
    model = BASELINES[name](0).fit(sparse.csr_matrix(X[:100]), codes[:100])
    np.testing.assert_array_equal(
        model.predict_proba(sparse.csr_matrix(canary[100:])),
        model.predict_proba(sparse.csr_matrix(X[100:])),
    )


@pytest.mark.parametrize("name", BASELINES)
def test_tiny_classes_do_not_break_a_model(name: str, rng: np.random.Generator) -> None:
    X, codes, _ = log_cells(rng, 40, 12)
    codes[0] = 3  # a class of one cell
    proba = BASELINES[name](0).fit(X, codes).predict_proba(X)
    assert proba.shape == (40, 4)
    assert np.isfinite(proba).all()


def test_majority_predicts_the_shares(rng: np.random.Generator) -> None:
    proba = BASELINES["majority"](0).fit(np.zeros((5, 2)), [0, 0, 0, 1, 1]).predict_proba([[1, 2]])
    np.testing.assert_allclose(proba, [[0.6, 0.4]])


def test_depth_is_read_back_from_log_values(rng: np.random.Generator) -> None:
    X, _, total = log_cells(rng)
    depth = DepthFeatures().fit_transform(sparse.csr_matrix(X))
    np.testing.assert_allclose(depth[:, 0], np.log(total) - np.log(1e4), atol=1e-5)
    np.testing.assert_allclose(depth[:, 1], np.log1p((X > 0).sum(axis=1)))


def test_depth_of_unscaled_counts_is_their_sum(rng: np.random.Generator) -> None:
    counts = rng.poisson(1.0, (60, 30)) + np.eye(60, 30, dtype=int)  # each cell has a count of 1
    counts[:, 0] = 1
    depth = DepthFeatures().fit_transform(np.log1p(counts))
    np.testing.assert_allclose(depth[:, 0], np.log1p(counts.sum(axis=1)))


def test_depth_of_an_empty_cell_is_finite() -> None:
    X = np.log1p([[1.0, 2.0], [2.0, 0.5], [0.0, 0.0]])
    assert np.isfinite(DepthFeatures().fit_transform(X)).all()


def test_centroids_are_class_means_and_temperature_is_the_best(rng: np.random.Generator) -> None:
    codes = np.repeat([0, 1, 2], 30)
    X = rng.normal(size=(90, 5)) + 1.5 * np.eye(3, 5)[codes]
    model = CentroidClassifier().fit(X, codes)
    for code in range(3):
        np.testing.assert_allclose(model.centroids_[code], X[codes == code].mean(axis=0))

    def left_out_loss(temperature: float) -> float:
        losses = []
        for cell in range(90):
            rest = np.arange(90) != cell
            means = np.stack([X[rest & (codes == k)].mean(axis=0) for k in range(3)])
            # the other centroids hold the cell no more than before
            logits = -((X[cell] - means) ** 2).sum(axis=1) / temperature
            losses.append(np.log(np.exp(logits).sum()) - logits[codes[cell]])
        return float(np.mean(losses))

    best = left_out_loss(model.temperature_)
    assert best < left_out_loss(model.temperature_ * 1.05)
    assert best < left_out_loss(model.temperature_ / 1.05)
    assert (model.predict(X) == model.predict_proba(X).argmax(axis=1)).all()


def test_logistic_regression_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    X, codes, _ = log_cells(rng)
    ours = TunedLogisticRegression(20, penalties=(0.01,)).fit(X[:100], codes[:100])
    scaler = GeneScaler(np.sort(rank_f_test(X[:100], codes[:100])[:20])).fit(X[:100])
    theirs = LogisticRegression(C=0.01, class_weight="balanced", max_iter=5000)
    theirs.fit(scaler.transform(X[:100]), codes[:100])
    np.testing.assert_allclose(
        ours.predict_proba(X[100:]), theirs.predict_proba(scaler.transform(X[100:])), atol=1e-5
    )
    assert ours.n_parameters_ == 3 * 20 + 3


def test_penalty_is_the_best_of_inner_folds(rng: np.random.Generator) -> None:
    X, codes, _ = log_cells(rng)
    model = TunedLogisticRegression(20, penalties=(1e-3, 1e-1, 10.0), random_state=5)
    chosen = model.fit(X, codes).C_
    losses = {}
    for penalty in model.penalties:
        proba = np.zeros((150, 3))
        for split in make_splits(codes, n_splits=3, random_state=1):
            fixed = clone(model).set_params(penalties=(penalty,))
            fixed.fit(X[split.train], codes[split.train])
            proba[split.test] = fixed.predict_proba(X[split.test])
        losses[penalty] = log_loss(codes, proba / proba.sum(axis=1, keepdims=True))
    assert chosen == min(losses, key=losses.__getitem__)
    assert max(losses.values()) > 1.2 * min(losses.values())  # else the choice says nothing


@pytest.mark.data
def test_logistic_regression_reaches_its_floor_on_sorted_blood() -> None:
    import scanpy as sc

    import scrna_longformer as sl

    adata = sl.datasets.sorted_pbmc()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    key = adata.uns["dataset"]["label_columns"][0]
    sl.tl.baseline_compare(adata, key, models=["logistic_regression"])
    assert sl.get.baseline_compare(adata).table.loc["logistic_regression", "macro_f1"] >= 0.82


def test_boosting_takes_many_cells_with_a_class_of_one(rng: np.random.Generator) -> None:
    y = np.repeat([0, 1, 2], [6000, 4200, 1])
    X = rng.normal(size=(len(y), 5)).astype(np.float32) + y[:, None]
    for models, name in (
        (BASELINES, "hist_gradient_boosting"),
        (MORE_BASELINES, "gradient_boosting_genes"),
    ):
        model = models[name](0).set_params(values=(1, 2))
        assert model.fit(X, y).predict_proba(X[:3]).shape == (3, 3)


def test_neighbours_are_at_most_the_training_cells(rng: np.random.Generator) -> None:
    y = np.repeat([0, 1], 5)
    X = rng.normal(size=(10, 20)) + 3 * y[:, None]
    model = BASELINES["knn_pca"](0).set_params(values=(40,)).fit(X, y)
    assert model.predict_proba(X).shape == (10, 2)
    every = BASELINES["knn_pca"](0).set_params(values=(10,)).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), every.predict_proba(X))
