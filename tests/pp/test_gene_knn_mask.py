from __future__ import annotations

import inspect

import numpy as np
import pytest
import scipy.sparse as sp
from anndata import AnnData, read_h5ad

import scrna_longformer as sl
from scrna_longformer._digest import digest_names
from scrna_longformer.graph import gene_knn, hub_edge_share

MASK, SIMILARITIES, RECORD = "gene_knn_mask", "gene_knn_similarities", "gene_knn"


def log_values(rng, n_cells=60, n_genes=40, density=0.4) -> np.ndarray:
    keep = rng.random((n_cells, n_genes)) < density
    return np.log1p(rng.gamma(1, 3, (n_cells, n_genes)) * keep).astype(np.float32)


@pytest.fixture
def adata(rng) -> AnnData:
    adata = AnnData(sp.csr_matrix(log_values(rng)))
    adata.obs["train"] = np.arange(60) % 3 > 0
    adata.var["highly_variable"] = np.arange(40) % 2 == 0
    adata.layers["counts"] = sp.csr_matrix(rng.poisson(1.0, (60, 40)))
    return adata


def dense(matrix) -> np.ndarray:
    return matrix.toarray()


def test_writes_what_the_search_finds(adata):
    X = adata.X.copy()
    assert sl.pp.gene_knn_mask(adata, 4) is None
    mask, similarities = gene_knn(X, 4)
    assert adata.varp[MASK].dtype == bool
    assert adata.varp[MASK].format == "csr"
    assert adata.varp[SIMILARITIES].dtype == np.float32
    np.testing.assert_array_equal(dense(adata.varp[MASK]), dense(mask))
    np.testing.assert_array_equal(dense(adata.varp[SIMILARITIES]), dense(similarities))
    np.testing.assert_array_equal(dense(adata.X), dense(X))


def test_record(adata):
    sl.pp.gene_knn_mask(adata, 4, center=False, mask_obs=adata.obs["train"].to_numpy())
    record = adata.uns[RECORD]
    assert record["params"] == {
        "n_neighbors": 4,
        "metric": "cosine",
        "center": False,
        "layer": "",
        "mask_obs": "(array)",
        "mask_var": "",
    }
    assert (record["mask_key"], record["similarities_key"]) == (MASK, SIMILARITIES)
    assert record["var_names_digest"] == digest_names(adata.var_names)
    degrees = dense(adata.varp[MASK]).sum(axis=1) - 1
    assert record["max_degree"] == degrees.max()
    assert record["members"].all()


def test_hub_share_counts_edges_at_the_hub():
    """A hub with nine neighbours, and two of these tied to each other: nine edges of ten."""
    mask = np.eye(10, dtype=bool)
    mask[0] = mask[:, 0] = mask[1, 2] = mask[2, 1] = True
    assert hub_edge_share(sp.csr_matrix(mask)) == pytest.approx(0.9)
    assert hub_edge_share(sp.identity(5, dtype=bool, format="csr")) == 0


def test_chosen_cells_decide(adata):
    by_name = sl.pp.gene_knn_mask(adata, 4, mask_obs="train", copy=True)
    chosen = AnnData(adata.X[adata.obs["train"].to_numpy()])
    sl.pp.gene_knn_mask(chosen, 4)
    np.testing.assert_array_equal(dense(by_name.varp[MASK]), dense(chosen.varp[MASK]))
    sl.pp.gene_knn_mask(adata, 4)
    assert (adata.varp[MASK] != by_name.varp[MASK]).nnz


def test_chosen_genes_take_part_and_the_rest_keep_themselves(adata):
    sl.pp.gene_knn_mask(adata, 4, mask_var="highly_variable")
    chosen = adata.var["highly_variable"].to_numpy()
    mask, similarities = gene_knn(adata.X[:, chosen], 4)
    for slot, found in ((MASK, mask), (SIMILARITIES, similarities)):
        expected = np.eye(40, dtype=found.dtype)
        expected[np.ix_(chosen, chosen)] = dense(found)
        np.testing.assert_array_equal(dense(adata.varp[slot]), expected)
        assert adata.varp[slot].has_canonical_format
        assert adata.varp[slot].dtype == found.dtype
    np.testing.assert_array_equal(adata.uns[RECORD]["members"], chosen)
    assert adata.uns[RECORD]["params"]["mask_var"] == "highly_variable"


def test_key_added(adata):
    sl.pp.gene_knn_mask(adata, 4, key_added="b")
    assert {"b_mask", "b_similarities"} == set(adata.varp)
    assert set(adata.uns) == {"b"}
    assert adata.uns["b"]["mask_key"] == "b_mask"


