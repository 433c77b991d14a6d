from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from scrna_longformer.attention import knn_attention
from scrna_longformer.graph import GeneGraph, _gene_graph, restrict
from scrna_longformer.graph._gene_graph import ORDER_FROM
from scrna_longformer.nn import LocalGraphAttention, LongformerConfig
from scrna_longformer.nn._attention import attention_graph, make_attention

B, H, G, D = 3, 2, 11, 32


@pytest.fixture
def x():
    return torch.randn(B, G, D, generator=torch.Generator().manual_seed(0))


def masks(*shape, seed=0):
    mask = torch.rand(*shape, G, G, generator=torch.Generator().manual_seed(seed)) < 0.3
    return mask | torch.eye(G, dtype=torch.bool)


def as_graph(mask):
    return GeneGraph.from_scipy(sparse.csr_matrix(mask.numpy()))


@pytest.fixture
def layer():
    torch.manual_seed(1)
    layer = LocalGraphAttention(D, H)
    torch.nn.init.normal_(layer.query_bias)
    torch.nn.init.normal_(layer.value_bias)
    return layer


def test_equals_projections_around_the_function(layer, x):
    graph = as_graph(masks())
    bias = torch.cat([layer.query_bias, torch.zeros(D), layer.value_bias])
    qkv = x @ layer.qkv.weight.T + bias
    expected = knn_attention(qkv, graph, n_heads=H, backend="eager") @ layer.out.weight.T
    torch.testing.assert_close(layer(x, graph), expected + layer.out.bias)


def test_all_forms_of_one_mask_agree(layer, x):
    mask = masks()
    expected = layer(x, as_graph(mask))
    forms = {
        "G, G": (mask, None),
        "B, G, G": (mask.expand(B, G, G), None),
        "H, G, G": (mask.expand(H, G, G), None),
        "B, H, G, G": (mask.expand(B, H, G, G), None),
        "1, H, G, G": (mask.expand(1, H, G, G), None),
    }
    for form, (tensor, axis) in forms.items():
        torch.testing.assert_close(layer(x, tensor, axis), expected, msg=form)


def test_a_tensor_is_not_put_in_order_at_every_call(layer, monkeypatch):
    mask = torch.eye(ORDER_FROM, dtype=torch.bool)
    mask[:, 5] = True
    x = torch.randn(2, ORDER_FROM, D)
    expected = layer(x, as_graph(mask))
    monkeypatch.setattr(_gene_graph, "module_order", lambda graph: pytest.fail("sought an order"))
    torch.testing.assert_close(layer(x, mask), expected)


def test_masks_per_cell(layer, x):
    mask = masks(B)
    out = layer(x, mask)
    for cell in range(B):
        expected = layer(x[cell : cell + 1], as_graph(mask[cell]))[0]
        torch.testing.assert_close(out[cell], expected)


def test_masks_per_head(layer, x):
    mask = masks(H)
    mixed = layer(x, mask)
    torch.nn.init.eye_(layer.out.weight)
    mixed = layer(x, mask)
    for head in range(H):  # feature f is of head f % H
        expected = layer(x, as_graph(mask[head]))
        torch.testing.assert_close(mixed[..., head::H], expected[..., head::H])


def test_as_many_cells_as_heads_needs_an_axis(layer, x):
    x, mask = x[:H], masks(H)
    with pytest.raises(ValueError, match="`mask_axis='batch'` or `mask_axis='head'`"):
        layer(x, mask)
    by_cell, by_head = layer(x, mask, mask_axis="batch"), layer(x, mask, mask_axis="head")
    torch.testing.assert_close(by_cell, layer(x, mask[:, None].expand(H, H, G, G)))
    torch.testing.assert_close(by_head, layer(x, mask[None].expand(H, H, G, G)))
    assert not torch.allclose(by_cell, by_head)


@pytest.mark.parametrize(
    ("mask", "axis", "message"),
    [
        (None, None, "`mask` is missing"),
        (torch.ones(G, G + 1, dtype=torch.bool), None, "its last two must be the 11 genes"),
        (torch.ones(5, G, G, dtype=torch.bool), None, "3 cells and 2 heads"),
        (torch.ones(B, G, G, dtype=torch.bool), "head", "`mask_axis`='head'"),
        (torch.ones(B, G, G, dtype=torch.bool), "genes", "`mask_axis` must be"),
        (torch.ones(H, B, G, G, dtype=torch.bool), None, "with 3 cells and 2 heads it may be"),
        (torch.zeros(B, G, G, dtype=torch.bool), None, "true on its diagonal"),
        (torch.zeros(G, G, dtype=torch.bool), None, "no self loop"),
    ],
)
def test_masks_that_do_not_fit(layer, x, mask, axis, message):
    with pytest.raises(ValueError, match=message):
        layer(x, mask, axis)


def test_a_mask_of_numbers_is_refused(layer, x):
    with pytest.raises(TypeError, match="boolean tensor .*not torch.float32"):
        layer(x, torch.zeros(G, G))


def test_a_mask_that_is_no_tensor_is_refused(layer, x):
    mask = masks().numpy()
    for other, name in ((mask, "ndarray"), (sparse.csr_matrix(mask), "csr_matrix")):
        with pytest.raises(TypeError, match=f"not a {name}.*GeneGraph.from_scipy"):
            layer(x, other)


@pytest.mark.parametrize("form", ["graph", "G, G", "B, H, G, G"])
def test_an_axis_that_does_not_exist_is_refused(layer, x, form):
    mask = masks()
    forms = {"graph": as_graph(mask), "G, G": mask, "B, H, G, G": mask.expand(B, H, G, G)}
    with pytest.raises(ValueError, match="`mask_axis` must be .*not 'genes'"):
        layer(x, forms[form], "genes")


