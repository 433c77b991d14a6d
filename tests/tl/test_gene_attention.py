from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import torch
from scipy import sparse

import scrna_longformer as sl
from scrna_longformer.dataloaders._cells import CellMatrix
from scrna_longformer.graph import GeneGraph
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.tl._fit_record import store_fitted
from scrna_longformer.train import FittedLongformer
from scrna_longformer.train._attention_weights import edge_attention

N_CELLS, N_GENES, N_TOKENS = 40, 15, 8
GROUPS = ["T/NK", "B", "Mono"]


def make_model(n_tokens: int, **changes) -> GeneLongformer:
    """A model of random weights that walks on a directed graph with self loops."""
    rng = np.random.default_rng(5)
    rows, columns = np.repeat(np.arange(n_tokens), 3), rng.integers(n_tokens, size=3 * n_tokens)
    edges = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(n_tokens, n_tokens))
    sizes = {"d_model": 8, "n_heads": 2, "n_layers": 2} | changes
    config = LongformerConfig(n_genes=n_tokens, n_classes=3, **sizes)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GeneLongformer(config, GeneGraph.from_scipy(edges + sparse.eye(n_tokens)))
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


def make_adata(n_cells: int = N_CELLS, n_genes: int = N_GENES, n_tokens: int = N_TOKENS, **changes):
    """Log values with a model whose tokens are some genes, in another order than in var."""
    rng = np.random.default_rng(6)
    counts = rng.poisson(1.5, (n_cells, n_genes)).astype(np.float32)
    counts[:, 0] += 1  # no empty cell
    codes = rng.integers(3, size=n_cells)
    adata = ad.AnnData(
        sparse.csr_matrix(counts),
        obs=pd.DataFrame(
            {"cell_type": pd.Categorical.from_codes(codes, GROUPS)},
            index=[f"cell{i}" for i in range(n_cells)],
        ),
        var=pd.DataFrame(index=[f"HLA/{i}" for i in range(n_genes)]),
    )
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    tokens = rng.permutation(n_genes)[:n_tokens]
    fitted = FittedLongformer(
        make_model(n_tokens, **changes),
        genes=adata.var_names[tokens].to_numpy().astype(str),
        classes=np.array(GROUPS),
    )
    adata.uns["longformer"] = {"model": store_fitted(fitted), "training": {"n_steps": 1}}
    return adata


@pytest.fixture
def adata() -> ad.AnnData:
    return make_adata()


def token_columns(adata: ad.AnnData) -> list[int]:
    return [adata.var_names.get_loc(gene) for gene in adata.uns["longformer"]["model"]["genes"]]


def expected(adata: ad.AnnData, cells: np.ndarray, **options) -> np.ndarray:
    """Dense genes x genes, entry by entry."""
    model, columns = make_model(N_TOKENS), token_columns(adata)
    matrix = CellMatrix(adata.X, np.array(columns))
    found = edge_attention(model, matrix, [np.flatnonzero(cells)], **options)
    dense = np.zeros((adata.n_vars, adata.n_vars), dtype=np.float32)
    for edge, (row, column) in enumerate(zip(found.graph.rows, found.graph.indices, strict=True)):
        dense[columns[row], columns[column]] = found.weights[0, edge]
    return dense


@pytest.mark.parametrize(
    "options", [{}, {"layers": 1}, {"heads": 0}, {"layers": np.int64(0), "heads": 1}]
)
def test_rows_and_columns_are_the_genes_of_the_tokens(adata: ad.AnnData, options: dict) -> None:
    assert sl.tl.gene_attention(adata, **options) is None
    matrix = adata.varp["gene_attention"]
    assert isinstance(matrix, sparse.csr_matrix)
    assert matrix.dtype == np.float32
    everyone = np.ones(adata.n_obs, dtype=bool)
    np.testing.assert_array_equal(matrix.toarray(), expected(adata, everyone, **options))
    is_token = np.isin(np.arange(N_GENES), token_columns(adata))
    np.testing.assert_allclose(np.asarray(matrix.sum(1)).ravel(), is_token, rtol=1e-6)


def test_record(adata: ad.AnnData) -> None:
    sl.tl.gene_attention(adata, layers=1)
    record = adata.uns["gene_attention"]
    assert record["groups"].tolist() == ["all"]
    assert record["keys"].tolist() == ["gene_attention"]
    assert record["n_cells"].tolist() == [N_CELLS]
    assert record["params"] == {
        "groupby": "",
        "layers": "1",
        "heads": "mean",
        "layer": "",
        "model_key": "longformer",
    }


