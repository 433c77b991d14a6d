from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from scrna_longformer.graph import GeneGraph, restrict


def random_mask(n_genes: int, density: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.random((n_genes, n_genes)) < density) | np.eye(n_genes, dtype=bool)


graphs = st.builds(random_mask, st.integers(1, 30), st.floats(0, 1), st.integers(0, 99))


@given(graphs)
def test_round_trip_through_scipy(mask):
    graph = GeneGraph.from_scipy(sparse.csr_matrix(mask))
    assert np.array_equal(graph.to_scipy().toarray(), mask)
    assert graph.n_edges == mask.sum()
    assert np.array_equal(graph.degrees, mask.sum(1))
    assert graph.max_degree == mask.sum(1).max()
    assert graph.is_symmetric == np.array_equal(mask, mask.T)
    assert np.array_equal(np.stack([graph.rows, graph.indices]), np.stack(np.nonzero(mask)))


def test_reads_unsorted_duplicated_and_explicit_zero_entries():
    rows = [0, 0, 0, 1, 1, 1, 2]
    columns = [2, 0, 2, 1, 0, 2, 2]
    values = [1.0, 1.0, 1.0, 1.0, -2.0, 0.0, 1.0]
    graph = GeneGraph.from_scipy(sparse.coo_matrix((values, (rows, columns)), shape=(3, 3)))
    expected = np.array([[1, 0, 1], [1, 1, 0], [0, 0, 1]], dtype=bool)
    assert np.array_equal(graph.to_scipy().toarray(), expected)
    assert not graph.is_symmetric


def test_leaves_its_input_alone():
    matrix = sparse.csr_matrix((np.ones(3), np.array([1, 0, 1]), np.array([0, 2, 3])), shape=(2, 2))
    GeneGraph.from_scipy(matrix)
    assert matrix.indices.tolist() == [1, 0, 1]
    assert matrix.dtype == float


def test_accepts_a_sparse_array():
    assert GeneGraph.from_scipy(sparse.eye_array(4, format="csr")).n_edges == 4


def test_refuses_what_attention_cannot_use():
    with pytest.raises(ValueError, match="must be square"):
        GeneGraph.from_scipy(sparse.csr_matrix(np.ones((2, 3))))
    with pytest.raises(ValueError, match="no self loop at 2 of 3 genes, the first at index 1"):
        GeneGraph.from_scipy(sparse.csr_matrix(np.diag([1, 0, 0])))
    for order in (
        [0, 1],
        [0, 1, 1],
        [1, 2, 3],
        [0.9, 1.9, 2.9],
        [0, 1, 2 + 2**32],
        ["a", "b", "c"],
    ):
        with pytest.raises(ValueError, match="`order` must be a permutation of the 3 genes"):
            GeneGraph.from_scipy(sparse.eye(3, format="csr"), order=np.array(order))


def test_special_graphs():
    assert np.array_equal(GeneGraph.self_only(4).to_scipy().toarray(), np.eye(4, dtype=bool))
    assert GeneGraph.full(4).to_scipy().toarray().all()
    assert GeneGraph.full(1).n_edges == 1
    assert GeneGraph.full(0).n_edges == GeneGraph.self_only(0).n_edges == 0


def test_permuting_keeps_the_graph_up_to_labels(rng):
    mask = random_mask(40, 0.2, 1)
    order = np.argsort(-mask.sum(1))
    graph = GeneGraph.from_scipy(sparse.csr_matrix(mask), order=order)
    control = graph.permuted(rng)
    assert sorted(control.degrees) == sorted(graph.degrees)
    assert not np.array_equal(control.to_scipy().toarray(), mask)
    # visited in its order, the relabelled graph has the same degrees, and the same wiring
    visited = control.to_scipy().toarray()[np.ix_(control.order, control.order)]
    assert np.array_equal(visited, mask[np.ix_(order, order)])


def test_the_graph_of_several_cells_is_not_permuted(rng):
    tokens = restrict(GeneGraph.full(3), np.ones((2, 3), dtype=bool))
    with pytest.raises(ValueError, match="would mix the cells.*TokenGraph itself"):
        tokens.graph.permuted(rng)


def test_pickles_without_what_it_derived():
    graph = GeneGraph.full(3)
    assert graph.is_symmetric
    copy = pickle.loads(pickle.dumps(graph))
    assert np.array_equal(copy.indices, graph.indices)
    assert copy.is_symmetric
