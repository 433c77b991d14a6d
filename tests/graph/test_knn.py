"""The exact gene neighbours against brute force in float64 and scikit-learn."""

from __future__ import annotations

import os
import subprocess
import sys

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from scrna_longformer.graph import _gram, _knn, gene_knn


def brute_force(X, k, *, center=True):
    """Similarities of all genes by explicit centring, and the symmetric mask of the k largest."""
    X = np.asarray(X, dtype=np.float32).astype(np.float64)
    varies = np.ptp(X, axis=0) > 0
    profiles = X - X.mean(axis=0) if center else X
    lengths = np.sqrt((profiles**2).sum(axis=0))
    profiles = profiles / np.where(varies, lengths, 1)
    similarities = profiles.T @ profiles
    ranked = similarities.round(9)
    ranked[:, ~varies] = -np.inf
    ranked[np.diag_indices_from(ranked)] = -np.inf
    mask = np.eye(X.shape[1], dtype=bool)
    for gene in np.flatnonzero(varies):
        best = np.argsort(-ranked[gene], kind="stable")[: min(k, varies.sum() - 1)]
        mask[gene, best] = mask[best, gene] = True
    return mask, similarities


def log_values(rng, n_cells, n_genes, density):
    depth = rng.lognormal(size=(n_cells, 1))
    keep = rng.random((n_cells, n_genes)) < density
    return np.log1p(depth * rng.gamma(1, 2, size=(n_cells, n_genes)) * keep).astype(np.float32)


def assert_well_formed(mask, similarities):
    assert mask.format == similarities.format == "csr"
    assert mask.dtype == bool
    assert similarities.dtype == np.float32
    assert mask.has_canonical_format
    np.testing.assert_array_equal(mask.indptr, similarities.indptr)
    np.testing.assert_array_equal(mask.indices, similarities.indices)
    assert (mask != mask.T).nnz == 0
    assert mask.diagonal().all()
    np.testing.assert_array_equal(similarities.diagonal(), 1)
    assert abs(similarities - similarities.T).max() == 0


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("density", [0.05, 0.4, 1.0])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_equals_brute_force(rng, density, center, k):
    X = log_values(rng, 70, 90, density)
    X[:, 3] = 0
    X[:, 8] = 2.5
    mask, similarities = gene_knn(X, k, center=center)
    expected_mask, expected = brute_force(X, k, center=center)
    assert_well_formed(mask, similarities)
    np.testing.assert_array_equal(mask.toarray(), expected_mask)
    off_diagonal = mask.toarray() & ~np.eye(90, dtype=bool)
    np.testing.assert_allclose(
        similarities.toarray()[off_diagonal], expected[off_diagonal], atol=1e-6
    )
    assert mask[3].nnz == mask[8].nnz == 1


def test_equals_scikit_learn(rng):
    X = log_values(rng, 200, 60, 0.2)
    genes = (X - X.mean(axis=0)).T.astype(np.float64)
    search = NearestNeighbors(n_neighbors=8, metric="cosine", algorithm="brute").fit(genes)
    theirs = search.kneighbors_graph().toarray().astype(bool)  # leaves out the gene itself
    mask, _ = gene_knn(X, 8)
    np.testing.assert_array_equal(mask.toarray(), theirs | theirs.T | np.eye(60, dtype=bool))


@settings(max_examples=150, deadline=None)
@given(
    X=hnp.arrays(
        np.int8,
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        elements=st.integers(0, 3),
    ),
    k=st.integers(1, 10),
    center=st.booleans(),
)
def test_any_small_matrix(X, k, center):
    """Small integers, so that ties abound."""
    mask, similarities = gene_knn(X, k, center=center)
    assert_well_formed(mask, similarities)
    expected_mask, expected = brute_force(X, k, center=center)
    np.testing.assert_array_equal(mask.toarray(), expected_mask)
    edges = expected_mask & ~np.eye(X.shape[1], dtype=bool)
    np.testing.assert_allclose(similarities.toarray()[edges], expected[edges], atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.floats(0.02, 1.0))
def test_both_ways_to_multiply_agree_to_the_bit(seed, k, density):
    X = log_values(np.random.default_rng(seed), 30, 40, density)
    X[:, 5:8] = X[:, [2]]  # ties
    results = []
    for advantage in (0, np.inf):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_gram, "_BLAS_ADVANTAGE", advantage)
            results.append(gene_knn(X, k)[1])
    assert (results[0] != results[1]).nnz == 0
    np.testing.assert_array_equal(results[0].indices, results[1].indices)


@pytest.mark.parametrize("density", [0.1, 0.9])
def test_blocks_change_nothing(rng, monkeypatch, density):
    X = log_values(rng, 60, 50, density)
    _, whole = gene_knn(X, 6)
    monkeypatch.setattr(_knn, "_BLOCK_BYTES", 8 * 50 * 7)
    monkeypatch.setattr(_gram, "_CHUNK_BYTES", 1000)
    monkeypatch.setattr(_gram, "_DENSE_BYTES", 1000)
    _, pieces = gene_knn(X, 6)
    np.testing.assert_array_equal(whole.toarray(), pieces.toarray())


