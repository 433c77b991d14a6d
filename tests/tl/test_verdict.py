"""The verdict from end to end: written, logged, drawn again, stored."""

from __future__ import annotations

import logging
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

import scrna_longformer as sl


class LongformerClosed(LogisticRegression):
    """A hybrid that never used its correction."""

    gate_ = 0.0
    calibrated_inside = True


class LongformerOpen(LogisticRegression):
    """A hybrid that used some of it."""

    gate_ = 0.5
    calibrated_inside = True


class Slow(ClassifierMixin, BaseEstimator):
    """As good as the best, and dear."""

    def fit(self, X, y):
        self.model_ = LogisticRegression(max_iter=1000).fit(X, y)
        for seed in range(30):
            LogisticRegression(max_iter=1000, random_state=seed).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


@pytest.fixture(scope="module")
def adata() -> ad.AnnData:
    """Three types whose markers are four times as active."""
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.arange(240) % 3)
    rate = np.where(np.arange(40) % 6 == codes[:, None], 4.0, 1.0)
    counts = rng.poisson(rate).astype(np.float32)
    obs = pd.DataFrame(
        {"type": pd.Categorical.from_codes(codes, ["B", "NK", "T"])},
        index=[f"cell{i}" for i in range(240)],
    )
    adata = ad.AnnData(np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True)), obs=obs)
    models = {
        "majority": "majority",
        "cheap": LogisticRegression(max_iter=1000),
        "dear": Slow(),
        "longformer": LongformerClosed(max_iter=1000),
        "constant": "majority",
    }
    sl.tl.baseline_compare(adata, "type", models=models, n_splits=3)
    return adata


def test_the_verdict_is_in_the_record(adata: ad.AnnData) -> None:
    record = adata.uns["baseline_compare"]["verdict"]
    verdict = sl.get.verdict(adata)
    assert record["text"] == verdict.text == str(verdict)
    assert record["sentences"].tolist() == list(verdict.sentences)
    assert record["model"] == verdict.model
    assert len(verdict.sentences) == 3


def test_equal_and_cheaper_is_recommended(adata: ad.AnnData) -> None:
    verdict = sl.get.verdict(adata)
    ranking = verdict.ranking.set_index("model")
    assert ranking.loc[["cheap", "dear"], "as_good"].all()
    assert verdict.model != "dear"
    assert ranking.loc["constant", "status"] == "floor"  # by whatever name
    assert ranking.loc["majority", "status"] == "floor"


def test_a_closed_hybrid_is_no_transformer(adata: ad.AnnData) -> None:
    verdict = sl.get.verdict(adata)
    assert "the gate of longformer was 0 in 100 % of its fits" in verdict.sentences[1]
    models = sl.get.baseline_compare(adata).models.set_index("model")
    assert models.loc["longformer", ["kind", "gate", "gate_closed"]].tolist() == [
        "transformer",
        0.0,
        1.0,
    ]
    assert models.loc["cheap", "kind"] == "simple"
    assert np.isnan(models.loc["cheap", "gate"])