def test_groups(adata: ad.AnnData) -> None:
    sl.tl.gene_attention(adata, groupby="cell_type", key_added="mine")
    record = adata.uns["mine"]
    assert record["groups"].tolist() == GROUPS
    assert record["keys"].tolist() == ["mine_0", "mine_1", "mine_2"] == list(adata.varp)
    assert record["n_cells"].sum() == N_CELLS
    for name, key in zip(record["groups"], record["keys"], strict=True):
        of_group = (adata.obs["cell_type"] == name).to_numpy()
        np.testing.assert_array_equal(adata.varp[key].toarray(), expected(adata, of_group))
    sl.tl.gene_attention(adata)
    weighted = sum(
        n * adata.varp[k] for n, k in zip(record["n_cells"], record["keys"], strict=True)
    )
    together = adata.varp["gene_attention"].toarray()
    np.testing.assert_allclose((weighted / N_CELLS).toarray(), together, atol=1e-6)


def test_cells_without_a_group_are_left_out(adata: ad.AnnData) -> None:
    is_b = (adata.obs["cell_type"] == "B").to_numpy()
    adata.obs["cell_type"] = adata.obs["cell_type"].where(is_b)
    sl.tl.gene_attention(adata, groupby="cell_type")
    assert adata.uns["gene_attention"]["groups"].tolist() == ["B"]
    assert adata.uns["gene_attention"]["n_cells"].tolist() == [is_b.sum()]
    np.testing.assert_array_equal(adata.varp["gene_attention_0"].toarray(), expected(adata, is_b))


def test_groups_of_numbers(adata: ad.AnnData) -> None:
    adata.obs["number"] = 10 * (np.arange(N_CELLS) % 2)
    sl.tl.gene_attention(adata, groupby="number")
    assert adata.uns["gene_attention"]["groups"].tolist() == ["0", "10"]


def test_matrices_of_an_earlier_call_go(adata: ad.AnnData) -> None:
    adata.varp["other"] = sparse.eye(N_GENES, format="csr")
    sl.tl.gene_attention(adata, groupby="cell_type")
    adata.obs["half"] = pd.Categorical(["ab"[i % 2] for i in range(N_CELLS)])
    sl.tl.gene_attention(adata, groupby="half")
    assert set(adata.varp) == {"other", "gene_attention_0", "gene_attention_1"}
    sl.tl.gene_attention(adata)
    assert set(adata.varp) == {"other", "gene_attention"}


def test_what_another_call_wrote_stays(adata: ad.AnnData, unchanged) -> None:
    sl.tl.gene_attention(adata, groupby="cell_type")
    adata.varp["gene_attention"] = sparse.eye(N_GENES, format="csr")
    with unchanged(adata), pytest.raises(ValueError, match=r"del adata\.varp\['gene_attention'\]"):
        sl.tl.gene_attention(adata)


def test_layer(adata: ad.AnnData) -> None:
    sl.tl.gene_attention(adata)
    adata.layers["log"] = adata.X.copy()
    adata.X = adata.X[::-1].power(2).rint().tocsr()  # looks like counts
    with pytest.raises(ValueError, match="'log'"):
        sl.tl.gene_attention(adata)
    sl.tl.gene_attention(adata, layer="log", key_added="of_layer")
    assert (adata.varp["of_layer"] != adata.varp["gene_attention"]).nnz == 0
    assert adata.uns["of_layer"]["params"]["layer"] == "log"


def test_values_on_another_scale_warn(adata: ad.AnnData) -> None:
    adata.X = adata.X.toarray()
    sc.pp.scale(adata)
    with (
        pytest.warns(UserWarning, match="held-out ones included"),  # from the reader
        pytest.warns(UserWarning, match="trained on 'log' values") as caught,
    ):
        sl.tl.gene_attention(adata)
    assert {warning.filename for warning in caught} == {__file__}


def test_a_closed_gate_warns(adata: ad.AnnData) -> None:
    adata.uns["longformer"]["training"]["gate"] = 0.0
    with pytest.warns(UserWarning, match="gate of the model is 0") as caught:
        sl.tl.gene_attention(adata)
    assert caught[0].filename == __file__
    assert "gene_attention" in adata.varp
    adata.uns["longformer"]["training"]["gate"] = 0.25
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sl.tl.gene_attention(adata)


