from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.special import erf
from torch.overrides import TorchFunctionMode

from scrna_longformer.dataloaders._cells import CellMatrix
from scrna_longformer.graph import GeneGraph
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.nn._attention import attention_graph
from scrna_longformer.train import _attention_weights
from scrna_longformer.train._attention_weights import edge_attention

N_CELLS, N_GENES, N_LAYERS, N_HEADS, D = 11, 9, 2, 3, 12


def random_graph(n_genes: int, n_neighbors: int) -> GeneGraph:
    """A directed graph with self loops."""
    rng = np.random.default_rng(1)
    rows = np.repeat(np.arange(n_genes), n_neighbors)
    edges = (np.ones(len(rows)), (rows, rng.integers(n_genes, size=len(rows))))
    return GeneGraph.from_scipy(
        sparse.csr_matrix(edges, shape=(n_genes, n_genes)) + sparse.eye(n_genes)
    )


def make_model(n_genes: int = N_GENES, n_neighbors: int = 3, **changes) -> GeneLongformer:
    """A model whose every parameter is random, so that none can be forgotten unnoticed."""
    sizes = {"d_model": D, "n_heads": N_HEADS, "n_layers": N_LAYERS, "n_classes": 2} | changes
    model = GeneLongformer(
        LongformerConfig(n_genes=n_genes, **sizes), random_graph(n_genes, n_neighbors)
    )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.7)
    rng = np.random.default_rng(2)
    model.standardizer.set_statistics(
        torch.tensor(rng.normal(size=n_genes)), torch.tensor(rng.uniform(0.5, 2, n_genes))
    )
    return model.eval()


def make_cells(n_cells: int = N_CELLS, n_genes: int = N_GENES) -> np.ndarray:
    return np.random.default_rng(3).poisson(1.0, (n_cells, n_genes)).astype(np.float32)


def every_token(X: np.ndarray) -> CellMatrix:
    return CellMatrix(X, np.arange(X.shape[1]))


