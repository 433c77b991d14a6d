from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData, concat, read_h5ad

import scrna_longformer as sl


@pytest.fixture
def adata(rng) -> AnnData:
    counts = rng.poisson(0.8, (60, 30))
    adata = AnnData(sp.csr_matrix(np.log1p(counts * 1.5).astype(np.float32)))
    adata.var_names = [f"CD{i}A" for i in range(30)]
    adata.layers["counts"] = sp.csr_matrix(counts)
    adata.obs["type"] = pd.Categorical(["a/b", "c", "d"] * 20)
    adata.obsm["X_pca"] = rng.normal(size=(60, 4))
    sl.pp.gene_knn_mask(adata, 4)
    return adata


def line(report: sl.pp.CheckReport, name: str) -> sl.pp.CheckItem:
    """The worst line of that name."""
    items = [item for item in report.items if item.name == name]
    return max(items, key=lambda item: ["ok", "warn", "fail"].index(item.status))


def test_good_data(adata, unchanged):
    with unchanged(adata):
        report = sl.pp.check(adata, "type")
    found = dict(zip(report.to_df()["name"], report.to_df()["status"], strict=True))
    assert found == {
        "size": "ok",
        "expression": "ok",
        "gene names": "ok",
        "gene mask": "ok",
        "labels": "ok",
        "provenance": "warn",
        "embeddings": "ok",
    }
    assert report.ok
    assert "3 classes of 20 to 20 cells" in line(report, "labels").message


@pytest.mark.parametrize(
    ("change", "status", "message", "mend"),
    [
        (lambda X: np.expm1(X) * 40, "fail", "neither counts nor", "log1p"),
        (lambda X: X - 1, "warn", "scaled", "layer"),
        (lambda X: np.round(X), "fail", "raw counts", "sl.pp.recipe_longformer(adata)"),
        (lambda X: np.where(X > 1, np.nan, X), "fail", "NaN", "normalise"),
    ],
)
def test_expression(adata, change, status, message, mend):
    adata.X = change(adata.X.toarray())
    item = line(sl.pp.check(adata), "expression")
    assert item.status == status
    assert message in item.message
    assert mend in item.mend


def test_no_matrix(adata):
    adata.X = None
    item = line(sl.pp.check(adata), "expression")
    assert (item.status, "'counts'" in item.message) == ("fail", True)


@pytest.mark.parametrize(
    ("names", "status", "message"),
    [
        ([f"ENSG{i:011}" for i in range(30)], "ok", "Ensembl"),
        ([f"ENSMUSG{i:011}.3" for i in range(30)], "ok", "Ensembl"),
        ([str(i) for i in range(30)], "warn", "numbers"),
        ([f"gene_{i}" for i in range(30)], "warn", "numbers"),
        ([f"Hox{i}" for i in range(30)], "ok", "symbols"),
    ],
)
def test_kinds_of_gene_names(adata, names, status, message):
    adata.var_names = names
    item = line(sl.pp.check(adata), "gene names")
    assert item.status == status
    assert message in item.message


def test_duplicated_gene_names(adata):
    adata.var_names = ["A", "A", *adata.var_names[2:]]
    item = line(sl.pp.check(adata), "gene names")
    assert (item.status, item.mend) == ("fail", "adata.var_names_make_unique()")
    assert "'A'" in item.message


def test_no_mask(adata):
    del adata.uns["gene_knn"], adata.varp["gene_knn_mask"], adata.varp["gene_knn_similarities"]
    item = line(sl.pp.check(adata), "gene mask")
    assert item.status == "warn"
    assert "sl.pp.gene_knn_mask(adata)" in item.mend


def test_mask_of_other_genes(adata):
    item = line(sl.pp.check(adata[:, 3:].copy()), "gene mask")
    assert (item.status, item.mend) == ("fail", "sl.pp.gene_knn_mask(adata)")
    assert "other genes" in item.message


def test_mask_that_is_not_symmetric_and_has_no_diagonal(adata):
    mask = adata.varp["gene_knn_mask"].toarray()
    mask[4, 5:] = True
    mask[5:, 4] = False
    adata.varp["gene_knn_mask"] = sp.csr_matrix(mask)
    report = sl.pp.check(adata, "type")
    assert line(report, "gene mask").status == "warn"  # a fit takes it
    assert "not symmetric" in line(report, "gene mask").message
    assert report.ok
    mask[2, 2] = False
    adata.varp["gene_knn_mask"] = sp.csr_matrix(mask)
    item = line(sl.pp.check(adata), "gene mask")
    assert item.status == "fail"
    assert "not symmetric" in item.message
    assert "1 genes on its diagonal" in item.message