def test_copy_changes_the_copy_alone(adata: ad.AnnData, unchanged) -> None:
    with unchanged(adata):
        out = sl.tl.gene_attention(adata, copy=True)
    assert "gene_attention" in out.varp
    assert "gene_attention" in out.uns


def test_a_view_becomes_actual_and_its_parent_stays(adata: ad.AnnData, unchanged) -> None:
    view = adata[:30]
    with unchanged(adata):
        sl.tl.gene_attention(view)
    assert not view.is_view
    assert view.uns["gene_attention"]["n_cells"].tolist() == [30]


def test_log_says_what_was_written(adata: ad.AnnData, capfd) -> None:
    sl.tl.gene_attention(adata, groupby="cell_type")
    out, err = capfd.readouterr()
    assert out == ""
    assert "varp['gene_attention_0'] to varp['gene_attention_2']" in err
    assert f"mean of {N_CELLS} cells in 3 group(s)" in err


@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
@pytest.mark.filterwarnings("ignore:Writing zarr v2 data:UserWarning")
def test_written_and_read_back(adata: ad.AnnData, kind: str, tmp_path: Path) -> None:
    sl.tl.gene_attention(adata, groupby="cell_type")
    path = tmp_path / f"cells.{kind}"
    getattr(adata, f"write_{kind}")(path)
    again = getattr(ad, f"read_{kind}")(path)
    for slot in ("groups", "keys", "n_cells"):
        before, after = (a.uns["gene_attention"][slot] for a in (adata, again))
        assert before.tolist() == list(after)
    assert again.uns["gene_attention"]["params"] == adata.uns["gene_attention"]["params"]
    for key in adata.varp:
        assert again.varp[key].dtype == np.float32
        assert (again.varp[key] != adata.varp[key]).nnz == 0
    sl.tl.gene_attention(again)  # removes the keys that were read back
    assert list(again.varp) == ["gene_attention"]
    sl.tl.gene_attention(adata)
    assert (again.varp["gene_attention"] != adata.varp["gene_attention"]).nnz == 0


def test_after_a_fit() -> None:
    """Of the model that was fitted, on its graph and its genes."""
    adata = make_adata(n_cells=90)
    sl.pp.gene_knn_mask(adata, n_neighbors=4)
    with warnings.catch_warnings():  # it says, rightly, that this is too short to learn anything
        warnings.simplefilter("ignore", UserWarning)
        sl.tl.longformer_fit(
            adata,
            "cell_type",
            n_tokens="all",
            offset=None,
            max_steps=20,
            key_added="fit",
            accelerator="cpu",
        )
    sl.tl.gene_attention(adata, model_key="fit")
    matrix, mask = adata.varp["gene_attention"], adata.varp["gene_knn_mask"]
    assert np.array_equal(matrix.toarray() > 0, mask.toarray())
    np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-6)
    assert adata.uns["gene_attention"]["params"]["model_key"] == "fit"


def test_a_model_of_residuals_needs_counts(unchanged) -> None:
    """As in prediction: smoothed values have no counts behind them to take residuals of."""
    adata = make_adata(n_cells=90)
    del adata.uns["longformer"]
    sl.pp.gene_knn_mask(adata, n_neighbors=4)
    with warnings.catch_warnings():  # too short to learn anything, as it says
        warnings.simplefilter("ignore", UserWarning)
        sl.tl.longformer_fit(
            adata,
            "cell_type",
            n_tokens="all",
            offset=None,
            input_transform="pearson",
            max_steps=20,
            accelerator="cpu",
        )
    noise = np.random.default_rng(1).gamma(50, 1 / 50, adata.shape)
    adata.layers["smooth"] = np.log1p(np.expm1(adata.X.toarray()) * noise).astype(np.float32)
    with (
        unchanged(adata),
        pytest.raises(ValueError, match="gene_attention: the model reads Pearson residuals"),
    ):
        sl.tl.gene_attention(adata, layer="smooth")
    sl.tl.gene_attention(adata)


def test_memory_is_linear_in_genes() -> None:
    """NumPy's and SciPy's share of it; that of torch is tested with the core."""
    n_genes = 5000
    adata = make_adata(5, n_genes, n_genes, d_model=2, n_heads=1, n_layers=1)
    tracemalloc.start()
    try:
        sl.tl.gene_attention(adata)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < n_genes**2 / 3  # bytes: not even a boolean of genes x genes


