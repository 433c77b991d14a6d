from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

import scrna_longformer as sl
from scrna_longformer.evaluation.checks import circular, preprocessing
from scrna_longformer.get._provenance import is_recorded, read_preprocessing, read_provenance


@pytest.fixture
def adata(rng: np.random.Generator) -> ad.AnnData:
    codes = pd.Categorical((np.arange(60) % 3).astype(str))
    obs = pd.DataFrame({"leiden": codes, "named": codes}, index=[f"c{i}" for i in range(60)])
    adata = ad.AnnData(np.log1p(rng.poisson(2.0, (60, 20)).astype(np.float32)), obs=obs)
    adata.uns["leiden"] = {"params": {"resolution": 1.0}}
    return adata


def test_records_of_clusterings(adata) -> None:
    everything = np.ones(60, dtype=bool)
    assert is_recorded(adata, "leiden")
    assert read_provenance(adata, "leiden", everything).is_clustering
    known = read_provenance(adata, "named", everything)
    assert not known.is_clustering
    assert list(known.clusterings) == ["leiden"]
    assert circular(adata.X, np.arange(60) % 3, known).evidence["answer"] == "yes"
    adata.uns["leiden"] = {"params": {"use_rep": "X_pca"}}
    assert not is_recorded(adata, "leiden")


def test_what_the_data_set_says() -> None:
    adata = sl.datasets.pbmc68k_reduced()
    rows = np.ones(adata.n_obs, dtype=bool)
    assert read_provenance(adata, "louvain", rows).is_clustering
    known = read_provenance(adata, "bulk_labels", rows)
    assert known.kind == "assigned"
    assert set(known.clusterings) == {"leiden", "louvain"}
    assert known.graphs["obsp['connectivities']"].shape == (700, 700)
    rows[:10] = False
    assert len(read_provenance(adata, "bulk_labels", rows).clusterings["leiden"]) == 690


def test_selected_genes_are_told(adata) -> None:
    assert read_preprocessing(adata, None) == []
    sc.pp.highly_variable_genes(adata, n_top_genes=5)
    assert read_preprocessing(adata, None) == []  # flagged, but all genes are still there
    assert len(read_preprocessing(adata[:, adata.var["highly_variable"]], None)) == 1
    assert len(read_preprocessing(adata, "scaled")) == 1


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_genotypes_are_never_circular() -> None:
    adata = sl.datasets.sc_mixology("celseq2")
    adata = adata[adata.obs["cell_line"].notna()].copy()
    sl.pp.recipe_longformer(adata)
    adata.obs["leiden"] = adata.obs["cell_line"]  # a clustering that found the lines
    rows = np.ones(adata.n_obs, dtype=bool)
    known = read_provenance(adata, "cell_line", rows)
    codes = adata.obs["cell_line"].cat.codes.to_numpy().astype(int)
    assert circular(adata.X, codes, known).evidence["answer"] == "no evidence"
    del adata.uns["dataset"], adata.uns["leiden"]
    known = read_provenance(adata, "cell_line", rows)
    assert circular(adata.X, codes, known).evidence["answer"] == "suspected"


EVERYTHING = np.ones(60, dtype=bool)


@pytest.mark.parametrize(
    ("origin", "kind"),
    [
        ("Clustered with Seurat", "clustered"),
        ("Louvain communities", "clustered"),
        ("seurat_clusters", "clustered"),
        ("K-Means of the components", "clustered"),
        ("annotated by markers after clustering", "clustered"),
        ("FACS", "stated"),
        ("k-means on the proteins of the same cells", ""),
        ("never clustered", ""),
        ("predicted by Azimuth", ""),
        ("annotated by marker expression", ""),
    ],
)
def test_origins_are_read(adata, origin, kind) -> None:
    adata.uns["dataset"] = {"label_columns": ["named"], "label_origins": [origin]}
    assert read_provenance(adata, "named", EVERYTHING).kind == kind
    item = next(i for i in sl.pp.check(adata, "named").items if i.name == "provenance")
    assert (item.status == "warn") == (kind == "clustered")