def dense_attention(model: GeneLongformer, X: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Float64 forward pass by hand; weights (cells, layers, heads, genes, genes)."""
    p = {name: value.double().numpy() for name, value in model.state_dict().items()}
    heads = model.config.n_heads
    z = np.clip((X - p["standardizer.mean"]) * p["standardizer.inverse_sd"], -10, 10)
    h = p["token.identity"] + z[..., None] * p["token.direction"]
    layers = []
    for i in range(model.config.n_layers):
        b = f"encoder.blocks.{i}."
        x = layer_norm(h, p[b + "attention_norm.weight"], p[b + "attention_norm.bias"])
        q, k, v = np.split(x @ p[b + "attention.qkv.weight"].T, 3, axis=-1)
        q, v = q + p[b + "attention.query_bias"], v + p[b + "attention.value_bias"]
        out, weights = np.empty_like(h), []
        for head in range(heads):
            mine = slice(head, None, heads)  # feature f belongs to head f % heads
            scores = q[..., mine] @ k[..., mine].swapaxes(1, 2) / np.sqrt(h.shape[-1] / heads)
            scores = np.where(mask, scores, -np.inf)
            w = np.exp(scores - scores.max(-1, keepdims=True))
            w /= w.sum(-1, keepdims=True)
            out[..., mine] = w @ v[..., mine]
            weights.append(w)
        layers.append(np.stack(weights, 1))
        h = h + out @ p[b + "attention.out.weight"].T + p[b + "attention.out.bias"]
        x = layer_norm(h, p[b + "feed_forward_norm.weight"], p[b + "feed_forward_norm.bias"])
        x = x @ p[b + "feed_forward.0.weight"].T + p[b + "feed_forward.0.bias"]
        x = x * (1 + erf(x / np.sqrt(2))) / 2
        h = h + x @ p[b + "feed_forward.2.weight"].T + p[b + "feed_forward.2.bias"]
    return np.stack(layers, 1)


def layer_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * weight + bias


def chosen(weights: np.ndarray, layers, heads) -> np.ndarray:
    """Of (cells, layers, heads, genes, genes), the mean over cells of what is asked for."""
    weights = weights.mean(0)
    weights = weights.mean(0) if layers == "mean" else weights[layers]
    return weights.mean(0) if heads == "mean" else weights[heads]


@pytest.mark.parametrize("heads", ["mean", 0, 1, 2])
@pytest.mark.parametrize("layers", ["mean", 0, 1])
def test_against_a_dense_forward_pass_in_float64(layers, heads) -> None:
    model, X = make_model(), make_cells()
    mask = model.graph.to_scipy().toarray()
    found = edge_attention(model, every_token(X), [np.arange(N_CELLS)], layers=layers, heads=heads)
    expected = chosen(dense_attention(model, X, mask), layers, heads)
    matrix = found.to_scipy(0, np.arange(N_GENES), N_GENES)
    assert found.weights.dtype == np.float32
    assert matrix.nnz == model.graph.n_edges
    np.testing.assert_allclose(matrix.toarray(), expected, atol=2e-6)
    np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-6)


def test_the_oracle_can_tell_heads_layers_and_cells_apart() -> None:
    model, X = make_model(), make_cells()
    weights = dense_attention(model, X, model.graph.to_scipy().toarray())
    one_each = [chosen(weights, i, j) for i in range(N_LAYERS) for j in range(N_HEADS)]
    for i, left in enumerate(one_each):
        assert all(abs(left - right).max() > 0.05 for right in one_each[:i])
    assert abs(weights[0] - weights[1]).max() > 0.05


@pytest.mark.parametrize("attention", ["random", "self"])
def test_controls_use_the_graph_that_they_walk_on(attention) -> None:
    model, X = make_model(attention=attention), make_cells()
    found = edge_attention(model, every_token(X), [np.arange(N_CELLS)])
    mask = attention_graph(attention, model.graph).to_scipy().toarray()
    assert not np.array_equal(mask, model.graph.to_scipy().toarray())
    expected = chosen(dense_attention(model, X, mask), "mean", "mean")
    matrix = found.to_scipy(0, np.arange(N_GENES), N_GENES)
    np.testing.assert_allclose(matrix.toarray(), expected, atol=2e-6)


@pytest.mark.parametrize("attention", ["knn", "random"])
@pytest.mark.parametrize("heads", ["mean", 1])
def test_expressed_genes_are_averaged_over_the_cells_that_express_both(attention, heads) -> None:
    model, X = make_model(tokens="expressed", attention=attention), make_cells()
    X[:, 3] *= np.arange(N_CELLS) == 0  # a gene of one cell
    X[4] = 0  # a cell without genes
    mask = attention_graph(attention, model.graph).to_scipy().toarray()
    total, terms = np.zeros((2, N_GENES, N_GENES))
    for x in X:
        both = np.outer(x > 0, x > 0)
        weights = dense_attention(model, x[None], (mask & both) | np.eye(N_GENES, dtype=bool))
        total += both * chosen(weights, "mean", heads)
        terms += both
    groups = [np.arange(N_CELLS)]
    found = edge_attention(model, every_token(X), groups, heads=heads)
    matrix = found.to_scipy(0, np.arange(N_GENES), N_GENES).toarray()
    np.testing.assert_allclose(matrix, mask * total / np.maximum(terms, 1), atol=2e-6)


@pytest.mark.parametrize("attention", ["none", "linear", "full"])
def test_attention_without_edges_is_refused(attention) -> None:
    model = make_model(attention=attention)
    with pytest.raises(ValueError, match=f"attention='{attention}'.*'knn', 'random', 'self'"):
        edge_attention(model, every_token(make_cells()), [np.arange(N_CELLS)])


def test_groups_are_means_of_their_own_cells() -> None:
    model, X = make_model(), make_cells()
    groups = [np.array([0, 4, 7]), np.array([9]), np.array([1, 2, 3, 5, 6, 8, 10])]
    cells = every_token(X)
    found = edge_attention(model, cells, groups).weights
    for i, index in enumerate(groups):
        alone = edge_attention(model, every_token(X[index]), [np.arange(len(index))]).weights[0]
        np.testing.assert_array_equal(found[i], alone)
    together = edge_attention(model, cells, [np.arange(N_CELLS)]).weights[0]
    sizes = np.array([len(index) for index in groups])
    np.testing.assert_allclose(sizes @ found / N_CELLS, together, atol=1e-6)


def test_batches_count_by_their_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    model, cells = make_model(), every_token(make_cells())
    expected = edge_attention(model, cells, [np.arange(N_CELLS)]).weights
    monkeypatch.setattr(_attention_weights, "inference_batch_size", lambda config: 4)
    found = edge_attention(model, cells, [np.arange(N_CELLS)]).weights
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_columns_place_tokens_among_all_genes() -> None:
    model, X = make_model(), make_cells()
    found = edge_attention(model, every_token(X), [np.arange(N_CELLS)])
    columns = np.random.default_rng(4).permutation(20)[:N_GENES]
    matrix = found.to_scipy(0, columns, 20)
    in_order = found.to_scipy(0, np.arange(N_GENES), N_GENES).toarray()
    assert matrix.shape == (20, 20)
    assert matrix.nnz == model.graph.n_edges
    assert matrix.has_sorted_indices
    np.testing.assert_array_equal(matrix.toarray()[np.ix_(columns, columns)], in_order)


def test_the_model_is_left_as_it_was() -> None:
    model, cells = make_model().train(), every_token(make_cells())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    edge_attention(model, cells, [np.arange(N_CELLS)])
    with pytest.raises(IndexError):
        edge_attention(model, cells, [np.array([N_CELLS])])
    assert model.training
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("bad", [2, -1, "max", 1.0, True, None])
def test_unknown_layer(bad) -> None:
    with pytest.raises(ValueError, match=r"`layers` must be 'mean' or an index from 0 to 1"):
        edge_attention(make_model(), every_token(make_cells()), [np.arange(2)], layers=bad)


@pytest.mark.parametrize("bad", [3, -1, "first"])
def test_unknown_head(bad) -> None:
    with pytest.raises(ValueError, match=r"`heads` must be 'mean' or an index from 0 to 2"):
        edge_attention(make_model(), every_token(make_cells()), [np.arange(2)], heads=bad)


class LargestTensor(TorchFunctionMode):
    """The number of elements of the largest tensor that any torch function returns."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.elements = max(self.elements, result.numel())
        return result


@pytest.mark.parametrize(("n_cells", "n_genes"), [(40, 4000), (3000, 100)])
def test_no_tensor_of_genes_by_genes_or_cells_by_edges(n_cells: int, n_genes: int) -> None:
    model = make_model(n_genes, 20, d_model=16, n_heads=2, n_layers=1)
    X, n_edges = make_cells(n_cells, n_genes), model.graph.n_edges
    with LargestTensor() as largest:
        edge_attention(model, every_token(X), [np.arange(n_cells)])
    in_one_go = max(n_genes**2, n_cells * n_edges * 2)
    assert n_edges * 2 <= largest.elements  # it saw the weights themselves
    assert largest.elements < 3 * 2**20 < in_one_go
