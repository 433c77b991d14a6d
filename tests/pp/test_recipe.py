from __future__ import annotations

import sys

import numpy as np
import pytest
import scanpy as sc
import scipy.sparse as sp
from anndata import AnnData, read_h5ad

import scrna_longformer as sl
from scrna_longformer.features import expression_state


def counts(rng, n_cells=90, n_genes=120) -> np.ndarray:
    """Three kinds of cells; the last five genes are in too few cells, the last cell is empty."""
    active = np.arange(n_genes) % 3 == (np.arange(n_cells) % 3)[:, None]
    found = rng.poisson(rng.gamma(2, 0.5, n_genes) * np.where(active, 3.0, 0.6))
    found[:, -5:] = 0
    found[0, -5:] = 1
    found[-1] = 0
    return found.astype(np.float32)


@pytest.fixture
def adata(rng) -> AnnData:
    return AnnData(sp.csr_matrix(counts(rng)))


@pytest.fixture(scope="module")
def prepared() -> AnnData:
    adata = AnnData(sp.csr_matrix(counts(np.random.default_rng(0))))
    sl.pp.recipe_longformer(adata, n_top_genes=50, scale=True)
    return adata


def test_filters(prepared, rng):
    raw = counts(rng)
    genes = (raw > 0).sum(axis=0) >= 3
    cells = (raw[:, genes] > 0).sum(axis=1) >= 10
    assert not genes.all()
    assert not cells.all()
    np.testing.assert_array_equal(prepared.obs_names, np.arange(90).astype(str)[cells])
    np.testing.assert_array_equal(prepared.var_names, np.arange(120).astype(str)[genes])
    np.testing.assert_array_equal(prepared.layers["counts"].toarray(), raw[cells][:, genes])


def test_log_values_against_numpy(prepared):
    kept = prepared.layers["counts"].toarray().astype(np.float64)
    expected = np.log1p(kept / kept.sum(axis=1, keepdims=True) * 1e4)
    np.testing.assert_allclose(prepared.X.toarray(), expected, rtol=1e-5)
    assert prepared.X.dtype == np.float32
    assert expression_state(prepared.X) == "log"


def test_scaled_layer_against_numpy(prepared):
    X = prepared.X.toarray().astype(np.float64)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0, ddof=1)
    np.testing.assert_allclose(prepared.layers["scaled"], np.clip(scaled, -10, 10), atol=1e-4)
    assert prepared.layers["scaled"].dtype == np.float32


def test_steps_against_scanpy_by_hand(prepared, rng):
    """The same calls typed out: same genes, same components, same clusters."""
    by_hand = AnnData(sp.csr_matrix(counts(rng)))
    sc.pp.filter_genes(by_hand, min_cells=3)
    sc.pp.filter_cells(by_hand, min_genes=10)
    sc.pp.normalize_total(by_hand, target_sum=1e4)
    sc.pp.log1p(by_hand)
    sc.pp.highly_variable_genes(by_hand, n_top_genes=50)
    sc.pp.pca(by_hand, n_comps=49)
    sc.pp.neighbors(by_hand)
    sc.tl.leiden(by_hand, flavor="igraph", n_iterations=2, directed=False)
    assert prepared.var["highly_variable"].sum() == 50
    for column in ("highly_variable", "means", "dispersions_norm"):
        np.testing.assert_array_equal(prepared.var[column], by_hand.var[column])
    np.testing.assert_array_equal(prepared.obsm["X_pca"], by_hand.obsm["X_pca"])
    np.testing.assert_array_equal(prepared.obs["leiden"], by_hand.obs["leiden"])
    assert prepared.obs["leiden"].nunique() >= 3


def test_clusters_are_recorded_as_such(prepared):
    assert "resolution" in prepared.uns["leiden"]["params"]


FORMS = {
    "csc": sp.csc_matrix,
    "csr_array": sp.csr_array,
    "int64": lambda X: sp.csr_matrix(X, dtype=np.int64),
    "float64": lambda X: sp.csr_matrix(X, dtype=np.float64),
}


@pytest.mark.parametrize("form", list(FORMS))
def test_sparse_forms_give_the_same(prepared, rng, form):
    adata = AnnData(FORMS[form](counts(rng)))
    sl.pp.recipe_longformer(adata, n_top_genes=50)
    np.testing.assert_array_equal(adata.X.toarray(), prepared.X.toarray())
    np.testing.assert_array_equal(adata.var["highly_variable"], prepared.var["highly_variable"])
    np.testing.assert_array_equal(adata.obs["leiden"], prepared.obs["leiden"])
    assert "scaled" not in adata.layers