@pytest.mark.parametrize(
    ("stated", "kind"),
    [("Sorted", "sorted"), ("cluster", "clustered"), ("Clustering", "clustered"), ("x", "x")],
)
def test_kinds_are_read_in_any_case(adata, stated, kind) -> None:
    adata.uns["dataset"] = {"label_columns": ["named"], "label_kinds": [stated]}
    assert read_provenance(adata, "named", EVERYTHING).kind == kind


def test_names_of_clusters_show_a_copy(adata) -> None:
    adata.obs["typed"] = adata.obs["leiden"].map(lambda c: f"type{c}").astype("category")
    adata.obs["named"] = adata.obs["leiden"].map({"0": "T 10", "1": "B 1", "2": "NK 2"})
    assert read_provenance(adata, "typed", EVERYTHING).renamed == {"leiden"}
    assert read_provenance(adata, "named", EVERYTHING).renamed == frozenset()


def test_columns_from_elsewhere_are_gathered(adata) -> None:
    adata.uns["dataset"] = {"label_columns": ["named"], "label_kinds": ["genotype"]}
    adata.obs["copied"] = adata.obs["named"]
    known = read_provenance(adata, "copied", EVERYTHING)
    assert list(known.independent) == ["named"]
    assert circular(adata.X, np.arange(60) % 3, known).evidence["answer"] == "no evidence"


@pytest.mark.parametrize("record", ["longformer", "longformer_predict", "mine"])
def test_predictions_of_this_package_are_known(adata, record) -> None:
    column = f"{record.removesuffix('_predict')}_pred"
    adata.obs[column] = adata.obs["named"]
    assert not read_provenance(adata, column, EVERYTHING).is_prediction
    adata.uns[record] = {"params": {}, "classes": np.array(["0", "1", "2"])}
    assert record in read_provenance(adata, column, EVERYTHING).is_prediction
    assert not read_provenance(adata, "named", EVERYTHING).is_prediction


def test_graphs_and_representations_are_gathered(adata, rng) -> None:
    adata.obsm["X_scVI"] = rng.normal(size=(60, 8))
    adata.obsm["X_umap"] = rng.normal(size=(60, 2))
    adata.obsm["X_longformer"] = rng.normal(size=(60, 8))  # made with labels
    adata.uns["longformer"] = {"params": {}, "classes": np.array(["0"])}
    sc.pp.neighbors(adata, use_rep="X_scVI", n_neighbors=5, key_added="nb")
    rows = np.arange(60) < 50
    known = read_provenance(adata, "named", rows)
    assert {name: g.shape for name, g in known.graphs.items()} == {
        "obsp['nb_connectivities']": (50, 50)
    }
    assert {name: Z.shape for name, Z in known.embeddings.items()} == {"obsm['X_scVI']": (50, 8)}


@pytest.mark.data
def test_copies_of_genotypes_are_never_circular() -> None:
    adata = sl.datasets.sc_mixology("celseq2")
    adata = adata[adata.obs["cell_line"].notna()].copy()
    sl.pp.recipe_longformer(adata)
    adata.obs["leiden"] = adata.obs["genotype"] = adata.obs["cell_line"]
    adata.uns["leiden"] = {"params": {"resolution": 0.1}}
    rows = np.ones(adata.n_obs, dtype=bool)
    codes = adata.obs["cell_line"].cat.codes.to_numpy().astype(int)
    for expected in ("no evidence", "suspected"):
        known = read_provenance(adata, "genotype", rows)
        assert circular(adata.X, codes, known).evidence["answer"] == expected
        adata.uns.pop("dataset", None)  # now only the clusters have a record


def test_genes_chosen_from_raw_are_told(adata, rng) -> None:
    rare = np.zeros((60, 10), dtype=np.float32)
    rare[rng.integers(60, size=10), np.arange(10)] = 1
    whole = ad.AnnData(np.hstack([adata.X, rare]), obs=adata.obs)
    whole.raw = whole
    assert read_preprocessing(whole, None) == []
    assert read_preprocessing(whole[:, :20], None) == []  # genes of one cell each were dropped
    assert read_preprocessing(whole[:, 1:], None) == []  # one was dropped by its name
    chosen = whole[:, [1, 5, 9, 13]].copy()
    (said,) = read_preprocessing(chosen, None)
    assert "4 of the 30 genes of raw" in said
    assert preprocessing(chosen.X, records=[said]).fired
    chosen.var_names = list("abcd")
    assert read_preprocessing(chosen, None) == []
