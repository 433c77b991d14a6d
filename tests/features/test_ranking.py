from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_selection import f_classif

from scrna_longformer.features import rank_f_test, rank_markers, rank_variance
from scrna_longformer.features._ranking import class_moments


@pytest.fixture
def cells(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    codes = np.repeat([0, 1, 2], [30, 20, 5])
    X = rng.gamma(2.0, 1.0, (55, 40)) * (rng.random((55, 40)) < 0.4)
    X[codes == 1, 7] += 6.0
    X[codes == 2, 3] += 6.0
    X[:, 11] = 0.7  # constant
    return X.astype(np.float32), codes


def test_moments_equal_a_loop_over_cells(cells: tuple[np.ndarray, np.ndarray]) -> None:
    X, codes = cells
    moments = class_moments(sparse.csr_matrix(X), codes, 3)
    for code in range(3):
        rows = X[codes == code].astype(np.float64)
        np.testing.assert_allclose(moments.means[code], rows.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(moments.variances[code], rows.var(axis=0), atol=1e-12)
        rest = X[codes != code].astype(np.float64)
        np.testing.assert_allclose(
            moments.without_each().variances[code], rest.var(axis=0), atol=1e-12
        )


def test_f_test_orders_as_scikit_learn(cells: tuple[np.ndarray, np.ndarray]) -> None:
    X, codes = cells
    varying = np.delete(X, 11, axis=1).astype(np.float64)
    expected = np.argsort(-f_classif(varying, codes)[0], kind="stable")
    np.testing.assert_array_equal(rank_f_test(varying, codes), expected)


def test_constant_genes_come_last(cells: tuple[np.ndarray, np.ndarray]) -> None:
    X, codes = cells
    assert rank_f_test(X, codes)[-1] == 11
    assert rank_variance(X)[-1] == 11


def test_every_class_leads_with_its_own_marker(cells: tuple[np.ndarray, np.ndarray]) -> None:
    X, codes = cells
    ranked = rank_markers(X, codes)
    assert ranked[1] == 7
    assert ranked[2] == 3
    assert sorted(ranked) == list(range(40))


def test_classes_take_turns() -> None:
    codes = np.repeat([0, 1], 10)
    X = np.zeros((20, 4))
    X[:10, [2, 3]] = [5.0, 4.0]  # two strong markers of class 0
    X[10:, 0] = 1.0  # one weaker marker of class 1
    X += np.tile([[0.0], [0.1]], (10, 4))
    np.testing.assert_array_equal(rank_markers(X, codes), [2, 0, 3, 1])


@pytest.mark.parametrize("rank", [rank_markers, rank_f_test, lambda X, codes: rank_variance(X)])
def test_sparse_dense_and_duplicated_genes_agree(
    rank, cells: tuple[np.ndarray, np.ndarray]
) -> None:
    X, codes = cells
    doubled = np.hstack([X, X])  # every gene is tied with its copy
    dense = rank(doubled, codes)
    for form in (sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array):
        np.testing.assert_array_equal(rank(form(doubled), codes), dense)
    position = np.argsort(dense)
    assert (position[:40] < position[40:]).all()  # the lower index wins a tie


def test_unlabelled_cells_do_not_count(cells: tuple[np.ndarray, np.ndarray]) -> None:
    X, codes = cells
    hidden = np.where(np.arange(55) % 3 == 0, -1, codes)
    labelled = hidden >= 0
    np.testing.assert_array_equal(
        rank_markers(X, hidden), rank_markers(X[labelled], codes[labelled])
    )
    np.testing.assert_array_equal(rank_f_test(X, hidden), rank_f_test(X[labelled], codes[labelled]))


def test_an_absent_class_is_skipped(cells: tuple[np.ndarray, np.ndarray]) -> None:
    X, codes = cells
    two = codes < 2
    np.testing.assert_array_equal(
        rank_markers(X[two], codes[two], n_classes=3), rank_markers(X[two], codes[two])
    )


def test_a_matrix_with_unsorted_indices_is_read_right_and_left_alone(
    cells: tuple[np.ndarray, np.ndarray],
) -> None:
    X, codes = cells
    rows = sparse.csr_matrix(X)
    unsorted = sparse.csr_matrix(
        (rows.data[::-1].copy(), rows.indices[::-1].copy(), rows.indptr), shape=X.shape
    )
    dense = unsorted.toarray()
    before = unsorted.indices.copy()
    np.testing.assert_array_equal(rank_f_test(unsorted, codes), rank_f_test(dense, codes))
    np.testing.assert_array_equal(unsorted.indices, before)
    np.testing.assert_array_equal(unsorted.toarray(), dense)