def test_dense_gives_the_same_values(prepared, rng):
    adata = AnnData(counts(rng))
    sl.pp.recipe_longformer(adata, n_top_genes=50)
    np.testing.assert_allclose(adata.X, prepared.X.toarray(), rtol=1e-6)
    np.testing.assert_array_equal(adata.var["highly_variable"], prepared.var["highly_variable"])


def test_subset(adata):
    sl.pp.recipe_longformer(adata, n_top_genes=50, subset=True, scale=True)
    assert adata.shape[1] == 50
    assert adata.layers["counts"].shape == adata.layers["scaled"].shape == adata.shape


def test_more_top_genes_than_genes(adata):
    sl.pp.recipe_longformer(adata, n_top_genes=5000)
    assert adata.var["highly_variable"].all()


def test_copy(adata, prepared, unchanged):
    with unchanged(adata):
        copied = sl.pp.recipe_longformer(adata, n_top_genes=50, copy=True)
    np.testing.assert_array_equal(copied.X.toarray(), prepared.X.toarray())


def test_a_view_becomes_actual_and_its_parent_stays(adata, unchanged, capsys):
    view = adata[:60]
    with unchanged(adata):
        sl.pp.recipe_longformer(view, n_top_genes=50)
    assert not view.is_view
    assert expression_state(view.X) == "log"
    assert capsys.readouterr().err.count("was a view") == 1


@pytest.mark.filterwarnings("ignore:The `igraph` implementation:UserWarning")  # of scanpy 1.12
@pytest.mark.parametrize("flavor", ["igraph", "leidenalg"])
def test_leiden_flavors_are_seeded(adata, flavor):
    arguments = {"n_top_genes": 50, "leiden_flavor": flavor, "copy": True}
    first = sl.pp.recipe_longformer(adata, **arguments)
    second = sl.pp.recipe_longformer(adata, **arguments)
    np.testing.assert_array_equal(first.obs["leiden"], second.obs["leiden"])


@pytest.mark.parametrize("hvg_flavor", ["seurat", "cell_ranger"])
def test_hvg_flavors(adata, hvg_flavor):
    sl.pp.recipe_longformer(adata, n_top_genes=30, hvg_flavor=hvg_flavor)
    assert adata.var["highly_variable"].sum() == 30
    assert adata.uns["hvg"]["flavor"] == hvg_flavor


def test_seurat_v3_without_its_package(adata, unchanged, monkeypatch):
    monkeypatch.setitem(sys.modules, "skmisc", None)
    monkeypatch.setitem(sys.modules, "skmisc.loess", None)
    with unchanged(adata), pytest.raises(ImportError, match=r"scrna-longformer\[seurat\]"):
        sl.pp.recipe_longformer(adata, hvg_flavor="seurat_v3")


def test_seurat_v3_reads_the_counts(adata):
    pytest.importorskip("skmisc.loess", reason="needs the extra 'seurat'")
    by_hand = adata.copy()
    sl.pp.recipe_longformer(adata, n_top_genes=30, hvg_flavor="seurat_v3")
    sc.pp.filter_genes(by_hand, min_cells=3)
    sc.pp.filter_cells(by_hand, min_genes=10)
    sc.pp.highly_variable_genes(by_hand, n_top_genes=30, flavor="seurat_v3")
    np.testing.assert_array_equal(adata.var["highly_variable"], by_hand.var["highly_variable"])


def test_transformed_data_are_refused(prepared, unchanged):
    with unchanged(prepared), pytest.raises(ValueError, match="log-normalised values") as error:
        sl.pp.recipe_longformer(prepared)
    assert "adata.X = adata.layers['counts'].copy()" in str(error.value)
    scaled = AnnData(prepared.layers["scaled"])
    with unchanged(scaled), pytest.raises(ValueError, match="holds scaled values"):
        sl.pp.recipe_longformer(scaled)


