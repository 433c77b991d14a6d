from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from scrna_longformer.graph import GeneGraph
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.nn._input import GeneDropout, GeneStandardizer

N_GENES = 12


@pytest.fixture
def graph(rng: np.random.Generator) -> GeneGraph:
    mask = rng.random((N_GENES, N_GENES)) < 0.3
    return GeneGraph.from_scipy(sparse.csr_matrix(mask | mask.T | np.eye(N_GENES, dtype=bool)))


def make(graph: GeneGraph, **fields: object) -> GeneLongformer:
    torch.manual_seed(0)
    config = LongformerConfig(n_genes=N_GENES, n_classes=3, **fields)  # type: ignore[arg-type]
    return GeneLongformer(config, graph)


def effective_rank(embedding: torch.Tensor) -> float:
    """Exponential of the entropy of the normalised singular values (Roy & Vetterli, 2007)."""
    values = torch.linalg.svdvals(embedding - embedding.mean(0))
    p = values / values.sum()
    return float(torch.exp(-(p * torch.log(p.clamp_min(1e-12))).sum()))


def test_head_starts_at_the_uniform_prediction(graph: GeneGraph) -> None:
    logits = make(graph)(torch.rand(4, N_GENES)).logits
    assert torch.equal(logits, torch.zeros(4, 3))


def test_multiplicative_tokens_keep_the_cells_apart_where_additive_ones_do_not() -> None:
    n = 64
    torch.manual_seed(0)
    values = torch.randn(200, n)
    rank = {}
    for token in ("multiplicative", "additive"):
        config = LongformerConfig(n_genes=n, n_classes=2, token=token, pooling="mean")
        model = GeneLongformer(config, GeneGraph.self_only(n)).eval()
        rank[token] = effective_rank(model(values).embedding.detach())
    assert rank["multiplicative"] > 8
    assert rank["additive"] < 4


def test_prototype_pools_to_about_one_number_per_cell() -> None:
    """The failure that the preset is kept for: one direction holds what varies between cells."""
    share = {}
    for token in ("additive", "multiplicative"):
        torch.manual_seed(0)
        config = LongformerConfig.from_preset("prototype", n_genes=64, n_classes=5, token=token)
        output = GeneLongformer(config, GeneGraph.self_only(64)).eval()(torch.randn(200, 64))
        embedding = output.embedding.detach()
        variances = torch.linalg.svdvals(embedding - embedding.mean(0)) ** 2
        share[token] = float(variances[0] / variances.sum())
        torch.testing.assert_close(embedding.mean(dim=1), torch.zeros(200), atol=1e-5, rtol=0)
        assert output.logits.abs().min() > 0  # its head starts at random
    assert share["additive"] > 0.95
    assert share["multiplicative"] < 0.2


def test_a_gene_reaches_its_neighbours_alone(graph: GeneGraph) -> None:
    """Before pooling, changing one gene changes the tokens of the genes that attend to it."""
    model = make(graph).eval()
    for parameter in model.encoder.parameters():  # a fresh block adds nothing
        torch.nn.init.normal_(parameter, std=0.3)
    values = torch.rand(1, N_GENES)
    changed = values.clone()
    changed[0, 5] += 1

    def tokens(x: torch.Tensor) -> torch.Tensor:
        return model.encoder(model.token(model.standardizer(x)), graph)[0]

    moved = (tokens(values) - tokens(changed)).abs().amax(dim=1).detach().numpy() > 1e-6
    attends_to_5 = graph.to_scipy().toarray()[:, 5]
    assert np.array_equal(moved, attends_to_5)


@pytest.mark.parametrize("attention", ["knn", "random", "full", "self", "linear", "none"])
def test_every_attention_takes_the_same_seat_and_learns(graph: GeneGraph, attention: str) -> None:
    model = make(graph, attention=attention)
    output = model(torch.rand(5, N_GENES))
    output.embedding.square().sum().backward()
    assert output.logits.shape == (5, 3)
    assert torch.isfinite(output.embedding).all()
    assert float(model.token.direction.grad.abs().sum()) > 0  # type: ignore[union-attr]


def test_no_attention_has_no_attention_parameters(graph: GeneGraph) -> None:
    names = dict(make(graph, attention="none").named_parameters())
    assert not [name for name in names if "attention" in name]


def test_a_fresh_encoder_is_the_identity(graph: GeneGraph) -> None:
    h = torch.rand(2, N_GENES, 16)
    assert torch.equal(make(graph).encoder(h, graph), h)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("attention", ["knn", "none"])
def test_pooling_inside_the_last_block_is_pooling_after_it(
    graph: GeneGraph, attention: str, dropout: float
) -> None:
    encoder = make(graph, attention=attention, n_layers=2, dropout=dropout, zero_init=False).encoder
    h = torch.rand(3, N_GENES, 16)
    found, expected = [], []
    for result, forward in (
        (found, lambda: encoder.pooled(h, graph, lambda tokens: tokens.sum(dim=1))),
        (expected, lambda: encoder(h, graph).sum(dim=1)),
    ):
        torch.manual_seed(0)
        encoder.zero_grad()
        out = forward()
        out.square().sum().backward()
        result += [out.detach(), *(p.grad.clone() for p in encoder.parameters())]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_genes_may_be_listed_in_any_order(graph: GeneGraph, rng: np.random.Generator) -> None:
    model = make(graph).eval()
    order = rng.permutation(N_GENES)
    shuffled_graph = GeneGraph.from_scipy(graph.to_scipy()[order][:, order])
    shuffled = GeneLongformer(model.config, shuffled_graph).eval()
    state = {
        name: value[order] if value.ndim and len(value) == N_GENES and "token" in name else value
        for name, value in model.state_dict().items()
    }
    shuffled.load_state_dict(state)
    values = torch.rand(3, N_GENES)
    expected = model(values).embedding
    torch.testing.assert_close(shuffled(values[:, order]).embedding, expected, rtol=1e-5, atol=1e-6)


def test_graph_of_another_size_is_refused(graph: GeneGraph) -> None:
    with pytest.raises(ValueError, match="12 genes, but `config.n_genes` is 7"):
        GeneLongformer(LongformerConfig(n_genes=7, n_classes=2), graph)


def test_standardizer_is_the_z_score_and_leaves_constant_genes_at_zero() -> None:
    values = torch.tensor([[1.0, 5.0, 0.0], [3.0, 5.0, 1000.0]])
    standardizer = GeneStandardizer(3)
    standardizer.set_statistics(torch.tensor([2.0, 5.0, 0.0]), torch.tensor([1.0, 0.0, 2.0]))
    assert standardizer(values).tolist() == [[-1.0, 0.0, 0.0], [1.0, 0.0, 10.0]]


def test_gene_dropout_hides_whole_values_in_training_only() -> None:
    torch.manual_seed(0)
    z = torch.full((400, 50), 3.0)
    dropout = GeneDropout(0.2)
    dropped = dropout(z)
    assert set(dropped.unique().tolist()) == {0.0, 3.0}
    assert float((dropped == 0).float().mean()) == pytest.approx(0.2, abs=0.01)
    assert torch.equal(dropout.eval()(z), z)
