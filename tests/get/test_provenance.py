from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

import scrna_longformer as sl
from scrna_longformer.evaluation.checks import circular
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
    assert known.graph.shape == (700, 700)
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