def test_old_record_of_log1p_says_nothing(adata):
    """What X is comes from its values: once raw counts were put back, the record is out of date."""
    adata.uns["log1p"] = {"base": 2.0}
    sl.pp.recipe_longformer(adata, n_top_genes=50)
    assert expression_state(adata.X) == "log"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_top_genes": 0}, "`n_top_genes`.*not 0"),
        ({"n_top_genes": 0.5}, r"`n_top_genes`.*not 0\.5"),
        ({"hvg_flavor": "pearson"}, "`hvg_flavor`.*'seurat'.*'pearson'"),
        ({"leiden_flavor": "louvain"}, "`leiden_flavor`.*'igraph'.*'louvain'"),
        ({"random_state": -1}, "`random_state` must be an integer from 0 to .* not -1"),
        ({"random_state": 2**32}, "`random_state` must be an integer"),
        ({"random_state": None}, "`random_state` must be an integer .* not None"),
    ],
)
def test_bad_arguments(adata, unchanged, arguments, message):
    with unchanged(adata), pytest.raises(ValueError, match=message):
        sl.pp.recipe_longformer(adata, **arguments)


def test_nothing_left_after_the_filters(unchanged):
    adata = AnnData(np.eye(12, 40, dtype=np.float32))
    with unchanged(adata), pytest.raises(ValueError, match=r"0 of 12 cells.*0 of 40 genes"):
        sl.pp.recipe_longformer(adata)


def test_bad_data(adata, unchanged, tmp_path):
    with_nan = adata.copy()
    with_nan.X.data[0] = np.nan
    repeated = adata.copy()
    repeated.var_names = ["a", "a", *repeated.var_names[2:]]
    for bad, message in (
        (with_nan, "1 NaN"),
        (repeated, "var_names_make_unique"),
        (adata[:0].copy(), "0 cells"),
        (adata[:, :0].copy(), "0 genes"),
    ):
        with unchanged(bad), pytest.raises(ValueError, match=message):
            sl.pp.recipe_longformer(bad)
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = read_h5ad(tmp_path / "a.h5ad", backed="r")
    with pytest.raises(ValueError, match="to_memory"):
        sl.pp.recipe_longformer(backed)
    backed.file.close()


def test_ready_for_the_next_call(prepared):
    copied = sl.pp.gene_knn_mask(prepared, 5, copy=True)
    assert copied.varp["gene_knn_mask"].shape == (prepared.n_vars, prepared.n_vars)


@pytest.mark.parametrize("flavor", ["seurat", "cell_ranger"])
def test_a_gene_choice_that_fails_leaves_the_data_alone(adata, unchanged, monkeypatch, flavor):
    def fails(*args, **options):
        msg = "Bin edges must be unique"  # as Scanpy's does with few cells
        raise ValueError(msg)

    monkeypatch.setattr(sc.pp, "highly_variable_genes", fails)
    with unchanged(adata), pytest.raises(ValueError, match="Bin edges.*too alike") as error:
        sl.pp.recipe_longformer(adata, n_top_genes=20, hvg_flavor=flavor)
    assert ("use hvg_flavor='seurat'" in str(error.value)) == (flavor != "seurat")


@pytest.mark.parametrize("step", ["pp.scale", "pp.pca", "pp.neighbors", "tl.leiden"])
def test_a_step_that_fails_leaves_the_data_alone(adata, unchanged, monkeypatch, step):
    def fails(*args, **options):
        raise MemoryError

    monkeypatch.setattr(f"scanpy.{step}", fails)
    with unchanged(adata), pytest.raises(MemoryError):
        sl.pp.recipe_longformer(adata, n_top_genes=20, scale=True)


def test_one_gene_makes_no_components(adata, unchanged, monkeypatch):
    def choose_one(adata, **options):
        adata.var["highly_variable"] = np.arange(adata.n_vars) == 0

    monkeypatch.setattr(sc.pp, "highly_variable_genes", choose_one)
    with (
        unchanged(adata),
        pytest.raises(ValueError, match=r"1 gene\(s\) of these cells vary enough"),
    ):
        sl.pp.recipe_longformer(adata)


def test_other_slots_follow_the_filters(adata):
    adata.obs["donor"] = np.arange(90) % 4
    adata.layers["twice"] = adata.X * 2
    adata.uns["note"] = "kept"
    sl.pp.recipe_longformer(adata, n_top_genes=50)
    np.testing.assert_array_equal(adata.obs["donor"], adata.obs_names.astype(int) % 4)
    assert (adata.layers["twice"] != adata.layers["counts"] * 2).nnz == 0
    assert adata.uns["note"] == "kept"
