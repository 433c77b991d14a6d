"""What every contestant that needs no AnnData keeps to (those of the default: test_baselines)."""

from __future__ import annotations

import numpy as np
import pytest
import scanpy as sc
from anndata import AnnData
from scipy import sparse
from scipy.special import softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from scrna_longformer.evaluation import (
    BASELINES,
    MORE_BASELINES,
    BalancedClassifier,
    MarkerScoring,
    TunedClassifier,
    score,
    terms_of,
)

LEARNING = [name for name in MORE_BASELINES if name not in ("stratified_random", "xgboost")]


def log_cells(
    rng: np.random.Generator, n_cells: int = 150, n_genes: int = 80
) -> tuple[np.ndarray, np.ndarray]:
    """Log CP10k of simulated counts, a tenth of the genes marking each of three classes."""
    codes = rng.permutation(np.arange(n_cells) % 3)
    rate = rng.gamma(0.5, 1.0, n_genes) + 0.1
    marked = np.arange(n_genes) % 8 == codes[:, None]
    counts = rng.poisson(rate * np.where(marked, 4.0, 1.0) * rng.uniform(0.5, 2, (n_cells, 1)))
    counts[:, 0] = 1
    return np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True)).astype(np.float32), codes


@pytest.mark.parametrize("name", LEARNING)
def test_contract(name: str, rng: np.random.Generator) -> None:
    """Learns; same seed, same bits, dense or sparse; test cells' own genes change no other cell."""
    X, codes = log_cells(rng)
    X[:, 40] = 0
    model = MORE_BASELINES[name](3).fit(sparse.csr_matrix(X[:100]), codes[:100])
    proba = model.predict_proba(sparse.csr_matrix(X[100:]))
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    majority = BASELINES["majority"](0).fit(X[:100], codes[:100]).predict_proba(X[100:])
    ours, base = (score(codes[100:], p)["macro_f1"] for p in (proba, majority))
    assert ours > base + 0.3

    again = MORE_BASELINES[name](3).fit(X[:100], codes[:100])
    np.testing.assert_array_equal(again.predict_proba(X[100:]), proba)

    canary = X[100:].copy()
    canary[:, 40] = 1.0 + codes[100:]  # a gene that the training cells never show
    np.testing.assert_array_equal(again.predict_proba(canary), proba)


@pytest.mark.parametrize("name", LEARNING)
def test_a_class_of_one_cell_breaks_nothing(name: str, rng: np.random.Generator) -> None:
    X, codes = log_cells(rng, 40, 12)
    codes[0] = 3
    proba = MORE_BASELINES[name](0).fit(X, codes).predict_proba(X)
    assert proba.shape == (40, 4)
    assert np.isfinite(proba).all()


def test_stratified_random_draws_the_shares() -> None:
    codes = np.repeat([0, 1], [300, 100])
    model = MORE_BASELINES["stratified_random"](0).fit(np.zeros((400, 1)), codes)
    assert model.predict_proba(np.zeros((4000, 1)))[:, 0].mean() == pytest.approx(0.75, abs=0.03)


def test_xgboost_or_how_to_get_it(rng: np.random.Generator) -> None:
    X, codes = log_cells(rng)
    try:
        model = MORE_BASELINES["xgboost"](0)
    except ImportError as error:
        assert "pip install 'scrna-longformer[baselines]'" in str(error)  # noqa: PT017
        return
    names = np.array(["B", "NK", "T"])[codes]
    proba = model.fit(sparse.csr_matrix(X[:100]), names[:100]).predict_proba(X[100:])
    assert score(codes[100:], proba)["macro_f1"] > 0.7
    assert list(model.classes_) == ["B", "NK", "T"]


@pytest.mark.parametrize("make", [*BASELINES.values(), *MORE_BASELINES.values()])
def test_every_contestant_states_its_terms(make: object) -> None:
    terms = terms_of(make)
    assert "as given" not in (terms.inputs, terms.class_weights, terms.tuning)


def test_marker_scores_are_those_of_scanpy(rng: np.random.Generator) -> None:
    X, codes = log_cells(rng, 150, 200)
    model = MarkerScoring(n_markers=8, n_controls=1000, n_levels=10).fit(X, codes)
    adata = AnnData(X)
    for k, markers in enumerate(model.markers_):
        sc.tl.score_genes(adata, adata.var_names[markers], ctrl_size=1000, n_bins=10)
        np.testing.assert_allclose(X @ model.weights_[:, k], adata.obs["score"], atol=1e-5)


def test_markers_are_found(rng: np.random.Generator) -> None:
    X, codes = log_cells(rng)
    model = MarkerScoring(n_markers=5).fit(X, codes)
    for k, markers in enumerate(model.markers_):
        assert np.mean(markers % 8 == k) >= 0.8


def test_balanced_is_bayes_rule(rng: np.random.Generator) -> None:
    codes = np.repeat([0, 1], [180, 20])
    X = rng.normal(size=(200, 3)) + codes[:, None]
    ours = BalancedClassifier(GaussianNB()).fit(X, codes).predict_proba(X)
    theirs = GaussianNB(priors=[0.5, 0.5]).fit(X, codes).predict_proba(X)
    np.testing.assert_allclose(ours, theirs, atol=1e-10)


def test_balanced_lda_has_equal_priors(rng: np.random.Generator) -> None:
    """Up to the pooling of the class covariances, which scikit-learn weights by the priors."""
    codes = np.repeat([0, 1], [180, 20])
    X = rng.normal(size=(200, 3)) + codes[:, None]
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=1.0)
    ours = BalancedClassifier(lda).fit(X, codes).predict_proba(X)
    theirs = lda.set_params(priors=[0.5, 0.5]).fit(X, codes).predict_proba(X)
    assert np.abs(ours - theirs).max() < 0.05


def test_value_is_the_best_of_the_inner_folds(rng: np.random.Generator) -> None:
    codes = np.arange(120) % 2
    X = rng.normal(size=(120, 40))
    X[:, 0] += 2 * codes
    tuned = TunedClassifier(
        FunctionTransformer(),
        LogisticRegression(class_weight="balanced"),
        parameter="C",
        values=(1e-4, 0.1, 1e4),
    ).fit(X, codes)
    assert tuned.value_ == 0.1  # the others shrink the one good feature away, or fit the noise
    fixed = LogisticRegression(class_weight="balanced", C=0.1).fit(X, codes)
    np.testing.assert_allclose(tuned.predict_proba(X), fixed.predict_proba(X), atol=1e-6)
    assert tuned.out_of_fold_.shape == (120, 2)
    loss = -np.log(tuned.out_of_fold_[np.arange(120), codes]).mean()
    assert loss > -np.log(tuned.predict_proba(X)[np.arange(120), codes]).mean()  # not in sample


def test_decision_values_get_the_best_temperature(rng: np.random.Generator) -> None:
    codes = np.arange(150) % 3
    X = rng.normal(size=(150, 5)) + 1.5 * np.eye(3, 5)[codes]
    tuned = TunedClassifier(
        FunctionTransformer(), LinearSVC(random_state=0), parameter="C", values=(1.0,)
    ).fit(X, codes)
    decision = LinearSVC(random_state=0).fit(X, codes).decision_function(X)
    np.testing.assert_allclose(
        tuned.predict_proba(X), softmax(decision / tuned.temperature_, axis=1), atol=1e-6
    )
    log_odds = np.log(tuned.out_of_fold_)

    def loss(factor: float) -> float:
        return -np.log(softmax(log_odds / factor, axis=1)[np.arange(150), codes]).mean()

    assert loss(1.0) < min(loss(0.9), loss(1.1))