@pytest.mark.parametrize("density", [0.1, 0.9])
def test_formats_and_dtypes_change_nothing(rng, density):
    X = log_values(rng, 60, 50, density)
    _, expected = gene_knn(X, 6)
    unsorted = sp.csr_matrix(X)
    unsorted.indices[: unsorted.indptr[1]] = unsorted.indices[: unsorted.indptr[1]][::-1]
    unsorted.data[: unsorted.indptr[1]] = unsorted.data[: unsorted.indptr[1]][::-1]
    unsorted.has_sorted_indices = False
    stored_zeros = sp.csr_matrix(X + 1)
    stored_zeros.data = X.ravel().copy()
    forms = {
        "csr": sp.csr_matrix(X),
        "csc": sp.csc_matrix(X),
        "csr_array": sp.csr_array(X),
        "coo": sp.coo_matrix(X),
        "float64": X.astype(np.float64),
        "fortran": np.asfortranarray(X),
        "unsorted": unsorted,
        "stored zeros": stored_zeros,
    }
    for name, form in forms.items():
        _, found = gene_knn(form, 6)
        np.testing.assert_array_equal(found.toarray(), expected.toarray(), err_msg=name)


def test_input_is_not_touched(rng):
    X = sp.csr_matrix(log_values(rng, 30, 20, 0.3))
    X.data[::5] = 0  # stored zeros and reversed rows: both would be tidied
    X.indices = X.indices.astype(np.int64)
    names = ("data", "indices", "indptr")
    before = [getattr(X, name).copy() for name in names]
    gene_knn(X, 3)
    for name, value in zip(names, before, strict=True):
        np.testing.assert_array_equal(getattr(X, name), value)
        assert getattr(X, name).dtype == value.dtype


@pytest.mark.parametrize("advantage", [0, np.inf])
def test_ties_go_to_the_first_gene(rng, monkeypatch, advantage):
    monkeypatch.setattr(_gram, "_BLAS_ADVANTAGE", advantage)
    X = rng.random((50, 10))
    X[:, 4:10] = X[:, [4]]
    mask, _ = gene_knn(X, 2)
    edges = {
        tuple(map(int, edge)) for edge in zip(*np.nonzero(mask.toarray()[4:, 4:]), strict=True)
    }
    # each of the six equal genes takes the first two others; the rest comes by symmetry
    wanted = {(g, h) for g in range(6) for h in [h for h in range(6) if h != g][:2]}
    assert edges == wanted | {(h, g) for g, h in wanted} | {(g, g) for g in range(6)}


def test_more_neighbours_than_genes(rng):
    X = log_values(rng, 30, 8, 0.6)
    X[:, 2] = 0
    expected = np.ones((8, 8), dtype=bool)
    expected[2] = expected[:, 2] = False
    expected[2, 2] = True
    for k in (6, 7, 8, 1000):
        np.testing.assert_array_equal(gene_knn(X, k)[0].toarray(), expected)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 1)])
def test_smallest_matrices_keep_the_diagonal(rng, shape):
    mask, similarities = gene_knn(rng.random(shape), 3)
    np.testing.assert_array_equal(mask.toarray(), np.eye(shape[1], dtype=bool))
    np.testing.assert_array_equal(similarities.toarray(), np.eye(shape[1]))


def test_constant_up_to_rounding_is_constant(rng):
    X = rng.random((40, 6)).astype(np.float32)
    X[:, 1] = np.float32(2.3) * (1 + rng.choice([0, 1.2e-7], 40))
    assert np.ptp(X[:, 1]) > 0
    assert gene_knn(X, 5)[0][1].nnz == 1


def test_centred_away_from_zero(rng):
    """The rank-one correction keeps its digits where means are large beside the spread."""
    X = 10 + 0.05 * log_values(rng, 300, 40, 0.8)
    mask, similarities = gene_knn(X, 5)
    expected_mask, expected = brute_force(X, 5)
    np.testing.assert_array_equal(mask.toarray(), expected_mask)
    edges = mask.toarray() & ~np.eye(40, dtype=bool)
    np.testing.assert_allclose(similarities.toarray()[edges], expected[edges], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"n_neighbors": 0}, "n_neighbors"),
        ({"n_neighbors": 2.5}, "n_neighbors"),
        ({"n_neighbors": True}, "n_neighbors"),
        ({"metric": "euclidean"}, "'cosine'"),
    ],
)
def test_bad_arguments(rng, arguments, named):
    with pytest.raises(ValueError, match=named):
        gene_knn(rng.random((5, 4)), **arguments)


@pytest.mark.parametrize("X", [np.ones(3), np.ones((0, 3)), np.ones((3, 0)), [[1, np.nan]]])
def test_bad_matrix(X):
    with pytest.raises(ValueError, match="`X`"):
        gene_knn(np.asarray(X, dtype=float))


@pytest.mark.slow
def test_thread_count_changes_nothing(tmp_path):
    code = (
        "import sys, numpy as np, scipy.sparse as sp;"
        "from scrna_longformer.graph import gene_knn, _knn;"
        "_knn._BLOCK_BYTES = 8 * 300 * 20;"
        "X = sp.random_array((400, 300), density=0.1, rng=np.random.default_rng(0), format='csr');"
        "sp.save_npz(sys.argv[1], gene_knn(X, 10)[1])"
    )
    found = []
    for threads in ("1", "2"):
        path = tmp_path / f"{threads}.npz"
        environment = os.environ | {"NUMBA_NUM_THREADS": threads}
        subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=True)
        found.append(sp.load_npz(path))
    np.testing.assert_array_equal(found[0].toarray(), found[1].toarray())