def test_copy(adata, unchanged):
    with unchanged(adata):
        copied = sl.pp.gene_knn_mask(adata, 4, copy=True)
    sl.pp.gene_knn_mask(adata, 4)
    np.testing.assert_array_equal(dense(copied.varp[MASK]), dense(adata.varp[MASK]))


def test_a_view_becomes_actual_and_its_parent_stays(adata, unchanged, capsys):
    view = adata[:, 5:30]
    with unchanged(adata):
        sl.pp.gene_knn_mask(view, 4)
    assert not view.is_view
    assert view.varp[MASK].shape == (25, 25)
    assert capsys.readouterr().err.count("was a view") == 1


FORMS = [sp.csc_matrix, sp.csr_array, lambda X: X.toarray(), lambda X: X.astype(np.float64)]


@pytest.mark.parametrize("form", FORMS)
def test_formats_give_the_same_bits(adata, form):
    other = AnnData(form(adata.X))
    sl.pp.gene_knn_mask(adata, 4)
    sl.pp.gene_knn_mask(other, 4)
    for slot in (MASK, SIMILARITIES):
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(
                getattr(adata.varp[slot], part), getattr(other.varp[slot], part)
            )


def planted_hub(rng) -> AnnData:
    """A hundred genes follow the first one, each with noise of its own."""
    hub = rng.gamma(1, 0.5, (300, 1))
    return AnnData(np.hstack([hub, hub + rng.gamma(1, 1.0, (300, 100))]).astype(np.float32))


def test_a_hub_warns(rng):
    adata = planted_hub(rng)
    with pytest.warns(UserWarning, match=r"1 gene\(s\) .* over a quarter of all 101 genes: '0'"):
        sl.pp.gene_knn_mask(adata, 3)
    assert adata.uns[RECORD]["max_degree"] > 25


def test_few_genes_are_no_hubs(adata):
    """With 15 neighbours among 40 genes every gene is beside a quarter: nothing to warn of."""
    sl.pp.gene_knn_mask(adata, 15)
    assert adata.uns[RECORD]["max_degree"] > 10


def test_uncentred_hubs_are_told_of_centring(rng):
    adata = planted_hub(rng)
    with pytest.warns(UserWarning, match="`center=True`"):
        sl.pp.gene_knn_mask(adata, 3, center=False)


def test_nothing_varies():
    adata = AnnData(np.full((5, 4), 1.5, dtype=np.float32))
    with pytest.warns(UserWarning, match="fewer than two of the 4 genes vary over the cells"):
        sl.pp.gene_knn_mask(adata)
    np.testing.assert_array_equal(dense(adata.varp[MASK]), np.eye(4))


def test_a_gene_that_varies_alone_is_not_called_constant(adata):
    adata.var["one"] = np.arange(40) == 3
    with pytest.warns(UserWarning, match="fewer than two of the 1 genes vary"):
        sl.pp.gene_knn_mask(adata, mask_var="one")
    np.testing.assert_array_equal(dense(adata.varp[MASK]), np.eye(40))


def test_scaled_values_work_with_a_warning(rng):
    X = log_values(rng)
    adata = AnnData(X - X.mean(axis=0))
    with pytest.warns(UserWarning, match="came from all cells"):
        sl.pp.gene_knn_mask(adata, 4)
    # on centred genes Pearson's correlation is what it was
    np.testing.assert_array_equal(dense(adata.varp[MASK]), dense(gene_knn(X, 4)[0]))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"layer": "counts"}, ValueError, "gene_knn_mask: .*raw counts.*normalize_total"),
        ({"layer": "nope"}, KeyError, "`layer`='nope'.*'counts'"),
        ({"mask_obs": "nope"}, KeyError, "`mask_obs`='nope'.*'train'"),
        ({"mask_var": "nope"}, KeyError, "`mask_var`='nope'.*'highly_variable'"),
        ({"mask_var": np.ones(3, bool)}, ValueError, r"`mask_var`.*\(3,\).*40"),
        ({"n_neighbors": 0}, ValueError, "`n_neighbors`.*not 0"),
        ({"metric": "manhattan"}, ValueError, "`metric`.*'cosine'.*'manhattan'"),
        ({"key_added": "a/b"}, ValueError, "gene_knn_mask: `key_added`='a/b' cannot name slots"),
        ({"key_added": ""}, ValueError, "`key_added`=''"),
        ({"key_added": 3}, TypeError, "`key_added` must be text, not 3"),
    ],
)
def test_bad_arguments_leave_the_data_alone(adata, unchanged, arguments, error, message):
    with unchanged(adata), pytest.raises(error, match=message):
        sl.pp.gene_knn_mask(adata, **arguments)


