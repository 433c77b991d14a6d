"""Attention among expressed genes only, against dense attention cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from scrna_longformer.attention import knn_attention
from scrna_longformer.graph import GeneGraph, restrict


@pytest.mark.parametrize("n_genes", [40, 2100])  # below and above where genes are reordered
@pytest.mark.parametrize("backend", ["numba", "numba_plain", "gather"])
def test_equals_attention_of_each_cell_alone(rng, n_genes, backend):
    mask = (rng.random((n_genes, n_genes)) < 10 / n_genes) | np.eye(n_genes, dtype=bool)
    expressed = rng.random((5, n_genes)) < 0.1
    expressed[2] = False  # a cell without genes
    tokens = restrict(GeneGraph.from_scipy(sparse.csr_matrix(mask)), expressed)
    qkv = torch.randn(tokens.graph.n_genes, 96, dtype=torch.float32)
    weight = torch.randn(len(qkv), 32)
    leaf = qkv.clone().requires_grad_()
    out = knn_attention(leaf, tokens.graph, n_heads=2, backend=backend)
    out.backward(weight)
    for cell in range(5):
        here = tokens.cell == cell
        if not here.any():
            continue
        genes = tokens.gene[here]
        alone = GeneGraph.from_scipy(sparse.csr_matrix(mask[np.ix_(genes, genes)]))
        exact = qkv[here].double().requires_grad_()
        expected = knn_attention(exact, alone, n_heads=2, backend="eager")
        expected.backward(weight[here].double())
        for actual, reference in (
            (out.detach()[here], expected.detach()),
            (leaf.grad[here], exact.grad),
        ):
            assert (actual - reference).norm() < 1e-6 * reference.norm()


@pytest.mark.parametrize("backend", ["eager", "sdpa", "gather", "numba_plain"])
def test_dropout_counts_edges_where_neighbours_do_not_ascend(rng, backend):
    """Tokens follow the order of visits, and a token's neighbours that of the genes."""
    mask = (rng.random((30, 30)) < 0.4) | np.eye(30, dtype=bool)
    graph = GeneGraph.from_scipy(sparse.csr_matrix(mask), order=rng.permutation(30))
    tokens = restrict(graph, rng.random((4, 30)) < 0.5).graph
    within = tokens.rows[1:] == tokens.rows[:-1]
    assert (np.diff(tokens.indices)[within] < 0).any()
    options = {"n_heads": 2, "dropout_p": 0.4, "seed": 7}
    qkv = torch.randn(tokens.n_genes, 96)
    results = []
    for name in ("numba", backend):
        leaf = qkv.clone().requires_grad_()
        out = knn_attention(leaf, tokens, backend=name, **options)
        out.square().sum().backward()
        results.append((out.detach(), leaf.grad))
    for expected, actual in zip(*results, strict=True):
        assert (actual - expected).norm() < 1e-6 * expected.norm()
