"""Queries with fewer molecules than the training cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from scrna_longformer.features import thin_counts
from scrna_longformer.train import LongformerClassifier
from scrna_longformer.train._fitted import FittedLongformer

N_GENES = 400


def drawn(codes: np.ndarray, depth: np.ndarray, seed: int) -> sparse.csr_matrix:
    """Counts of four types whose genes differ a little, at some depth."""
    shares = np.random.default_rng(0).gamma(0.5, 1.0, (1, N_GENES)).repeat(4, axis=0)
    shares *= np.exp(np.random.default_rng(1).normal(0, 0.2, shares.shape))
    shares /= shares.sum(axis=1, keepdims=True)
    counts = np.random.default_rng(seed).poisson(2000 * depth[:, None] * shares[codes])
    return sparse.csr_matrix(counts.astype(np.float32))


def log_values(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    totals = np.asarray(counts.sum(axis=1)).ravel()
    values = sparse.csr_matrix(sparse.diags_array(1e4 / totals) @ counts)
    values.data = np.log1p(values.data)
    return values.astype(np.float32)


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    return np.arange(400) % 4


@pytest.fixture(scope="module", params=["simple", None])
def model(request: pytest.FixtureRequest, codes: np.ndarray) -> LongformerClassifier:
    """Fitted to cells of which those of the last type have a third of the molecules."""
    return LongformerClassifier(
        "tiny",
        n_tokens=64,
        offset=request.param,
        train_options={"max_steps": 300},
        accelerator="cpu",
    ).fit(log_values(drawn(codes, np.where(codes == 3, 1 / 3, 1.0), 2)), codes)


@pytest.fixture(scope="module")
def query() -> sparse.csr_matrix:
    codes = np.arange(400) % 4
    return drawn(codes, np.where(codes == 3, 1 / 3, 1.0), 3)


@pytest.mark.parametrize("depth", [0.5, 0.1])
def test_a_shallow_query_is_found_and_predicted_better(model, query, codes, depth) -> None:
    X = log_values(thin_counts(query, depth, np.random.default_rng(0))[0])
    found = model.predict_all(X)
    assert found.depth == pytest.approx(depth, rel=0.15)
    without = replace(model.fitted_, depth=None).predict(X, model.vocabulary_)
    assert without.depth == 1
    loss, before = (-np.log(p.proba[np.arange(400), codes]).mean() for p in (found, without))
    assert loss < before


def test_a_query_as_deep_as_training_is_left_alone(model, query) -> None:
    X = log_values(query)
    found = model.predict_all(X)
    assert found.depth == 1
    without = replace(model.fitted_, depth=None).predict(X, model.vocabulary_)
    np.testing.assert_array_equal(found.proba, without.proba)


def test_types_that_are_small_are_no_shallow_query(model, query, codes) -> None:
    assert model.predict_all(log_values(query)[codes == 3]).depth == 1


def test_few_cells_are_no_evidence(model, query) -> None:
    X = log_values(thin_counts(query, 0.5, np.random.default_rng(0))[0])
    assert model.predict_all(X[:1]).depth == 1


def test_absent_genes_stay_absent(model, query) -> None:
    """Whatever depth does to their values."""
    X = log_values(thin_counts(query, 0.25, np.random.default_rng(0))[0])
    columns = np.where(np.arange(len(model.vocabulary_)) % 3 == 0, -1, model.vocabulary_)
    found = model.fitted_.predict(X, columns)
    assert found.depth == pytest.approx(0.25, rel=0.2)
    other = X.toarray()
    other[:, np.setdiff1d(np.arange(N_GENES), columns)] = 9.0
    again = model.fitted_.predict(other, columns)
    np.testing.assert_allclose(again.proba, found.proba, atol=1e-6)


def test_it_is_stored_with_the_model(model, query) -> None:
    X = log_values(thin_counts(query, 0.25, np.random.default_rng(0))[0])
    fitted = model.fitted_
    again = FittedLongformer.from_arrays(
        fitted.model.config.to_json(),
        fitted.to_arrays(),
        genes=fitted.genes,
        classes=fitted.classes,
    )
    np.testing.assert_array_equal(
        again.predict(X, model.vocabulary_).proba, model.predict_all(X).proba
    )


def test_values_as_given_know_no_depth(query, codes) -> None:
    options = {"max_steps": 300}
    model = LongformerClassifier(
        "tiny", n_tokens=64, offset=None, input_transform="log", train_options=options
    ).fit(log_values(query), codes)
    X = log_values(thin_counts(query, 0.25, np.random.default_rng(0))[0])
    assert model.fitted_.depth is None
    assert model.predict_all(X).depth == 1
