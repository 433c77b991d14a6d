from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from scrna_longformer.features import _state, expression_state, summarise_values

COUNTS = np.array([[0, 3, 1], [2, 0, 0]])
VALUES = {
    "counts": COUNTS,
    "log": np.log1p(COUNTS * 1.7),
    "scaled": COUNTS - 0.5,
    "unknown": COUNTS * 33.4,
}


@pytest.mark.parametrize(
    "form", [np.asarray, sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.coo_array]
)
@pytest.mark.parametrize("state", list(VALUES))
def test_states_in_every_format(form, state):
    assert expression_state(form(VALUES[state])) == state
    assert expression_state(form(VALUES[state].astype(np.float32))) == state


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.int64, np.float16, np.float64])
def test_counts_of_any_dtype(dtype):
    assert expression_state(COUNTS.astype(dtype)) == "counts"


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ([[0, 0], [0, 0]], "counts"),
        ([[-1, 0], [2, 3]], "scaled"),  # integers, but no counts
        ([[24.9, 0]], "log"),
        ([[25.5, 0]], "unknown"),
        ([[0.5, np.nan]], "unknown"),
        ([[0.5, np.inf]], "unknown"),
        (np.zeros((0, 3)), "counts"),
    ],
)
def test_edges(values, state):
    assert expression_state(np.array(values, dtype=float)) == state


def test_summary_counts_zeros_that_are_not_stored():
    X = sp.csr_matrix([[0, 2.5], [4.0, 0]])
    summary = summarise_values(X)
    assert (summary.minimum, summary.maximum, summary.is_integer) == (0, 4, False)
    full = summarise_values(sp.csr_matrix([[1.0, 2.5], [4.0, 3.0]]))
    assert full.minimum == 1


def test_entries_stored_twice_count_as_their_sum():
    halves = sp.csr_matrix((np.full(2, 0.5), np.array([0, 0]), np.array([0, 2])), shape=(1, 1))
    assert expression_state(halves) == "counts"
    assert halves.nnz == 2  # and the matrix is left alone


def test_pieces_change_nothing(rng, monkeypatch):
    X = rng.normal(size=(40, 7))
    X[33, 2] = np.nan
    whole = summarise_values(X), summarise_values(sp.csr_matrix(X))
    monkeypatch.setattr(_state, "_CHUNK", 10)
    assert (summarise_values(X), summarise_values(sp.csr_matrix(X))) == whole
    assert whole[0].n_nonfinite == 1


def test_text_is_no_matrix():
    with pytest.raises(TypeError, match="real numbers"):
        expression_state(np.array([["a", "b"]]))
