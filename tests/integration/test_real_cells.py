"""The three calls on real cells, with the scores that they must reach."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
import scanpy as sc

import scrna_longformer as sl

RIVALS = ["logistic_regression", "longformer"]


def compare(adata: ad.AnnData, key: str, n_splits: int = 5) -> dict[str, float]:
    sl.tl.baseline_compare(adata, key, models=RIVALS, n_splits=n_splits, random_state=0)
    result = sl.get.baseline_compare(adata)
    assert result.complete
    return result.table["macro_f1"].to_dict()


@pytest.mark.filterwarnings("ignore:longformer_fit. classes with fewer than:UserWarning")
@pytest.mark.filterwarnings("ignore:The set_bad function:PendingDeprecationWarning")  # of scanpy.pl
def test_three_calls_in_a_scanpy_analysis(tmp_path) -> None:
    adata = sl.datasets.pbmc68k_reduced()
    sl.pp.gene_knn_mask(adata)
    sl.tl.longformer_fit(adata, key="leiden")
    sl.tl.baseline_compare(adata, models=["majority", "nearest_centroid"], n_splits=3)

    record = adata.uns["longformer"]
    assert record["params"]["attention_backend"] == "numba"
    assert record["metrics"]["macro_f1"] > 0.8
    assert adata.uns["baseline_compare"]["params"]["key"] == "leiden"

    sc.pp.neighbors(adata, use_rep="X_longformer")
    sc.tl.umap(adata)
    axes = sc.pl.umap(adata, color="longformer_pred", show=False)
    assert axes.get_title() == "longformer_pred"

    adata.write_h5ad(tmp_path / "cells.h5ad")
    back = ad.read_h5ad(tmp_path / "cells.h5ad")
    expected = back.obsm["longformer_proba"].copy()
    sl.tl.longformer_predict(back, back)
    assert np.array_equal(back.obsm["longformer_proba"], expected)


@pytest.mark.filterwarnings("ignore:longformer_fit. classes with fewer than:UserWarning")
def test_training_from_random_weights_leaves_the_class_prior_far_behind() -> None:
    """Without the regression it starts at, too: the network itself learns."""
    from scrna_longformer.train import LongformerClassifier

    adata = sl.datasets.pbmc68k_reduced()
    codes = adata.obs["bulk_labels"].cat.codes.to_numpy()
    options = {"max_steps": 400}
    model = LongformerClassifier(n_tokens=256, warm_start=False, train_options=options)
    model.fit(adata.X, codes)
    assert model.result_.initial_loss == pytest.approx(model.result_.prior_loss, rel=1e-4)
    assert model.result_.history["train_loss"][-1] < model.result_.prior_loss / 2


@pytest.mark.filterwarnings("ignore:.*[Cc]lasses in fewer cells:UserWarning")
def test_floors_on_pbmc68k() -> None:
    scores = compare(sl.datasets.pbmc68k_reduced(), "bulk_labels")
    assert scores["logistic_regression"] >= 0.72
    assert scores["longformer"] >= 0.68


@pytest.mark.data
def test_floors_on_sorted_pbmc() -> None:
    adata = sl.datasets.sorted_pbmc()
    sc.pp.filter_genes(adata, min_cells=3)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    scores = compare(adata, "cell_type", n_splits=3)
    assert scores["logistic_regression"] >= 0.82
    assert scores["longformer"] >= 0.76