def same(adata: ad.AnnData) -> None:
    """Spoil nothing."""


def with_attention(kind: str) -> Callable[[ad.AnnData], None]:
    def spoil(adata: ad.AnnData) -> None:
        adata.uns["longformer"] = make_adata(attention=kind).uns["longformer"]

    return spoil


def rename_a_token(adata: ad.AnnData) -> None:
    adata.var_names = [
        "renamed" if name == adata.uns["longformer"]["model"]["genes"][0] else name
        for name in adata.var_names
    ]


BAD = {
    "no fit": (lambda a: a.uns.clear(), {}, KeyError, "longformer_fit"),
    "no model": (
        lambda a: a.uns["longformer"].pop("model"),
        {},
        KeyError,
        "store_model=False",
    ),
    "model key": (same, {"model_key": "other"}, KeyError, "'other'.*'longformer'"),
    "column": (same, {"groupby": "celltype"}, KeyError, "`groupby`='celltype'.*'cell_type'"),
    "measurement": (
        lambda a: a.obs.__setitem__("depth", np.linspace(0, 1, N_CELLS)),
        {"groupby": "depth"},
        TypeError,
        "measurement",
    ),
    "no group": (
        lambda a: a.obs.__setitem__("empty", pd.Categorical([None] * N_CELLS)),
        {"groupby": "empty"},
        ValueError,
        "without a single value",
    ),
    "layers": (same, {"layers": 2}, ValueError, "`layers` must be 'mean' or .* 0 to 1"),
    "the model's slot": (same, {"key_added": "longformer"}, ValueError, "`key_added`='longformer'"),
    "a taken slot": (
        lambda a: a.uns.__setitem__("mine", "a note"),
        {"key_added": "mine"},
        ValueError,
        r"uns\['mine'\] holds something else",
    ),
    "the mask": (
        lambda a: a.varp.__setitem__("gene_knn_mask", sparse.eye(N_GENES, format="csr")),
        {"key_added": "gene_knn_mask"},
        ValueError,
        r"varp\['gene_knn_mask'\] would be replaced.*Choose another name, or remove it",
    ),
    "the slot of a group": (
        lambda a: a.varp.__setitem__("mine_1", sparse.eye(N_GENES, format="csr")),
        {"key_added": "mine", "groupby": "cell_type"},
        ValueError,
        r"varp\['mine_1'\] would be replaced",
    ),
    "a folder": (same, {"key_added": "a/b"}, ValueError, "`key_added`='a/b' cannot name slots"),
    "no text": (same, {"key_added": None}, TypeError, "`key_added` must be text, not None"),
    "no record of a fit": (
        lambda a: a.uns.__setitem__("gene_knn", {"mask_key": "gene_knn_mask"}),
        {"model_key": "gene_knn"},
        KeyError,
        r"uns\['gene_knn'\].*there is no record of a fit.*models under \['longformer'\]",
    ),
    "heads": (same, {"heads": "max"}, ValueError, "`heads` must be .*'max'"),
    "layer": (same, {"layer": "log"}, KeyError, "`layer`='log'"),
    "NaN": (lambda a: a.X.data.__setitem__(0, np.nan), {}, ValueError, "NaN"),
    "gene": (rename_a_token, {}, ValueError, "1 of the model's 8 genes .*'HLA/"),
    "none": (with_attention("none"), {}, ValueError, "attention='none'"),
    "linear": (with_attention("linear"), {}, ValueError, "attention='linear'"),
    "full": (with_attention("full"), {}, ValueError, "attention='full'"),
    "duplicates": (
        lambda a: setattr(a, "var_names", ["g"] * N_GENES),
        {},
        ValueError,
        "var_names_make_unique",
    ),
}


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_input_teaches_and_changes_nothing(adata: ad.AnnData, unchanged, case: str) -> None:
    spoil, options, error, message = BAD[case]
    spoil(adata)
    with unchanged(adata), pytest.raises(error, match=message) as raised:
        sl.tl.gene_attention(adata, **options)
    assert "reference" not in str(raised.value)  # it has none


def test_empty_data(adata: ad.AnnData) -> None:
    for empty in (adata[:0].copy(), adata[:, :0].copy()):
        with pytest.raises(ValueError, match="0"):
            sl.tl.gene_attention(empty)
