from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import sparse

from scrna_longformer.graph import GeneGraph, module_order


def modules_graph(n_genes, size, seed, noise=0.0):
    """Genes in modules, shuffled; edges inside modules, and a few anywhere."""
    rng = np.random.default_rng(seed)
    module = rng.permutation(n_genes) // size
    same = module[:, None] == module
    mask = (same & (rng.random(same.shape) < 20 / size)) | (rng.random(same.shape) < noise)
    return GeneGraph.from_scipy(sparse.csr_matrix(mask | np.eye(n_genes, dtype=bool))), module


@settings(max_examples=25, deadline=None)
@example(n_genes=0, density=0.0, seed=0)
@given(n_genes=st.integers(0, 120), density=st.floats(0, 1), seed=st.integers(0, 99))
def test_is_a_permutation_of_any_graph(n_genes, density, seed):
    mask = np.random.default_rng(seed).random((n_genes, n_genes)) < density
    graph = GeneGraph.from_scipy(sparse.csr_matrix(mask | np.eye(n_genes, dtype=bool)))
    order = module_order(graph)
    assert order.dtype == np.int32
    assert np.array_equal(np.sort(order), np.arange(n_genes))
    assert np.array_equal(order, module_order(graph))


def test_brings_planted_modules_together():
    graph, module = modules_graph(1024, 64, 0, noise=0.002)
    order = module_order(graph)
    same_as_next = (module[order][1:] == module[order][:-1]).mean()
    assert same_as_next > 0.9  # by chance 0.06
    position = np.argsort(order)
    distance = np.abs(position[graph.rows] - position[graph.indices])
    assert np.median(distance) < 64


def test_graphs_order_themselves_from_two_thousand_genes_up():
    small, _ = modules_graph(500, 50, 1)
    assert small.visiting_order is None
    large = GeneGraph.self_only(2000)
    assert np.array_equal(large.visiting_order, module_order(large))
    given_order = np.arange(500)[::-1]
    own = GeneGraph.from_scipy(small.to_scipy(), order=given_order)
    assert np.array_equal(own.visiting_order, given_order)
