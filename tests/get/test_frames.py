from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scrna_longformer as sl

FRAMES = (
    *("summary", "pairwise", "folds", "per_class", "confusion", "reliability"),
    *("runs", "models"),
)


@pytest.fixture(scope="module")
def adata() -> ad.AnnData:
    adata = sl.datasets.pbmc68k_reduced()
    adata = adata[adata.obs["bulk_labels"].isin(["CD19+ B", "CD56+ NK", "CD14+ Monocyte"])].copy()
    sl.tl.baseline_compare(adata, "bulk_labels", models=["majority", "nearest_centroid"])
    return adata


def test_frames_have_the_promised_columns(adata: ad.AnnData) -> None:
    comparison = sl.get.baseline_compare(adata)
    columns = {name: list(getattr(comparison, name).columns) for name in FRAMES}
    assert columns == {
        "summary": ["model", "metric", "mean", "low", "high", "sd", "sd_seeds", "n", "n_seeds"],
        "pairwise": [
            *("model_a", "model_b", "metric", "difference", "low", "high"),
            *("p_cells", "p_cells_holm", "p_value", "p_holm", "effect_size"),
            *("p_a_better", "p_equivalent", "p_b_better", "n"),
        ],
        "folds": ["model", "repeat", "fold", "seed", "metric", "value"],
        "per_class": ["model", "class", "f1", "low", "high", "sd", "n", "n_cells"],
        "confusion": ["model", "true", "predicted", "n_cells"],
        "reliability": ["model", "low", "high", "n_cells", "confidence", "accuracy"],
        "runs": [
            *("model", "repeat", "fold", "seed", "group", "status", "n_train"),
            *("temperature", "gate", "n_test"),
        ],
        "models": [
            *("model", "description", "inputs", "class_weights", "tuning", "package"),
            *("built_in", "kind", "gate", "gate_closed"),
        ],
    }
    assert comparison.complete
    assert comparison.params["key"] == "bulk_labels"


def test_table_is_the_summary_best_first(adata: ad.AnnData) -> None:
    comparison = sl.get.baseline_compare(adata)
    assert list(comparison.table.index) == ["nearest_centroid", "majority"]
    means = comparison.summary.set_index(["model", "metric"])["mean"]
    assert comparison.table.loc["majority", "mcc"] == means["majority", "mcc"]
    assert {"fit_seconds", "predict_ms_per_cell", "n_parameters"} <= set(comparison.table)


def test_what_follows_from_the_checks_is_at_hand(adata: ad.AnnData) -> None:
    comparison, record = sl.get.baseline_compare(adata), adata.uns["baseline_compare"]
    assert comparison.void is False
    assert comparison.excluded == ("majority",)
    assert comparison.circular == record["circular"] != "not checked"
    found = adata.copy()
    found.uns["baseline_compare"] |= {"void": np.True_, "circular": "yes"}
    comparison = sl.get.baseline_compare(found)
    assert (comparison.void, comparison.circular) == (True, "yes")
    for name in ("void", "excluded", "circular", "pairwise_per_class"):  # as earlier versions wrote
        del found.uns["baseline_compare"][name]
    comparison = sl.get.baseline_compare(found)
    assert (comparison.void, comparison.excluded) == (False, ())
    assert comparison.circular == "not checked"
    assert comparison.pairwise_per_class.empty


def test_frames_are_copies(adata: ad.AnnData) -> None:
    folds = sl.get.baseline_compare(adata).folds
    folds["value"] = 0.0
    assert (sl.get.baseline_compare(adata).folds["value"] != 0).any()


@pytest.mark.filterwarnings("ignore:Writing zarr v2")
@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_frames_survive_files(adata: ad.AnnData, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"cells.{kind}"
    getattr(adata, f"write_{kind}")(path)
    read = getattr(ad, f"read_{kind}")(path)
    before, after = sl.get.baseline_compare(adata), sl.get.baseline_compare(read)
    for name in FRAMES:
        pd.testing.assert_frame_equal(
            getattr(before, name), getattr(after, name), check_index_type=False
        )
        assert not any(map(pd.api.types.is_object_dtype, getattr(after, name).dtypes))
    assert after.complete is True
    for name in ("void", "excluded", "circular"):
        assert getattr(before, name) == getattr(after, name)
    assert after.void is False
    pd.testing.assert_frame_equal(before.table, after.table)


def test_missing_comparison_names_the_call(adata: ad.AnnData) -> None:
    with pytest.raises(KeyError, match=r"`key`='other'.*baseline_compare.*Call"):
        sl.get.baseline_compare(adata, "other")