@pytest.mark.parametrize("record", [{"model": {}, "training": {}}, "a note", {}])
def test_what_another_call_wrote_in_uns_stays(adata, unchanged, record):
    adata.uns["longformer"] = record
    message = r"`key_added`='longformer' is taken.*del adata\.uns\['longformer'\]"
    with unchanged(adata), pytest.raises(ValueError, match=message):
        sl.pp.gene_knn_mask(adata, 4, key_added="longformer")


def test_weights_of_attention_are_not_written_over(adata, unchanged):
    adata.uns["own_mask"] = {"groups": np.array(["all"]), "keys": np.array(["own_mask"])}
    adata.varp["own_mask"] = np.eye(adata.n_vars)
    with unchanged(adata), pytest.raises(ValueError, match="holds weights of attention"):
        sl.pp.gene_knn_mask(adata, 4, key_added="own")


def test_a_mask_replaces_an_earlier_one(adata, tmp_path):
    sl.pp.gene_knn_mask(adata, 3)
    adata.write_h5ad(tmp_path / "a.h5ad")
    for earlier in (adata, read_h5ad(tmp_path / "a.h5ad")):
        sl.pp.gene_knn_mask(earlier, 4)
        assert earlier.uns[RECORD]["params"]["n_neighbors"] == 4


def spoil(adata: AnnData, how: str) -> AnnData:
    if how == "nan":
        adata.X.data[3] = np.nan
    elif how == "inf":
        adata.X.data[3] = np.inf
    elif how == "linear":
        adata.X.data *= 100
    elif how == "counts":
        adata.X = adata.layers["counts"]
    elif how == "duplicates":
        adata.var_names = ["a", "a", *adata.var_names[2:]]
    elif how == "no cells":
        return adata[:0].copy()
    elif how == "no genes":
        return adata[:, :0].copy()
    return adata


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("nan", "1 NaN"),
        ("inf", "1 infinite"),
        ("linear", "neither counts nor"),
        ("counts", "raw counts"),
        ("duplicates", "var_names_make_unique"),
        ("no cells", "0 cells"),
        ("no genes", "0 genes"),
    ],
)
def test_bad_data_are_left_alone(adata, unchanged, how, message):
    bad = spoil(adata, how)
    with unchanged(bad), pytest.raises(ValueError, match=message):
        sl.pp.gene_knn_mask(bad)


def test_backed(adata, tmp_path):
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = read_h5ad(tmp_path / "a.h5ad", backed="r")
    with pytest.raises(ValueError, match="to_memory"):
        sl.pp.gene_knn_mask(backed)
    backed.file.close()


def test_round_trip(adata, tmp_path):
    sl.pp.gene_knn_mask(adata, 4, mask_obs="train")
    adata.write_h5ad(tmp_path / "a.h5ad")
    read = read_h5ad(tmp_path / "a.h5ad")
    np.testing.assert_array_equal(dense(read.varp[MASK]), dense(adata.varp[MASK]))
    assert read.varp[MASK].dtype == bool
    assert read.uns[RECORD]["params"] == adata.uns[RECORD]["params"]


def test_signature():
    names = list(inspect.signature(sl.pp.gene_knn_mask).parameters)
    assert names == [
        *("adata", "n_neighbors", "metric", "center", "layer"),
        *("mask_obs", "mask_var", "key_added", "copy"),
    ]


@pytest.mark.data
def test_centring_removes_the_hubs_of_pbmc3k():
    """Without centring over half of the edges touch 1 % of the genes; with it, about an eighth."""
    import scanpy as sc

    adata = sl.datasets.pbmc3k()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.highly_variable_genes(adata, n_top_genes=2000, subset=True)
    with pytest.warns(UserWarning, match="'ACTB'.*center=True"):
        sl.pp.gene_knn_mask(adata, center=False, key_added="plain")
    sl.pp.gene_knn_mask(adata)
    assert adata.uns["plain"]["hub_edge_share"] > 0.45
    assert adata.uns[RECORD]["hub_edge_share"] < 0.2
    assert adata.uns[RECORD]["max_degree"] < 400 < 1000 < adata.uns["plain"]["max_degree"]
    profiles = np.corrcoef(adata.X.toarray().T.astype(np.float64))
    np.fill_diagonal(profiles, -np.inf)
    best = np.argsort(-profiles.round(9), axis=1, kind="stable")[:, :20]
    expected = np.eye(2000, dtype=bool)
    expected[np.arange(2000)[:, None], best] = True
    np.testing.assert_array_equal(dense(adata.varp[MASK]), expected | expected.T)
