from __future__ import annotations

import numpy as np
import pytest
import scanpy as sc
from anndata import AnnData
from scipy import sparse

from scrna_longformer.features import (
    PearsonResiduals,
    has_counts,
    pearson_residuals,
    recover_counts,
)


def _counts(rng, n_cells=80, n_genes=60):
    counts = rng.poisson(rng.gamma(0.5, 2.0, size=(n_cells, n_genes)))
    counts[:, 0] = 1  # so that every cell's smallest count is one
    return counts


@pytest.mark.parametrize("target", [1e4, None, 1e6])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_array])
def test_counts_come_back_exactly(rng, target, form):
    counts = _counts(rng)
    adata = AnnData(sparse.csr_matrix(counts, dtype=np.float32))
    sc.pp.normalize_total(adata, target_sum=target)
    sc.pp.log1p(adata)
    values = form(adata.X.toarray())
    np.testing.assert_array_equal(recover_counts(values).toarray(), counts)
    assert has_counts(values)


def test_cells_without_a_count_of_one(rng):
    counts = np.array([[2, 3, 5, 0], [3, 4, 5, 0], [0, 0, 0, 0], [1, 7, 0, 0]])
    values = np.log1p(counts * np.array([[0.3], [2.0], [1.0], [5.0]]))
    np.testing.assert_array_equal(recover_counts(values).toarray(), counts)


def test_counts_are_taken_as_they_are(rng):
    counts = _counts(rng)
    np.testing.assert_array_equal(recover_counts(counts).toarray(), counts)


def test_one_value_per_cell_is_no_count(rng):
    values = np.zeros((40, 5))
    values[np.arange(40), rng.integers(5, size=40)] = rng.random(40) + 0.5
    assert not has_counts(values)
    assert not has_counts(rng.random((40, 1)) + 0.5)
    assert has_counts(np.zeros((3, 5)))  # nothing speaks against it


@pytest.mark.parametrize("spoil", ["smoothed", "scaled"])
def test_values_that_are_no_counts_are_refused(rng, spoil):
    values = np.log1p(_counts(rng).astype(float))
    values = values + rng.random(values.shape) * (values > 0) if spoil == "smoothed" else values - 1
    assert not has_counts(values)
    with pytest.raises(ValueError, match=r"not log1p of scaled counts|negative"):
        recover_counts(values)


def test_input_is_left_alone(rng):
    values = sparse.csr_matrix(np.log1p(_counts(rng).astype(np.float32)))
    before = values.copy()
    recover_counts(values)
    assert (values != before).nnz == 0
    assert np.array_equal(values.data, before.data)


def test_residuals_are_scanpys(rng):
    counts = _counts(rng)
    adata = AnnData(counts.astype(np.float32))
    sc.experimental.pp.normalize_pearson_residuals(adata, theta=100, clip=10)
    ours = PearsonResiduals(clip=10).fit_transform(np.log1p(counts * 3.7))
    kept = np.flatnonzero(counts.sum(axis=0) > 0)
    np.testing.assert_allclose(ours, adata.X[:, kept], atol=1e-4)


def test_chosen_genes_are_scanpys(rng):
    counts = _counts(rng)
    adata = AnnData(counts.astype(np.float32))
    sc.experimental.pp.highly_variable_genes(
        adata, flavor="pearson_residuals", n_top_genes=20, clip=10, check_values=False
    )
    ours = PearsonResiduals(n_genes=20).fit(np.log1p(counts * 3.7))
    np.testing.assert_array_equal(ours.genes_, np.flatnonzero(adata.var["highly_variable"]))


def test_test_cells_do_not_matter(rng):
    values = np.log1p(_counts(rng) * 2.0)
    transform = PearsonResiduals(n_genes=30).fit(values[:50])
    together, alone = transform.transform(values[50:]), transform.transform(values[50:51])
    np.testing.assert_array_equal(together[:1], alone)


@pytest.mark.parametrize("n_genes", [1, 20, 150])
def test_genes_are_chosen_by_the_variance_of_their_residuals(
    n_genes: int, rng: np.random.Generator
) -> None:
    """Some are clipped, some genes and one cell are without counts."""
    rates = rng.gamma(0.3, 1.0, 200) * rng.choice([0.1, 1, 5], (300, 200), p=[0.6, 0.3, 0.1])
    counts = rng.poisson(rates).astype(float)
    counts[7], counts[:, 11] = 0, 0
    chosen = PearsonResiduals(n_genes, clip=2.0).fit(np.log1p(counts)).genes_
    share = counts.sum(axis=0) / counts.sum()
    residuals = pearson_residuals(counts, share, clip=2.0).astype(np.float64)
    best = np.argsort(-residuals.var(axis=0), kind="stable")[:n_genes]
    np.testing.assert_array_equal(chosen, np.sort(best))


def test_what_is_decided_on_all_cells_holds_for_few(rng):
    counts = _counts(rng, n_cells=300)
    counts[:2] = 5 + 2 * rng.integers(0, 20, counts[:2].shape)  # no small count: the unit is missed
    values = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    assert has_counts(values)
    with pytest.raises(ValueError, match="not log1p of scaled counts"):
        recover_counts(values[:2])
    found = recover_counts(values[:2], most_wrong=1).toarray()
    assert (found > 0).all()
    model = PearsonResiduals(20).fit(values)
    np.testing.assert_array_equal(model.transform(values[:2]), model.transform(values)[:2])