def test_the_verdict_is_logged(
    adata: ad.AnnData, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("scrna_longformer")
    monkeypatch.setattr(logger, "propagate", True)
    with caplog.at_level(logging.INFO, logger="scrna_longformer"):
        other = sl.tl.baseline_compare(
            adata, "type", models=["majority", "nearest_centroid"], n_splits=2, copy=True
        )
    for sentence in sl.get.verdict(other).sentences:
        assert sentence in caplog.text


@pytest.mark.filterwarnings("ignore:Writing zarr v2")
@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_the_verdict_survives_files(adata: ad.AnnData, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"cells.{kind}"
    getattr(adata, f"write_{kind}")(path)
    read = getattr(ad, f"read_{kind}")(path)
    assert read.uns["baseline_compare"]["verdict"]["text"] == sl.get.verdict(adata).text
    assert sl.get.verdict(read).text == sl.get.verdict(adata).text
    stored, drawn = read.uns["baseline_compare"]["verdict"], sl.get.verdict(adata)
    assert stored["ranking"]["model"].astype(str).tolist() == drawn.ranking["model"].tolist()


def test_another_metric_gives_another_verdict(adata: ad.AnnData) -> None:
    assert "log loss" in sl.get.verdict(adata, metric="log_loss").sentences[0]
    with pytest.raises(ValueError, match=r"`metric`='speed'.*macro_f1"):
        sl.get.verdict(adata, metric="speed")


def test_without_a_comparison_the_call_is_named(adata: ad.AnnData) -> None:
    with pytest.raises(KeyError, match=r"Call sl.tl.baseline_compare"):
        sl.get.verdict(adata, "other")


def test_a_learning_curve_measured_since_counts(adata: ad.AnnData) -> None:
    cells = adata.copy()
    assert "has not been measured" in sl.get.verdict(cells).sentences[2]
    models = {
        "cheap": LogisticRegression(max_iter=1000),
        "longformer": LongformerOpen(max_iter=1000),
    }
    sl.tl.learning_curve(cells, "type", models=models, sizes=[20, 40, 80, 160], n_seeds=3)
    assert "sl.tl.data_requirement(adata) does" in sl.get.verdict(cells).sentences[2]
    sl.tl.data_requirement(cells)
    assert "to match the best simple model" in sl.get.verdict(cells).sentences[2]
    kept = cells.uns["data_requirement"]
    sl.tl.learning_curve(cells, "type", models=models, sizes=[20, 50, 80, 160], n_seeds=3)
    assert "sl.tl.data_requirement(adata) does" in sl.get.verdict(cells).sentences[2]  # outdated
    assert kept is cells.uns["data_requirement"]
    cells.uns["learning_curve"]["params"]["key"] = "other"  # a curve for other labels says nothing
    assert "has not been measured" in sl.get.verdict(cells).sentences[2]


def test_a_curve_of_other_labels_in_the_same_column_is_not_quoted(adata: ad.AnnData) -> None:
    cells = adata.copy()
    models = {"cheap": LogisticRegression(max_iter=1000)}
    sl.tl.learning_curve(cells, "type", models=models, sizes=[20, 40, 80], n_seeds=2)
    assert "labelled cells cheap would go" in sl.get.verdict(cells).sentences[2]
    # the same cells and names of classes, but who is what differs
    cells.obs["type"] = cells.obs["type"].cat.rename_categories({"B": "T", "T": "B"})
    sl.tl.baseline_compare(cells, "type", models=models, n_splits=3)
    assert "is not known to be of the labels compared here" in sl.get.verdict(cells).sentences[2]
    sl.tl.learning_curve(cells, "type", models=models, sizes=[20, 40, 80], n_seeds=2)
    assert "labelled cells cheap would go" in sl.get.verdict(cells).sentences[2]
    for record in ("learning_curve", "baseline_compare"):  # as versions before wrote them
        del cells.uns[record]["params"]["label_digest"]
        assert "is not known to be of the labels" in sl.get.verdict(cells).sentences[2]


def test_a_curve_within_donors_says_nothing_of_new_ones(adata: ad.AnnData) -> None:
    cells = adata.copy()
    cells.obs["donor"] = pd.Categorical(np.arange(240) // 3 % 8)
    models = {
        "cheap": LogisticRegression(max_iter=1000),
        "longformer": LongformerOpen(max_iter=1000),
    }
    sl.tl.baseline_compare(cells, "type", models=models, group_key="donor", n_splits=3)
    sl.tl.learning_curve(cells, "type", models=models, sizes=[20, 40, 80], n_seeds=2)
    assert "has not been measured" in sl.get.verdict(cells).sentences[2]


def test_names_that_say_what_a_contestant_is_not_are_refused(adata: ad.AnnData) -> None:
    for models, name in (
        ({"longformer": LogisticRegression()}, "longformer"),
        ({"longformer_dummy": LogisticRegression()}, "longformer_dummy"),
        ({"majority": LogisticRegression()}, "majority"),
        ({"simple_mean": LogisticRegression()}, "simple_mean"),
        ({"majority": "nearest_centroid"}, "majority"),
    ):
        for call in (sl.tl.baseline_compare, sl.tl.learning_curve):
            with pytest.raises(ValueError, match=rf"{name!r}, which is a name .* 'my_{name}'"):
                call(adata.copy(), "type", models=models)


def test_a_built_in_contestant_keeps_its_kind_by_another_name(
    adata: ad.AnnData, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("scrna_longformer"), "propagate", True)
    cells = adata.copy()
    models = {
        "deep": "depth_only",
        "near": "nearest_centroid",
        "tiny": LongformerOpen(max_iter=1000),
    }
    models["lazy"] = "majority"
    sl.tl.baseline_compare(cells, "type", models=models, n_splits=3)
    assert "constant_prediction" not in caplog.text  # no news of a floor
    assert "constant_prediction" not in sl.get.verdict(cells).text
    del models["lazy"]
    sl.tl.baseline_compare(cells, "type", models=models, n_splits=3)
    table = sl.get.baseline_compare(cells).models.set_index("model")
    assert table["built_in"].tolist() == ["depth_only", "nearest_centroid", ""]
    assert table["kind"].tolist() == ["simple", "simple", "transformer"]
    ranking = sl.get.verdict(cells).ranking.set_index("model")
    assert ranking.loc["deep", "status"] == "floor"
    assert ranking["floor"].tolist() == ["deep"] * 3
    sl.tl.learning_curve(cells, "type", models=models, sizes=[20, 40, 80], n_seeds=2)
    assert sl.get.learning_curve(cells).of_kind("simple") == ["near"]
    assert sl.get.learning_curve(cells).of_kind("transformer") == ["tiny"]
