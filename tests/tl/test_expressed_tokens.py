"""The three calls that a model of only expressed genes goes through."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

import scrna_longformer as sl


@pytest.fixture
def adata(rng: np.random.Generator) -> ad.AnnData:
    codes = np.arange(150) % 3
    rate = np.where(np.arange(60) % 6 == codes[:, None], 2.0, 0.3)
    adata = ad.AnnData(
        sparse.csr_matrix(rng.poisson(rate).astype(np.float32)),
        obs=pd.DataFrame(
            {"type": pd.Categorical.from_codes(codes, ["a", "b", "c"])},
            index=[f"cell{i}" for i in range(150)],
        ),
        var=pd.DataFrame(index=[f"g{i}" for i in range(60)]),
    )
    sc.pp.normalize_total(adata, target_sum=1e3)
    sc.pp.log1p(adata)
    sl.pp.gene_knn_mask(adata, n_neighbors=6)
    sl.tl.longformer_fit(
        adata,
        "type",
        preset="tiny",
        n_tokens="all",
        offset=None,  # of easy classes: a simple model leaves nothing to correct
        max_steps=300,
        model_options={"tokens": "expressed"},
        accelerator="cpu",
    )
    return adata


def test_fit_attention_and_prediction(adata: ad.AnnData, tmp_path: Path) -> None:
    assert adata.uns["longformer"]["params"]["tokens"] == "expressed"
    assert adata.uns["longformer"]["metrics"]["macro_f1"] > 0.8

    sl.tl.gene_attention(adata)
    weights = adata.varp["gene_attention"].toarray()
    expressed = adata.X.toarray() > 0
    together = expressed.T.astype(int) @ expressed > 0
    assert (weights[~together] == 0).all()
    assert (weights[together & (adata.varp["gene_knn_mask"].toarray() > 0)] > 0).all()

    sl.io.save_model(adata, tmp_path)
    again = sl.tl.longformer_predict(adata, sl.io.load_model(tmp_path), copy=True)
    assert np.array_equal(again.obsm["longformer_proba"], adata.obsm["longformer_proba"])
    with pytest.warns(UserWarning, match="10 of the model's 60 genes"):
        fewer = sl.tl.longformer_predict(adata[:, 10:].copy(), adata, copy=True)
    assert (fewer.obs["longformer_pred"] == adata.obs["type"]).mean() > 0.8