@pytest.mark.parametrize("kind", ["knn", "full", "linear"])
def test_a_list_of_tokens_without_their_cells_is_refused(x, kind):
    layer, mask = LocalGraphAttention(D, H, attention=kind), masks().expand(H, G, G)
    with pytest.raises(ValueError, match=r"`x` must be \(cells, genes, d_model\).*2 dimensions"):
        layer(x[0], mask)


@pytest.mark.parametrize("kind", ["random", "full", "linear"])
def test_the_graph_of_several_cells_does_not_mix_them(x, kind):
    """Where the TokenGraph was meant, and its plain graph is passed."""
    tokens = restrict(as_graph(masks()), np.ones((B, G), dtype=bool))
    layer = LocalGraphAttention(D, H, attention=kind)
    for tokens_of_cells in (x.flatten(0, 1), x.reshape(1, B * G, D)):
        with pytest.raises(ValueError, match="mix the cells"):
            layer(tokens_of_cells, tokens.graph)


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 1.5, float("nan"), "0.1", None])
def test_dropout_is_a_share(dropout):
    with pytest.raises(ValueError, match=r"`dropout` must be a number in \[0, 1\).*, not"):
        LocalGraphAttention(D, H, dropout=dropout)


@pytest.mark.parametrize("n_heads", [0, -2, 2.0])
def test_heads_are_counted(n_heads):
    with pytest.raises(ValueError, match=f"`n_heads` must be an integer .*not {n_heads}"):
        LocalGraphAttention(D, n_heads)


@pytest.mark.parametrize("per_cell", [False, True])
def test_dropout_follows_torchs_seed_and_the_mode(x, per_cell):
    layer = LocalGraphAttention(D, H, dropout=0.5)
    mask = masks()
    mask = mask.expand(B, G, G) if per_cell else as_graph(mask)

    def run():
        torch.manual_seed(3)
        return layer(x, mask)

    assert torch.equal(run(), run())
    assert not torch.equal(layer(x, mask), layer(x, mask))
    layer.eval()
    assert torch.equal(layer(x, mask), layer(x, mask))


def test_dropout_is_that_of_the_graph_under_a_mask_per_cell(x):
    layer, mask = LocalGraphAttention(D, H, dropout=0.5), masks()
    torch.manual_seed(3)
    shared = layer(x, as_graph(mask))
    torch.manual_seed(3)
    torch.testing.assert_close(layer(x, mask.expand(B, G, G)), shared)


def test_kinds_of_attention(x):
    graph = as_graph(masks())
    torch.manual_seed(1)
    weights = LocalGraphAttention(D, H).state_dict()
    out = {}
    for kind in ("knn", "random", "self", "full", "linear"):
        layer = LocalGraphAttention(D, H, attention=kind)
        layer.load_state_dict(weights)
        out[kind] = layer(x, graph)
        assert out[kind].shape == x.shape
    knn = LocalGraphAttention(D, H)
    knn.load_state_dict(weights)
    torch.testing.assert_close(out["full"], knn(x, GeneGraph.full(G)))
    torch.testing.assert_close(out["self"], knn(x, GeneGraph.self_only(G)))
    torch.testing.assert_close(out["random"], knn(x, attention_graph("random", graph)))
    pairs = [(a, b) for a in out for b in out if a < b]
    assert not any(torch.allclose(out[a], out[b]) for a, b in pairs)


def test_random_is_seeded_and_keeps_degrees():
    graph = as_graph(masks())
    first = attention_graph("random", graph, 0)
    assert attention_graph("random", graph, 0) is first
    assert np.array_equal(np.sort(first.degrees), np.sort(graph.degrees))
    assert not np.array_equal(attention_graph("random", graph, 1).indices, first.indices)


def test_unknown_kind():
    with pytest.raises(ValueError, match="`attention` must be one of .*not 'sparse'"):
        LocalGraphAttention(D, H, attention="sparse")


def test_made_from_a_config():
    config = LongformerConfig(n_genes=G, n_classes=2, d_model=D, n_heads=H, attention="full")
    assert make_attention(config).attention == "full"
    config = LongformerConfig(n_genes=G, n_classes=2, d_model=D, n_heads=H, attention="none")
    assert make_attention(config) is None


def test_gradients_of_both_paths_agree(layer, x):
    mask = masks()
    grads = []
    for form in (as_graph(mask), mask.expand(B, G, G)):
        layer.zero_grad()
        layer(x, form).square().sum().backward()
        grads.append([p.grad.clone() for p in layer.parameters()])
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_a_config_says_how_genes_are_relabelled(x):
    graph = as_graph(masks())
    fields = {"n_genes": G, "n_classes": 2, "d_model": D, "n_heads": H, "attention": "random"}
    out = []
    for attention_seed in (0, 0, 1):
        torch.manual_seed(0)
        layer = make_attention(LongformerConfig(**fields, attention_seed=attention_seed))
        out.append(layer(x, graph))
    torch.testing.assert_close(out[0], out[1])
    assert not torch.allclose(out[0], out[2])


def test_gain_widens_queries_and_keys_alone():
    torch.manual_seed(0)
    even = LocalGraphAttention(16, 2)
    torch.manual_seed(0)
    sharp = LocalGraphAttention(16, 2, gain=3.0)
    torch.testing.assert_close(sharp.qkv.weight[:32], 3 * even.qkv.weight[:32])
    torch.testing.assert_close(sharp.qkv.weight[32:], even.qkv.weight[32:])
