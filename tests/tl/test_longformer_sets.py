"""Prediction sets and unknown cells of ``tl.longformer_predict(..., alpha=...)``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

import scrna_longformer as sl
from scrna_longformer.evaluation import Conformal, Novelty, log_ratios

CLASSES = ["T/NK", "B", "Mono"]
SLOTS = ("longformer_set", "longformer_novelty_p", "longformer_accepted")


@pytest.fixture(scope="module")
def both() -> tuple[ad.AnnData, ad.AnnData]:
    """A fitted reference of three types, and a query with a fourth that it never saw."""
    rng = np.random.default_rng(0)
    codes = np.arange(520) % 4
    rate = rng.gamma(2.0, 1.0, 60) + 0.5
    active = np.arange(60) % 4 == codes[:, None]
    counts = rng.poisson(rate * np.where(active, 2.5, 1.0)).astype(np.float32)
    obs = pd.DataFrame(
        {"cell_type": pd.Categorical.from_codes(codes, [*CLASSES, "new"])},
        index=[f"cell{i}" for i in range(520)],
    )
    var = pd.DataFrame(index=[f"HLA/{i}" for i in range(60)])
    adata = ad.AnnData(sparse.csr_matrix(counts), obs=obs, var=var)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    reference = adata[(adata.obs["cell_type"] != "new") & (np.arange(520) < 400)].copy()
    query = adata[400:].copy()
    sl.pp.gene_knn_mask(reference, n_neighbors=5)
    options = {"batch_size": 32, "learning_rate": 0.01}
    sl.tl.longformer_fit(
        reference,
        "cell_type",
        preset="tiny",
        max_steps=300,
        validation_fraction=0.3,
        train_options=options,
        accelerator="cpu",
    )
    return reference, query


def test_sets_follow_from_the_validation_cells(both) -> None:
    reference, query = both
    out = sl.tl.longformer_predict(query, reference, alpha=0.1, copy=True)
    codes = reference.obs["cell_type"].cat.codes.to_numpy()
    split = reference.obs["longformer_split"]
    train, held_out = (np.flatnonzero(split == part) for part in ("train", "validation"))
    proba = reference.obsm["longformer_proba"]
    points = np.hstack([log_ratios(proba), reference.obsm["X_longformer"]])
    novelty = Novelty.fit(points[train], codes[train])
    oracle = Conformal.fit(codes[held_out], proba[held_out], novelty.score(points[held_out]))
    expected = oracle.sets(out.obsm["longformer_proba"], alpha=0.1)
    assert out.obsm["longformer_set"].dtype == bool
    assert np.array_equal(out.obsm["longformer_set"], expected)
    found = np.hstack([log_ratios(out.obsm["longformer_proba"]), out.obsm["X_longformer"]])
    strange = novelty.score(found)
    np.testing.assert_allclose(
        out.obs["longformer_novelty_p"], oracle.novelty_p_values(strange), atol=1e-12
    )


def test_a_new_type_is_unknown_and_known_ones_are_not(both) -> None:
    reference, query = both
    out = sl.tl.longformer_predict(query, reference, alpha=0.1, copy=True)
    is_new = (out.obs["cell_type"] == "new").to_numpy()
    unknown = (out.obs["longformer_accepted"] == "unknown").to_numpy()
    assert unknown[is_new].mean() > 2 * unknown[~is_new].mean()
    assert unknown[~is_new].mean() < 0.25
    known = out[~is_new]
    truth = pd.Categorical(known.obs["cell_type"], CLASSES).codes
    assert known.obsm["longformer_set"][np.arange(len(truth)), truth].mean() > 0.75


def test_accepted_is_the_prediction_or_unknown(both) -> None:
    reference, query = both
    plain = sl.tl.longformer_predict(query, reference, copy=True)
    out = sl.tl.longformer_predict(query, reference, alpha=0.2, copy=True)
    assert not set(SLOTS) & {*plain.obs, *plain.obsm}
    assert "conformal" not in plain.uns["longformer_predict"]
    assert out.obs["longformer_pred"].equals(plain.obs["longformer_pred"])
    assert list(out.obs["longformer_accepted"].cat.categories) == [*CLASSES, "unknown"]
    accepted = out.obs["longformer_novelty_p"] > 0.2
    expected = out.obs["longformer_pred"].astype(str).where(accepted, "unknown")
    assert (out.obs["longformer_accepted"].astype(str) == expected).all()
    record = out.uns["longformer_predict"]["conformal"]
    assert record["alpha"] == 0.2
    assert record["n_calibration"] == (reference.obs["longformer_split"] == "validation").sum()
    assert record["share_unknown"] == pytest.approx((~accepted).mean())


@pytest.mark.filterwarnings("ignore:Writing zarr v2 data")
def test_calibration_is_stored_with_the_model(both, tmp_path: Path) -> None:
    reference, query = both
    expected = sl.tl.longformer_predict(query, reference, alpha=0.1, copy=True)
    sl.io.save_model(reference, tmp_path / "model")
    reference.write_h5ad(tmp_path / "reference.h5ad")
    for source in (tmp_path / "model", ad.read_h5ad(tmp_path / "reference.h5ad")):
        found = sl.tl.longformer_predict(query, source, alpha=0.1, copy=True)
        assert np.array_equal(found.obsm["longformer_set"], expected.obsm["longformer_set"])
        for column in SLOTS[1:]:
            assert found.obs[column].equals(expected.obs[column])
    found.write_h5ad(tmp_path / "query.h5ad")
    back = ad.read_h5ad(tmp_path / "query.h5ad")
    assert np.array_equal(back.obsm["longformer_set"], expected.obsm["longformer_set"])


def test_no_training_cell_is_a_calibration_cell(both, tmp_path: Path) -> None:
    reference, _ = both
    sl.io.save_model(reference, tmp_path)
    calibration = sl.io.load_model(tmp_path).calibration
    codes = reference.obs["cell_type"].cat.codes[reference.obs["longformer_split"] == "validation"]
    assert np.array_equal(calibration.conformal.codes, codes)
    assert len(calibration.conformal.novelty) == len(codes)


def test_errors_say_what_to_do_and_change_nothing(both, tmp_path: Path, unchanged) -> None:
    reference, query = both
    sl.io.save_model(reference, tmp_path)
    fitted = sl.io.load_model(tmp_path)
    with unchanged(query):
        for alpha in (0, 1, 1.5, "0.1"):
            with pytest.raises(ValueError, match=r"`alpha` must lie between 0 and 1"):
                sl.tl.longformer_predict(query, fitted, alpha=alpha)
        with pytest.raises(ValueError, match=r"Fit it again with sl\.tl\.longformer_fit"):
            sl.tl.longformer_predict(query, replace(fitted, calibration=None), alpha=0.1)
        named = replace(fitted, classes=np.array(["T/NK", "unknown", "Mono"]))
        with pytest.raises(ValueError, match=r"unlabeled='unknown'"):
            sl.tl.longformer_predict(query, named, alpha=0.1)


def test_too_small_an_alpha_warns(both) -> None:
    reference, query = both
    with pytest.warns(UserWarning, match=r"`alpha`=0.001 with \d+ calibration cells") as caught:
        out = sl.tl.longformer_predict(query, reference, alpha=0.001, copy=True)
    assert caught[0].filename == __file__
    assert out.obsm["longformer_set"].all()
    assert (out.obs["longformer_accepted"] != "unknown").all()


def test_sets_of_an_earlier_prediction_go(both) -> None:
    reference, query = both
    cells = sl.tl.longformer_predict(query, reference, alpha=0.1, copy=True)
    cells.obs["longformer_mine"] = 1
    sl.tl.longformer_predict(cells, reference)
    assert "longformer_set" not in cells.obsm
    assert not {"longformer_accepted", "longformer_novelty_p"} & set(cells.obs)
    assert "longformer_mine" in cells.obs
