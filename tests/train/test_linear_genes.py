"""Genes that enter the pooled vector linearly, beside the tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from scrna_longformer._random import seed
from scrna_longformer.dataloaders._cells import CellMatrix
from scrna_longformer.evaluation._split import holdout
from scrna_longformer.features import rank_f_test
from scrna_longformer.graph import GeneGraph
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.train import LongformerClassifier
from scrna_longformer.train._classifier import _STOPPING
from scrna_longformer.train._fitted import FittedLongformer
from scrna_longformer.train._warm_start import logistic_start

N_TOKENS, N_LINEAR = 12, 30
FEW = {"max_steps": 300, "batch_size": 16}


@pytest.fixture(scope="module")
def cells() -> tuple[sparse.csr_array, np.ndarray]:
    """Log values of counts, 150 cells x 60 genes, and three classes."""
    rng = np.random.default_rng(0)
    codes = np.arange(150) % 3
    rates = 1 + 3 * (np.arange(60) % 3 == codes[:, None])
    counts = rng.poisson(rates)
    return sparse.csr_array(np.log1p(counts / counts.sum(1, keepdims=True) * 1e3)), codes


@pytest.fixture(scope="module")
def fitted(cells) -> LongformerClassifier:
    return fit(cells, model_options={"n_linear": N_LINEAR})


def fit(cells, **options) -> LongformerClassifier:
    X, codes = cells
    options = {"n_tokens": N_TOKENS, "offset": None, "n_neighbors": 3, **options}
    return LongformerClassifier("tiny", train_options=FEW, **options).fit(X, codes)


def test_they_are_the_best_by_f_test_and_may_be_tokens_too(cells, fitted) -> None:
    X, codes = cells
    train, stopping = holdout(codes, 0.1, min_cells=10, random_state=seed(0, _STOPPING))
    best = np.sort(rank_f_test(X[train], codes[train])[:N_LINEAR])
    assert len(stopping)
    assert not np.array_equal(best, np.sort(rank_f_test(*cells)[:N_LINEAR]))
    assert np.array_equal(fitted.linear_index_, best)
    assert fitted.fitted_.model.config.n_linear == N_LINEAR
    assert np.array_equal(fitted.vocabulary_[fitted.fitted_.linear], best)


def test_only_a_linear_start_that_leaves_genes_out_has_them(cells) -> None:
    assert len(fit(cells).linear_index_) == 60  # fewer than a thousand are there
    assert not len(fit(cells, n_tokens="all").linear_index_)
    assert len(fit(cells, offset="simple").linear_index_) == 60
    assert not len(fit(cells, model_options={"token": "additive"}).linear_index_)
    assert not len(fit(cells, model_options={"n_linear": 0}).linear_index_)


def test_they_are_log_values_where_tokens_are_residuals(cells, fitted) -> None:
    X, _ = cells
    assert fitted.input_transform_ == "pearson"
    rows = fitted.fitted_.cells(X[:, fitted.vocabulary_], np.arange(len(fitted.vocabulary_))).rows(
        np.arange(5)
    )
    assert rows.shape == (5, N_TOKENS + N_LINEAR)
    expected = X[:5][:, fitted.linear_index_].toarray()
    np.testing.assert_allclose(rows[:, N_TOKENS:], expected, rtol=1e-6)


def test_the_first_logits_are_those_of_a_regression_on_both(cells) -> None:
    X, codes = cells
    config = LongformerConfig(n_genes=20, n_classes=3, n_linear=40)
    model = GeneLongformer(config, GeneGraph.full(20)).eval()
    view = CellMatrix(X, np.arange(60))
    mean, sd = view.moments(np.arange(150))
    model.standardizer.set_statistics(torch.from_numpy(mean), torch.from_numpy(sd))
    logistic_start(model, view, codes, np.arange(150), seed=0)
    logits = model(torch.from_numpy(view.rows(np.arange(150)))).logits
    z = ((X.toarray() - mean) / sd).astype(np.float32)
    tokens = (model.head.weight * model.pool_scale) @ model.token.direction.T
    linear = model.head.weight @ model.linear.weight * model.pool_scale
    direct = torch.from_numpy(z) @ torch.cat([tokens, linear], dim=1).T
    shift = logits - direct
    torch.testing.assert_close(shift, shift[:1].expand_as(shift), atol=1e-4, rtol=0)
    assert (logits.argmax(1).numpy() == codes).mean() > 0.9


def test_they_say_the_class_where_all_tokens_are_missing(fitted, cells) -> None:
    X, codes = cells
    columns = fitted.vocabulary_.copy()
    columns[np.isin(columns, fitted.token_index_)] = -1
    assert len(np.setdiff1d(fitted.linear_index_, fitted.token_index_)) > 10
    without = fitted.fitted_.predict(X, columns).proba.argmax(axis=1)
    assert (without == codes).mean() > 0.8


def test_missing_ones_enter_at_their_training_mean(fitted, cells) -> None:
    X, _ = cells
    only_linear = np.setdiff1d(fitted.linear_index_, fitted.token_index_)
    columns = fitted.vocabulary_.copy()
    columns[np.isin(columns, only_linear)] = -1
    rows = fitted.fitted_.cells(X, columns).rows(np.arange(3))[:, N_TOKENS:]
    mean = fitted.fitted_.model.standardizer.mean[N_TOKENS:].numpy()
    missing = np.isin(fitted.linear_index_, only_linear)
    assert np.array_equal(rows[:, missing], np.tile(mean[missing], (3, 1)))


def test_arrays_hold_them(fitted, cells) -> None:
    X, _ = cells
    own = fitted.fitted_
    again = FittedLongformer.from_arrays(
        own.model.config.to_json(), own.to_arrays(), genes=own.genes, classes=own.classes
    )
    proba = again.predict(X, fitted.vocabulary_).proba
    assert np.array_equal(proba, fitted.predict_proba(X))
    broken = own.to_arrays()
    del broken["inputs.linear"]
    with pytest.raises(ValueError, match="parts are missing"):
        FittedLongformer.from_arrays(
            own.model.config.to_json(), broken, genes=own.genes, classes=own.classes
        )


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="`n_linear` must be an integer and not negative, not -1"):
        LongformerConfig(n_genes=3, n_classes=2, n_linear=-1)
