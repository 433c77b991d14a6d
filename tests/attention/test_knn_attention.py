"""Every backend against softmax attention written out in float64."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from torch.overrides import TorchFunctionMode

from scrna_longformer.attention import (
    BACKENDS,
    _numba_plain,
    knn_attention,
    knn_attention_weights,
    linear_attention,
    resolve_backend,
)
from scrna_longformer.attention._dropout import Dropout
from scrna_longformer.graph import GeneGraph, restrict

LAYOUTS = [(16, 1), (32, 2), (64, 4), (48, 8), (32, 16), (128, 4)]  # (d, n_heads) of the vectors
UNSERVED = [(24, 3), (12, 6)]
LINEAR_MEMORY = ("gather", "numba", "numba_plain")


def oracle(qkv, mask, n_heads, scale=None):
    """The formula, one head at a time, in float64."""
    q, k, v = qkv.double().chunk(3, dim=-1)
    d_head = q.shape[-1] // n_heads
    scale = 1 / math.sqrt(d_head) if scale is None else scale
    out = torch.zeros_like(q)
    for h in range(n_heads):
        features = slice(h, None, n_heads)
        scores = scale * q[..., features] @ k[..., features].transpose(-1, -2)
        weights = torch.where(mask, scores, -torch.inf).softmax(-1)
        out[..., features] = weights @ v[..., features]
    return out


def random_graph(n_genes, degree, seed=0, hubs=0):
    """Asymmetric, with self loops, and hubs that attend to and are attended by half of all genes."""
    rng = np.random.default_rng(seed)
    mask = rng.random((n_genes, n_genes)) < degree / n_genes
    mask[:hubs] |= rng.random((hubs, n_genes)) < 0.5
    mask[:, :hubs] |= rng.random((n_genes, hubs)) < 0.5
    np.fill_diagonal(mask, val=True)
    return GeneGraph.from_scipy(sparse.csr_matrix(mask)), torch.as_tensor(mask)


def relative(actual, expected):
    size = expected.norm()
    return float((actual.double() - expected).norm() / size) if size else float(actual.norm())


def compare(qkv, graph, mask, n_heads, backend, seed=0, tolerance=1e-6, **options):
    """Compare output and all gradients with the oracle's."""
    generator = torch.Generator().manual_seed(seed)
    expected_in = qkv.detach().double().requires_grad_()
    expected = oracle(expected_in, mask, n_heads, **options)
    weight = torch.randn(expected.shape, generator=generator)
    expected.backward(weight.double())
    actual_in = qkv.detach().clone().requires_grad_()
    actual = knn_attention(actual_in, graph, n_heads=n_heads, backend=backend, **options)
    actual.backward(weight.to(qkv.dtype))
    assert actual.dtype == qkv.dtype
    assert relative(actual.detach(), expected.detach()) < tolerance
    d = qkv.shape[-1] // 3
    for third in (slice(d), slice(d, 2 * d), slice(2 * d, 3 * d)):
        exact = expected_in.grad[..., third]
        if exact.norm() > 1e-9 * expected_in.grad.norm():  # one gene: no gradient but the values'
            assert relative(actual_in.grad[..., third], exact) < tolerance


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("n_genes", "n_cells"), [(1, 2), (2, 1), (17, 33), (201, 2)])
def test_equals_the_formula(backend, n_genes, n_cells):
    graph, mask = random_graph(n_genes, 8)
    qkv = torch.randn(n_cells, n_genes, 3 * 64, generator=torch.Generator().manual_seed(1))
    compare(qkv, graph, mask, 4, backend)


@pytest.mark.parametrize(("d", "n_heads"), LAYOUTS)
def test_every_layout_of_the_vector_kernels(d, n_heads):
    graph, mask = random_graph(45, 9, hubs=2)
    assert resolve_backend("cpu", d_model=d, n_heads=n_heads, n_genes=45) == "numba"
    compare(torch.randn(3, 45, 3 * d), graph, mask, n_heads, "numba")


@pytest.mark.parametrize(("d", "n_heads"), [(4, 1), (8, 2), (24, 4), (40, 8), (1, 1)])
def test_other_widths_are_filled_up(d, n_heads):
    graph, mask = random_graph(45, 9, hubs=2)
    assert resolve_backend("cpu", d_model=d, n_heads=n_heads, n_genes=45) == "numba"
    compare(torch.randn(3, 45, 3 * d), graph, mask, n_heads, "numba")


