from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from scrna_longformer.graph import GeneGraph, restrict


@settings(max_examples=40, deadline=None)
@given(
    n_genes=st.integers(1, 25),
    n_cells=st.integers(0, 5),
    density=st.floats(0, 1),
    rate=st.floats(0, 1),
    ordered=st.booleans(),
    seed=st.integers(0, 99),
)
def test_is_the_submatrix_of_each_cell(n_genes, n_cells, density, rate, ordered, seed):
    rng = np.random.default_rng(seed)
    mask = (rng.random((n_genes, n_genes)) < density) | np.eye(n_genes, dtype=bool)
    order = rng.permutation(n_genes) if ordered else None
    graph = GeneGraph.from_scipy(sparse.csr_matrix(mask), order=order)
    expressed = rng.random((n_cells, n_genes)) < rate
    tokens = restrict(graph, expressed)
    assert tokens.graph.n_genes == expressed.sum()
    dense = tokens.graph.to_scipy().toarray()
    same_cell = tokens.cell[:, None] == tokens.cell
    assert np.array_equal(dense, mask[np.ix_(tokens.gene, tokens.gene)] & same_cell)
    edges = tokens.edges_in(graph)
    assert np.array_equal(graph.rows[edges], tokens.gene[tokens.graph.rows])
    assert np.array_equal(graph.indices[edges], tokens.gene[tokens.graph.indices])
    for cell in range(n_cells):
        first, last = tokens.graph.cells[cell : cell + 2]
        genes = tokens.gene[first:last]
        assert (tokens.cell[first:last] == cell).all()
        assert np.array_equal(np.sort(genes), np.flatnonzero(expressed[cell]))
        if ordered:
            assert (np.diff(np.argsort(order)[genes]) > 0).all()


def test_refuses_what_is_not_a_mask():
    graph = GeneGraph.full(3)
    for wrong in (np.ones((2, 3)), np.ones((2, 4), dtype=bool), np.ones(3, dtype=bool)):
        with pytest.raises(ValueError, match=r"`expressed` must be boolean, cells × 3 genes"):
            restrict(graph, wrong)
