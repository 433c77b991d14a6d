from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from scrna_longformer.dataloaders import CellMatrix, _moments


@pytest.fixture
def X(rng: np.random.Generator) -> np.ndarray:
    return (rng.random((30, 8)) * (rng.random((30, 8)) < 0.4)).astype(np.float32)


@pytest.mark.parametrize("store", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_rows_are_the_rows_however_they_are_stored(X, store) -> None:
    columns = np.array([3, -1, 0])
    fill = np.array([9.0, 7.0, 9.0], dtype=np.float32)
    index = np.array([4, 4, 29])
    rows = CellMatrix(store(X), columns, fill).rows(index)
    expected = np.column_stack([X[index, 3], np.full(3, 7.0), X[index, 0]])
    assert rows.dtype == np.float32
    assert np.array_equal(rows, expected)


def test_absent_genes_need_a_fill(X) -> None:
    with pytest.raises(ValueError, match="`fill`"):
        CellMatrix(X, np.array([0, -1]))


def test_moments_are_those_of_numpy(X) -> None:
    index = np.arange(5, 25)
    mean, sd = CellMatrix(sparse.csr_matrix(X), np.arange(8)).moments(index)
    np.testing.assert_allclose(mean, X[index].astype(np.float64).mean(0), rtol=1e-6)
    np.testing.assert_allclose(sd, X[index].astype(np.float64).std(0), rtol=1e-5)


def test_a_constant_gene_has_no_spread() -> None:
    X = np.full((1000, 1), 0.1, dtype=np.float32)
    assert CellMatrix(X, np.array([0])).moments(np.arange(1000))[1].tolist() == [0.0]


def test_statistics_do_not_depend_on_the_blocks(X, monkeypatch) -> None:
    whole = CellMatrix(X, np.arange(8)).moments(np.arange(30))
    monkeypatch.setattr(_moments, "BLOCK", 1)  # a cell at a time
    by_cell = CellMatrix(sparse.csr_matrix(X), np.arange(8)).moments(np.arange(30))
    np.testing.assert_allclose(by_cell, whole, rtol=1e-6)


def test_a_sparse_matrix_is_never_made_dense(rng) -> None:
    """Every gene of ten thousand cells would be 1.6 GB."""
    shape, n = (10_000, 40_000), 50_000
    places = rng.integers(shape[0], size=n), rng.integers(shape[1], size=n)
    X = sparse.csr_matrix((rng.random(n, dtype=np.float32), places), shape=shape)
    tracemalloc.start()
    rows = CellMatrix(X, np.arange(40_000)).rows(np.array([3, 5]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(rows, X[[3, 5]].toarray())
    assert peak < 10e6


def test_a_copy_is_taken(X) -> None:
    cells = CellMatrix(X, np.arange(8))
    before = cells.rows(np.arange(30))
    X[:] = -1
    assert np.array_equal(cells.rows(np.arange(30)), before)