@pytest.mark.parametrize(("d", "n_heads"), UNSERVED)
def test_other_numbers_of_heads_run_the_plain_loops(d, n_heads):
    graph, mask = random_graph(30, 6)
    qkv = torch.randn(2, 30, 3 * d)
    assert resolve_backend("cpu", d_model=d, n_heads=n_heads, n_genes=30) == "numba_plain"
    compare(qkv, graph, mask, n_heads, "auto")
    with pytest.raises(ValueError, match=f"not d={d} with {n_heads} heads"):
        knn_attention(qkv, graph, n_heads=n_heads, backend="numba")


@pytest.mark.parametrize("backend", LINEAR_MEMORY)
def test_hubs_of_hundreds_of_neighbours(backend):
    graph, mask = random_graph(500, 5, hubs=3)
    assert graph.max_degree > 200
    assert not graph.is_symmetric
    compare(torch.randn(2, 500, 3 * 32), graph, mask, 2, backend)


@pytest.mark.parametrize("backend", LINEAR_MEMORY)
def test_all_genes_as_neighbours(backend):
    compare(
        torch.randn(2, 33, 3 * 32), GeneGraph.full(33), torch.ones(33, 33, dtype=bool), 2, backend
    )


def test_two_thousand_genes_in_module_order():
    graph, mask = random_graph(2000, 20, hubs=2)
    assert graph.visiting_order is not None
    compare(torch.randn(1, 2000, 3 * 32), graph, mask, 2, "numba")


@cache
def pbmc68k_graph():
    """Gene neighbours in the 765 genes of pbmc68k_reduced, which ships with Scanpy."""
    import scanpy as sc

    x = sc.datasets.pbmc68k_reduced().X
    x = np.asarray(x - x.mean(0), dtype=np.float64)
    similarity = (x / np.linalg.norm(x, axis=0)).T @ (x / np.linalg.norm(x, axis=0))
    nearest = np.argpartition(-similarity, 16, axis=1)[:, :17]
    mask = np.eye(len(similarity), dtype=bool)
    np.put_along_axis(mask, nearest, values=True, axis=1)
    return mask | mask.T


@pytest.mark.filterwarnings("ignore")  # Scanpy's file is old, which is not our matter
def test_real_graph():
    mask = pbmc68k_graph()
    graph = GeneGraph.from_scipy(sparse.csr_matrix(mask))
    assert graph.n_genes == 765
    compare(torch.randn(1, 765, 3 * 64), graph, torch.as_tensor(mask), 4, "numba")


@pytest.mark.parametrize("backend", BACKENDS)
def test_logits_of_a_thousand(backend):
    graph, mask = random_graph(40, 8)
    # whole numbers times a power of two: the scores are exact in float32, up to +-1000 and more
    qkv = torch.randint(-9, 10, (2, 40, 3 * 32), generator=torch.Generator().manual_seed(2)).float()
    scale = 4.0
    scores = scale * qkv[..., :32:2] @ qkv[..., 32:64:2].mT
    assert scores.abs().max() > 1000
    # torch's fused backward keeps log-sum-exp, which at 1000 is rounded to 6e-5: 5e-6 measured
    compare(
        qkv, graph, mask, 2, backend, scale=scale, tolerance=1e-5 if backend == "sdpa" else 1e-6
    )


def test_plain_loops_keep_their_digits_where_scores_are_large():
    """Scores that float32 does not hold exactly: the backward needs the largest as the forward had it."""
    graph, mask = random_graph(40, 8)
    qkv = torch.randn(2, 40, 3 * 24, generator=torch.Generator().manual_seed(3))
    qkv[..., :48] *= 10
    # scores up to 447, of products rounded to float32: 1e-6 measured; 6e-5 with a rounded largest
    compare(qkv, graph, mask, 3, "numba_plain", tolerance=1e-5)


