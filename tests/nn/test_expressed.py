"""Only expressed genes as tokens, against a dense model with a mask per cell in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.overrides import TorchFunctionMode

from scrna_longformer.graph import GeneGraph
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.nn._attention import attention_graph
from scrna_longformer.nn._embedding import _ListedTokens

N_CELLS, N_GENES, EMPTY, MISSING = 6, 40, 2, 7


def random_graph(n_genes: int, degree: float) -> GeneGraph:
    mask = np.random.default_rng(1).random((n_genes, n_genes)) < degree / n_genes
    return GeneGraph.from_scipy(sparse.csr_matrix(mask | np.eye(n_genes, dtype=bool)))


def make(n_genes: int = N_GENES, *, seed: int = 0, **fields: object) -> GeneLongformer:
    """A model in evaluation mode whose every parameter is random, the silent ones too."""
    config = LongformerConfig(n_genes=n_genes, n_classes=3, **fields)  # type: ignore[arg-type]
    model = GeneLongformer(config, random_graph(n_genes, 8)).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    model.standardizer.set_statistics(torch.full((n_genes,), 0.3), torch.full((n_genes,), 0.6))
    return model


def make_values(n_cells: int = N_CELLS, n_genes: int = N_GENES, share: float = 0.4) -> torch.Tensor:
    rng = np.random.default_rng(2)
    values = torch.from_numpy(rng.gamma(2, 1, (n_cells, n_genes)))
    return values * (torch.from_numpy(rng.random((n_cells, n_genes))) < share)


def masked_dense(model: GeneLongformer, values: torch.Tensor) -> torch.Tensor:
    """Logits cell by cell: all genes as tokens, a boolean mask for attention, blocks masked out."""
    kind = model.config.attention
    graph = model.graph if kind == "none" else attention_graph(kind, model.graph)
    mask = torch.from_numpy(graph.to_scipy().toarray())
    pooled = []
    for value in values:
        z = model.standardizer(value[None])
        expressed = (value > 0) & (z[0] != 0)
        allowed = (mask & expressed[:, None] & expressed) | torch.eye(len(value), dtype=torch.bool)
        h = before = model.token(z)
        for block in model.encoder.blocks:
            if block.attention is not None:
                layer = block.attention
                bias = torch.cat([layer.query_bias, 0 * layer.query_bias, layer.value_bias])
                q, k, v = (block.attention_norm(h) @ layer.qkv.weight.T + bias).chunk(3, dim=-1)
                out = torch.empty_like(q)
                for head in range(layer.n_heads):
                    mine = slice(head, None, layer.n_heads)
                    scores = q[..., mine] @ k[..., mine].mT / (q[..., mine].shape[-1] ** 0.5)
                    weights = scores.masked_fill(~allowed, -torch.inf).softmax(-1)
                    out[..., mine] = weights @ v[..., mine]
                h = h + layer.out(out)
            h = h + block.feed_forward(block.feed_forward_norm(h))
        kept = torch.where(expressed[:, None], h[0], before[0])
        pooled.append(kept.sum(0) * model.pool_scale)
    return model.head(torch.stack(pooled))


@pytest.mark.parametrize("token", ["multiplicative", "additive"])
@pytest.mark.parametrize("attention", ["knn", "random", "self", "none"])
def test_is_the_dense_model_with_a_mask_per_cell(attention: str, token: str) -> None:
    fields = {"n_layers": 2, "attention_backend": "gather", "attention": attention}
    model = make(tokens="expressed", token=token, **fields).double()
    values = make_values()
    values[EMPTY] = 0
    values[:, MISSING] = model.standardizer.mean[MISSING]  # as prediction fills it
    weight = torch.from_numpy(np.random.default_rng(3).normal(size=(N_CELLS, 3)))
    grads = []
    for forward in (lambda x: model(x).logits, lambda x: masked_dense(model, x)):
        model.zero_grad()
        leaf = values.clone().requires_grad_()
        logits = forward(leaf)
        (logits * weight).sum().backward()
        of_parameters = (p.grad.clone() for p in model.parameters())  # type: ignore[union-attr]
        grads.append([logits.detach(), leaf.grad, *of_parameters])
    for found, expected in zip(*grads, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_listed_tokens_are_differentiable_twice() -> None:
    """In both tables and the z-scores."""
    cell, gene = torch.tensor([0, 0, 2]), torch.tensor([1, 4, 1])
    shapes = ((5, 2), (5, 2), (3, 5))
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]

    def listed(*inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return _ListedTokens.apply(*inputs, cell, gene)

    assert torch.autograd.gradcheck(listed, inputs)
    assert torch.autograd.gradgradcheck(listed, inputs)


def test_second_derivatives_of_a_model_are_those_of_the_dense_one() -> None:
    """A constant comes in from the head; only what the tokens are made of leads back."""
    model = make(tokens="expressed", attention_backend="eager").double()
    values, found = make_values(), []
    for forward in (lambda x: model(x).logits, lambda x: masked_dense(model, x)):
        leaf = values.clone().requires_grad_()
        (slope,) = torch.autograd.grad(forward(leaf).sum(), leaf, create_graph=True)
        model.zero_grad()
        slope.square().sum().backward()
        found.append([leaf.grad, model.token.direction.grad])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


def test_fast_kernels_give_the_same(rng: np.random.Generator) -> None:
    model = make(tokens="expressed", n_layers=2)
    values = make_values().float()
    exact = masked_dense(model.double(), values.double())
    found = model.float()(values).logits
    assert (found - exact).norm() < 1e-5 * exact.norm()


def test_where_every_gene_is_expressed_it_is_the_model_of_all_tokens() -> None:
    values = torch.rand(3, N_GENES) + 0.5
    one, other = make(tokens="all")(values), make(tokens="expressed")(values)
    torch.testing.assert_close(one.logits, other.logits, rtol=1e-4, atol=1e-4)


def test_a_fresh_model_is_the_same_linear_model_whatever_is_expressed() -> None:
    """So the logistic regression that training starts from is exact, zeros included."""
    embeddings = []
    for tokens in ("all", "expressed"):
        torch.manual_seed(0)
        config = LongformerConfig(n_genes=N_GENES, n_classes=3, tokens=tokens)
        model = GeneLongformer(config, random_graph(N_GENES, 8)).eval()
        embeddings.append(model(make_values().float()).embedding.detach())
    torch.testing.assert_close(*embeddings, rtol=1e-5, atol=1e-5)


def test_cells_without_any_expressed_gene() -> None:
    model = make(tokens="expressed")
    output = model(torch.zeros(2, N_GENES))
    output.logits.sum().backward()
    z = model.standardizer(torch.zeros(2, N_GENES))
    expected = model.token(z).sum(dim=1) * model.pool_scale
    torch.testing.assert_close(output.embedding, expected, rtol=1e-5, atol=1e-5)
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(torch.isfinite(grad).all() for grad in grads)


@pytest.mark.parametrize("attention", ["knn", "none"])
@pytest.mark.parametrize("token", ["multiplicative", "additive"])
def test_no_cells_at_all(attention: str, token: str) -> None:
    model = make(tokens="expressed", attention=attention, token=token, n_layers=2)
    values = torch.zeros(0, N_GENES, requires_grad=True)
    output = model(values)
    output.logits.sum().backward()
    assert output.logits.shape == (0, 3)
    assert values.grad is not None
    assert values.grad.shape == values.shape
    grads = [p.grad for p in model.parameters()]
    assert all(grad is not None and not grad.any() for grad in grads)


def test_dropped_genes_are_no_tokens() -> None:
    model, values = make(tokens="expressed", gene_dropout=0.5).train(), make_values().float()
    torch.manual_seed(1)
    z = model.gene_dropout(model.standardizer(values))
    tokens = model.expressed(values, z)
    dropped = ((values > 0) & (z == 0)).numpy()
    listed = np.zeros_like(dropped)
    listed[tokens.cell, tokens.gene] = True
    assert dropped.sum() > 20
    assert np.array_equal(listed, (values.numpy() > 0) & ~dropped)


def test_same_bits_every_time() -> None:
    def run() -> list[torch.Tensor]:
        model = make(tokens="expressed", gene_dropout=0.2, attention_dropout=0.1).train()
        torch.manual_seed(4)
        model(make_values(32).float()).logits.square().sum().backward()
        return [p.grad.clone() for p in model.parameters()]  # type: ignore[union-attr]

    assert all(torch.equal(one, other) for one, other in zip(run(), run(), strict=True))


class LargestTensor(TorchFunctionMode):
    """The number of elements of the largest tensor that any torch function returns."""

    elements = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.elements = max(self.elements, result.numel())
        return result


def test_memory_grows_with_what_is_expressed_not_with_the_genes() -> None:
    n_genes, n_cells = 4000, 64
    model = make(n_genes, tokens="expressed")
    values = make_values(n_cells, n_genes, share=0.01).float()
    n_tokens = int((values > 0).sum())
    with LargestTensor() as largest:
        model(values).logits.sum().backward()
    d = model.config.d_model
    assert largest.elements >= n_tokens * 3 * d  # it saw queries, keys and values
    assert largest.elements <= max(n_genes * n_cells, n_tokens * 3 * d) < n_genes * n_cells * d / 10
