from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from scrna_longformer.features import GeneScaler, GeneSelector, rank_f_test, rank_variance


@pytest.fixture
def X(rng: np.random.Generator) -> np.ndarray:
    return (rng.gamma(2.0, 1.0, (60, 12)) * (rng.random((60, 12)) < 0.5)).astype(np.float32)


def test_scaler_equals_scikit_learn(X: np.ndarray) -> None:
    ours = GeneScaler(clip=np.inf).fit(X[:40])
    theirs = StandardScaler().fit(X[:40].astype(np.float64))
    np.testing.assert_allclose(ours.transform(X[40:]), theirs.transform(X[40:]), atol=1e-5)


def test_scaler_keeps_the_chosen_genes_of_any_matrix(X: np.ndarray) -> None:
    genes = np.array([7, 2, 9])
    expected = GeneScaler().fit(X[:40, genes]).transform(X[40:, genes])
    for form in (np.asarray, np.float64, sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array):
        scaled = GeneScaler(genes).fit(form(X[:40])).transform(form(X[40:]))
        assert scaled.dtype == np.float32
        np.testing.assert_array_equal(scaled, expected)


def test_scaler_clips(X: np.ndarray) -> None:
    scaler = GeneScaler(clip=2.0).fit(X)
    assert np.abs(scaler.transform(X * 100)).max() == 2.0


def test_gene_unseen_in_training_stays_silent(X: np.ndarray) -> None:
    X[:40, 5] = 0.0
    X[:40, 6] = 0.1  # constant, and not exact in binary
    assert (GeneScaler().fit(X[:40]).transform(X[40:])[:, [5, 6]] == 0).all()


def test_scaler_refuses_another_number_of_genes(X: np.ndarray) -> None:
    with pytest.raises(ValueError, match="12"):
        GeneScaler().fit(X).transform(X[:, :5])


def test_selector_follows_its_ranking(X: np.ndarray) -> None:
    y = np.repeat(["a", "b", "c"], 20)
    codes = np.repeat([0, 1, 2], 20)
    by_f = GeneSelector("f_test", 4).fit(X, y)
    np.testing.assert_array_equal(by_f.genes_, np.sort(rank_f_test(X, codes)[:4]))
    np.testing.assert_array_equal(by_f.transform(sparse.csr_matrix(X)).toarray(), X[:, by_f.genes_])
    unlabelled = GeneSelector("variance", 4).fit(X)
    np.testing.assert_array_equal(unlabelled.genes_, np.sort(rank_variance(X)[:4]))


def test_selector_names_the_known_rankings(X: np.ndarray) -> None:
    with pytest.raises(ValueError, match="'f_test', 'markers' or 'variance', not 'best'"):
        GeneSelector("best").fit(X)  # type: ignore[arg-type]


def test_both_are_cloneable(X: np.ndarray) -> None:
    assert clone(GeneSelector("markers", 3)).get_params() == {"ranking": "markers", "n_genes": 3}
    assert clone(GeneScaler(clip=3.0)).clip == 3.0