@pytest.mark.parametrize("backend", LINEAR_MEMORY)
@pytest.mark.parametrize("third", range(3))
def test_nan_reaches_those_that_attend_to_it_alone(backend, third):
    graph, mask = random_graph(40, 8)
    qkv = torch.randn(3, 40, 96)
    qkv[1, 7, 32 * third : 32 * (third + 1)] = torch.nan
    spoilt = knn_attention(qkv, graph, n_heads=2, backend=backend).isnan().any(-1)
    expected = torch.zeros(3, 40, dtype=torch.bool)
    expected[1] = mask[:, 7] if third else torch.arange(40) == 7  # a query spoils itself
    assert torch.equal(spoilt, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_not_contiguous_and_no_cells(backend):
    graph, mask = random_graph(20, 5)
    wide = torch.randn(3 * 32, 20, 4)
    compare(wide.permute(2, 1, 0)[::2], graph, mask, 2, backend)
    nothing = torch.randn(0, 20, 96, requires_grad=True)
    out = knn_attention(nothing, graph, n_heads=2, backend=backend)
    out.sum().backward()
    assert out.shape == (0, 20, 32)
    assert nothing.grad.shape == nothing.shape


def test_gradient_that_is_not_contiguous():
    graph, _ = random_graph(20, 5)
    qkv = torch.randn(2, 20, 96)
    grads = []
    for backend in ("numba", "eager"):
        leaf = qkv.clone().requires_grad_()
        # the gradient of a sum is one number, expanded
        knn_attention(leaf, graph, n_heads=2, backend=backend).sum().backward()
        grads.append(leaf.grad)
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    n_genes=st.integers(1, 40),
    density=st.floats(0, 1),
    n_cells=st.integers(1, 4),
    layout=st.sampled_from([(32, 2), (64, 4)]),
    backend=st.sampled_from(LINEAR_MEMORY),
    ordered=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_random_graphs(n_genes, density, n_cells, layout, backend, ordered, seed):
    _, mask = random_graph(n_genes, density * n_genes, seed)
    order = np.random.default_rng(seed).permutation(n_genes) if ordered else None
    graph = GeneGraph.from_scipy(sparse.csr_matrix(mask.numpy()), order=order)
    qkv = torch.randn(
        n_cells, n_genes, 3 * layout[0], generator=torch.Generator().manual_seed(seed)
    )
    compare(qkv, graph, mask, layout[1], backend, seed)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("boundaries", [False, True])
def test_ragged_tokens(backend, boundaries):
    sizes = [7, 1, 12]
    blocks = [random_graph(size, 4, seed)[1].numpy() for seed, size in enumerate(sizes)]
    matrix = sparse.block_diag([sparse.coo_array(block) for block in blocks], format="csr")
    graph = GeneGraph.from_scipy(matrix)
    if boundaries:
        cells = np.cumsum([0, *sizes]).astype(np.int32)
        graph = GeneGraph(graph.indptr, graph.indices, cells=cells)
    compare(torch.randn(20, 96), graph, torch.as_tensor(matrix.toarray()), 2, backend)


@pytest.mark.parametrize("backend", ["eager", "sdpa", "gather", "numba_plain"])
@pytest.mark.parametrize("dropout_p", [0.0, 0.4])
def test_gradcheck(backend, dropout_p):
    graph, _ = random_graph(6, 3)
    qkv = torch.randn(2, 6, 12, dtype=torch.float64, requires_grad=True)

    def attend(x):
        return knn_attention(x, graph, n_heads=2, dropout_p=dropout_p, seed=1, backend=backend)

    assert torch.autograd.gradcheck(attend, qkv)


@pytest.mark.parametrize("backend", LINEAR_MEMORY)
@pytest.mark.parametrize("contiguous", [True, False])
@pytest.mark.parametrize(
    "loss", [torch.Tensor.sum, lambda out: out.square().sum()], ids=["sum", "square"]
)
def test_double_backward_is_refused(backend, contiguous, loss):
    """Also where the gradient that comes in is a constant, as that of a sum is."""
    graph, _ = random_graph(6, 3)
    x = torch.randn(2, 6, 48) if contiguous else torch.randn(48, 6, 2).permute(2, 1, 0)
    x.requires_grad_()
    out = knn_attention(2 * x, graph, n_heads=2, backend=backend)
    (grad,) = torch.autograd.grad(loss(out), x, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable once.*backend='eager'"):
        grad.square().sum().backward()


@pytest.mark.parametrize("backend", LINEAR_MEMORY)
def test_double_backward_through_a_layer_below_is_refused(backend):
    """Its weights give the gradient a graph of its own, in which attention would be missing."""
    graph, _ = random_graph(6, 3)
    below = torch.nn.Linear(48, 48)
    x = torch.randn(2, 6, 48, requires_grad=True)
    out = knn_attention(below(x), graph, n_heads=2, backend=backend)
    (grad,) = torch.autograd.grad(out, x, torch.ones_like(out), create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable once"):
        grad.square().sum().backward()


@pytest.mark.parametrize("backend", LINEAR_MEMORY)
def test_a_gradient_with_a_graph_has_the_same_bits(backend):
    graph, _ = random_graph(30, 6)
    qkv = torch.randn(2, 30, 96, requires_grad=True)
    grads = [
        torch.autograd.grad(
            knn_attention(qkv, graph, n_heads=2, backend=backend).sum(), qkv, create_graph=again
        )[0].detach()
        for again in (False, True)
    ]
    assert torch.equal(*grads)


def test_eager_is_differentiable_twice():
    graph, _ = random_graph(5, 3)
    qkv = torch.randn(2, 5, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(
        lambda x: knn_attention(x, graph, n_heads=2, backend="eager"), qkv
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_dropout_drops_the_same_weights_everywhere(backend):
    graph, _ = random_graph(40, 9)
    options = {"n_heads": 2, "dropout_p": 0.3, "seed": 5}
    qkv = torch.randn(3, 40, 96)
    results = []
    for name, dtype in (("eager", torch.float64), (backend, torch.float32)):
        leaf = qkv.to(dtype).requires_grad_()
        out = knn_attention(leaf, graph, backend=name, **options)
        out.square().sum().backward()
        results.append((out.detach(), leaf.grad))
    for expected, actual in zip(*results, strict=True):
        assert relative(actual, expected) < 1e-6


def test_dropout_is_random_enough():
    n = 60
    graph = GeneGraph.full(n)
    qkv = torch.zeros(50, n, 3 * 16)
    qkv[..., 32:] = 1.0  # weights are 1 / n, values 1: the output counts the weights kept

    def kept(seed):
        out = knn_attention(qkv, graph, n_heads=2, dropout_p=0.25, seed=seed)
        return out[..., :2] * n * 0.75

    counts = kept(1)
    assert not torch.equal(counts, kept(2))
    assert torch.equal(counts, kept(1))
    # binomial(60, 0.75): mean 45, standard deviation 3.354; 6,000 draws
    assert abs(counts.mean() - 45) < 4 * 3.354 / 6000**0.5
    assert abs(counts.std() - 3.354) < 0.15
    # no pattern between cells, queries or heads
    for axis in range(3):
        flat = counts.movedim(axis, 0).flatten(1)
        assert abs(np.corrcoef(flat[0], flat[1])[0, 1]) < 4 / flat.shape[1] ** 0.5


@pytest.mark.parametrize("backend", BACKENDS)
def test_dropout_of_nearly_everything(backend):
    """The threshold is a number of 32 bits, also where it would round up to 33."""
    options = {"n_heads": 2, "dropout_p": 1 - 1e-12, "seed": 5, "backend": backend}
    assert not knn_attention(torch.randn(3, 9, 96), GeneGraph.full(9), **options).any()


def test_dropout_counters_of_many_edges_wrap_alike():
    """Sixteen heads of 300 million edges are more than 32 bits count."""
    dropout, n_heads = Dropout(0.5, 3), 16
    edges = torch.arange(2**28 - 2, 2**28 + 30)
    keys = dropout.keys(2), np.uint32(dropout.threshold), dropout.kept_scale
    expected = [
        [_numba_plain._keep(int(edge), h, n_heads, 1, keys) for h in range(n_heads)]
        for edge in edges
    ]
    found = dropout.factors(range(1, 2), edges[None, :, None], n_heads, torch.float64)
    assert found[0].tolist() == expected


def test_same_bits_for_any_number_of_threads():
    graph, _ = random_graph(2100, 16, hubs=3)
    qkv = torch.randn(3, 2100, 3 * 64)
    weight = torch.randn(3, 2100, 64)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3, 1):
            torch.set_num_threads(threads)
            leaf = qkv.clone().requires_grad_()
            out = knn_attention(leaf, graph, n_heads=4, dropout_p=0.1, seed=1)
            out.backward(weight)
            results.append((out.detach(), leaf.grad))
    finally:
        torch.set_num_threads(before)
    for out, grad in results[1:]:
        assert torch.equal(out, results[0][0])
        assert torch.equal(grad, results[0][1])


def test_half_precision_is_computed_in_float32():
    graph, _ = random_graph(30, 6)
    qkv = torch.randn(2, 30, 96).bfloat16()
    out = knn_attention(qkv, graph, n_heads=2)
    assert out.dtype == torch.bfloat16
    assert torch.equal(out, knn_attention(qkv.float(), graph, n_heads=2).bfloat16())


class LikeAutocastOnCuda(TorchFunctionMode):
    """Softmax of half precision in float32."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function is torch.Tensor.softmax:
            kwargs["dtype"] = torch.float32
        return function(*args, **kwargs)


def test_gather_returns_its_dtype_under_autocast():
    graph, _ = random_graph(30, 6)
    qkv = torch.randn(2, 30, 96).bfloat16().requires_grad_()
    with LikeAutocastOnCuda():
        out = knn_attention(qkv, graph, n_heads=2, backend="gather")
        weights = knn_attention_weights(qkv, graph, n_heads=2)
    out.sum().backward()
    assert out.dtype == weights.dtype == qkv.grad.dtype == torch.bfloat16
    exact = knn_attention(qkv.detach().double(), graph, n_heads=2, backend="eager")
    assert relative(out.detach(), exact) < 1e-2


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dropout_p", [0.0, 0.4])
def test_autocast_changes_no_bit(backend, dropout_p):
    graph, _ = random_graph(30, 6)
    options = {"n_heads": 2, "dropout_p": dropout_p, "seed": 1, "backend": backend}
    results = []
    for enabled in (False, True):
        qkv = torch.randn(2, 30, 96, generator=torch.Generator().manual_seed(0)).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            out = knn_attention(qkv, graph, **options)
        out.square().sum().backward()
        results.append((out.detach(), qkv.grad))
    for without, within in zip(*results, strict=True):
        assert within.dtype == torch.float32
        assert torch.equal(within, without)


def test_weights_are_those_of_the_formula():
    graph, mask = random_graph(30, 6)
    qkv = torch.randn(4, 30, 96, dtype=torch.float64)
    q, k = qkv[..., :32], qkv[..., 32:64]
    weights = knn_attention_weights(qkv, graph, n_heads=2)
    for h in range(2):
        scores = q[..., h::2] @ k[..., h::2].mT / 4
        dense = torch.where(mask, scores, -torch.inf).softmax(-1)
        torch.testing.assert_close(weights[..., h], dense[:, graph.rows, graph.indices])
    mean = knn_attention_weights(qkv, graph, n_heads=2, mean_over_cells=True)
    torch.testing.assert_close(mean, weights.mean(0))


def test_linear_attention_equals_its_pairwise_form():
    qkv = torch.randn(2, 9, 24, dtype=torch.float64)
    q, k, v = (torch.nn.functional.elu(x) + 1 for x in qkv.chunk(3, -1))
    v = qkv[..., 16:]
    expected = torch.empty_like(v)
    for h in range(2):
        pairs = q[..., h::2] @ k[..., h::2].mT
        expected[..., h::2] = pairs / pairs.sum(-1, keepdim=True) @ v[..., h::2]
    torch.testing.assert_close(linear_attention(qkv, n_heads=2), expected)


def test_errors_name_the_argument():
    graph = GeneGraph.full(4)
    qkv = torch.randn(2, 4, 96)
    with pytest.raises(ValueError, match=r"d a multiple of `n_heads`=5, not \(2, 4, 96\)"):
        knn_attention(qkv, graph, n_heads=5)
    with pytest.raises(ValueError, match="`qkv` has 3 genes, `graph` has 4"):
        knn_attention(qkv[:, :3], graph, n_heads=2)
    with pytest.raises(ValueError, match="`backend` must be 'auto' or one of .*not 'cuda'"):
        knn_attention(qkv, graph, n_heads=2, backend="cuda")
    with pytest.raises(ValueError, match="`scale` must be positive"):
        knn_attention(qkv, graph, n_heads=2, scale=0)
    with pytest.raises(ValueError, match=r"`dropout_p` must be in \[0, 1\)"):
        knn_attention(qkv, graph, n_heads=2, dropout_p=1.0, seed=0)
    with pytest.raises(ValueError, match=r"`dropout_p`=0.5 needs `seed`"):
        knn_attention(qkv, graph, n_heads=2, dropout_p=0.5)
    with pytest.raises(TypeError, match="floating-point"):
        knn_attention(qkv.int(), graph, n_heads=2)
    with pytest.raises(ValueError, match="compute in float32, not float64"):
        knn_attention(qkv.double(), graph, n_heads=2, backend="numba")
    for n_heads in (0, -2, 2.0, None):
        with pytest.raises(ValueError, match=f"`n_heads` must be an integer .*not {n_heads}"):
            knn_attention(qkv, graph, n_heads=n_heads)
    with pytest.raises(ValueError, match="`scale` must be positive and finite, not inf"):
        knn_attention(qkv, graph, n_heads=2, scale=math.inf)
    for seed in (1.5, "a"):
        with pytest.raises(TypeError, match=f"`seed` must be an integer, not {seed!r}"):
            knn_attention(qkv, graph, n_heads=2, dropout_p=0.5, seed=seed)
    with pytest.raises(TypeError, match="`qkv` must be a torch.Tensor, not ndarray"):
        knn_attention(qkv.numpy(), graph, n_heads=2)
    with pytest.raises(TypeError, match=r"not csr_matrix: .* GeneGraph.from_scipy\(matrix\)"):
        knn_attention(qkv, graph.to_scipy(), n_heads=2)


def test_rule_of_auto():
    size = {"d_model": 64, "n_heads": 4}
    assert resolve_backend("cpu", n_genes=20000, **size) == "numba"
    assert resolve_backend("cpu", torch.float64, n_genes=20, **size) == "numba_plain"
    assert resolve_backend("cuda", n_genes=2000, **size) == "sdpa"
    assert resolve_backend("cuda", n_genes=20000, **size) == "gather"
    assert resolve_backend("mps", n_genes=2000, **size) == "gather"
    for reason in ("dropout", "token_graph"):
        assert resolve_backend("cpu", n_genes=20, **size, **{reason: True}) == "numba"
        assert resolve_backend("cuda", n_genes=20, **size, **{reason: True}) == "gather"
        assert resolve_backend("mps", n_genes=20, **size, **{reason: True}) == "gather"


@pytest.mark.parametrize(
    ("of_tokens", "dropout_p", "expected"),
    [(False, 0.0, "sdpa"), (False, 0.1, "gather"), (True, 0.0, "gather"), (True, 0.1, "gather")],
)
def test_auto_off_the_cpu_knows_the_graph_and_dropout(monkeypatch, of_tokens, dropout_p, expected):
    ran = []

    def record(name):
        def backend(qkv, graph, **options):
            ran.append(name)
            return qkv[..., :16]

        return backend

    for name in BACKENDS:
        monkeypatch.setitem(BACKENDS, name, record(name))
    graph = GeneGraph.full(9)
    qkv = torch.empty(2, 9, 48, device="meta")
    if of_tokens:
        graph = restrict(graph, np.ones((2, 9), dtype=bool)).graph
        qkv = qkv.flatten(0, 1)
    knn_attention(qkv, graph, n_heads=2, dropout_p=dropout_p, seed=0)
    assert ran == [expected]


@pytest.mark.gpu
@pytest.mark.parametrize("backend", ["auto", "eager", "sdpa", "gather"])
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu(backend):
    graph, mask = random_graph(300, 8, hubs=2)
    qkv = torch.randn(3, 300, 3 * 64)
    expected = oracle(qkv, mask, 4)
    out = knn_attention(qkv.cuda(), graph, n_heads=4, backend=backend)
    assert relative(out.cpu(), expected) < 1e-5