def test_masks_that_lost_a_part(adata):
    without_record = concat([adata, adata[:5].copy()], index_unique="-", pairwise=True)
    without_record.varp["gene_knn_mask"] = adata.varp["gene_knn_mask"]
    assert "ad.concat" in line(sl.pp.check(without_record), "gene mask").message
    del adata.varp["gene_knn_mask"]
    assert "is gone" in line(sl.pp.check(adata), "gene mask").message


def test_second_mask_is_looked_at_too(adata):
    sl.pp.gene_knn_mask(adata, 3, key_added="other")
    adata.varp["other_mask"] = sp.csr_matrix(np.eye(30, dtype=bool)[::-1])
    report = sl.pp.check(adata)
    assert [i.status for i in report.items if i.name == "gene mask"] == ["ok", "fail"]
    assert "key_added='other'" in line(report, "gene mask").mend


def test_key_that_does_not_exist(adata):
    item = line(sl.pp.check(adata, "nope"), "labels")
    assert item.status == "fail"
    assert "'nope'" in item.message
    assert "'type'" in item.message


def test_no_key(adata):
    item = line(sl.pp.check(adata), "labels")
    assert (item.status, "'type'" in item.mend) == ("warn", True)
    adata.obs["leiden"] = adata.obs["type"]
    assert "'leiden'" in line(sl.pp.check(adata), "labels").message
    adata.uns["longformer"] = {"params": {"key": "type"}, "train_config": {}}
    assert "'type'" in line(sl.pp.check(adata), "labels").message


def test_small_classes_and_missing_labels(adata):
    adata.obs["type"] = pd.Categorical(["a"] * 40 + ["b/c"] * 9 + [None] * 11)
    item = line(sl.pp.check(adata, "type"), "labels")
    assert item.status == "warn"
    assert "11 cells without a label" in item.message
    assert "'b/c'" in item.message


@pytest.mark.parametrize(
    ("uns", "status", "message"),
    [
        ({"type": {"params": {"resolution": 1.0}}}, "warn", "circular"),
        ({"type": {"params": 3}}, "warn", "nothing says"),
        ({"dataset": {"label_columns": ["type"], "label_origins": ["FACS sort"]}}, "ok", "FACS"),
        (
            {"dataset": {"label_columns": ["type"], "label_origins": ["clustered here"]}},
            "warn",
            "clustered",
        ),
        ({"dataset": "text"}, "warn", "nothing says"),
    ],
)
def test_provenance(adata, uns, status, message):
    adata.uns.update(uns)
    item = line(sl.pp.check(adata, "type"), "provenance")
    assert item.status == status
    assert message in item.message


def test_embeddings(adata):
    adata.obsm["frame"] = pd.DataFrame({"a": np.ones(60), "b": ["x"] * 60}, index=adata.obs_names)
    adata.obsm["sparse"] = sp.csr_matrix(np.eye(60))
    assert line(sl.pp.check(adata), "embeddings").status == "ok"
    adata.obsm["X_pca"][3, 1] = np.inf
    report = sl.pp.check(adata, "type")
    assert report.ok  # no fit reads it
    item = line(report, "embeddings")
    assert item.status == "warn"
    assert "obsm['X_pca'] has 1 " in item.message


@pytest.mark.parametrize("empty", [(slice(0), slice(None)), (slice(None), slice(0))])
def test_nothing_in_it(adata, empty):
    report = sl.pp.check(adata[empty].copy(), "type")
    assert not report.ok
    assert line(report, "size").status == "fail"


def test_backed_file(adata, tmp_path):
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = read_h5ad(tmp_path / "a.h5ad", backed="r")
    report = sl.pp.check(backed, "type")
    backed.file.close()
    assert "to_memory" in line(report, "size").mend
    assert line(report, "expression").status == "ok"


def test_not_an_anndata(rng):
    with pytest.raises(TypeError, match="must be an AnnData, not ndarray"):
        sl.pp.check(rng.random((3, 3)))


def test_text_is_aligned_and_names_the_mending_calls(adata):
    adata.X = adata.layers["counts"]
    lines = str(sl.pp.check(adata, "type")).splitlines()
    at = next(i for i, text in enumerate(lines) if "expression" in text)
    assert lines[at].startswith("fail  expression  ")
    assert lines[at + 1].strip() == "-> sl.pp.recipe_longformer(adata)"
    messages = {item.message for item in sl.pp.check(adata, "type").items}
    assert {text[len("fail  expression  ") :] for text in lines if text[0] != " "} == messages


def test_counts_straight_from_the_recipe_are_ready(rng):
    counts = rng.poisson(1.0, (60, 40)).astype(np.float32)
    adata = AnnData(sp.csr_matrix(counts))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sl.pp.recipe_longformer(adata, n_top_genes=20)
    report = sl.pp.check(adata)
    assert report.ok
    assert "circular" in line(report, "provenance").message
