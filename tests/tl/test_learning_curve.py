from __future__ import annotations

import warnings
from typing import ClassVar

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin

import scrna_longformer as sl
from scrna_longformer.evaluation import Terms, fit_power_law, score

SIZES = [20, 40, 80, 160]


class Scripted(ClassifierMixin, BaseEstimator):
    """Right for a share of the cells that follows a law of the number of training cells."""

    def __init__(self, a: float = 2.0, b: float = 0.5, c: float = 0.1, random_state: int = 0):
        self.a = a
        self.b = b
        self.c = c
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.n_parameters_ = 10
        self.error_ = min(self.c + self.a * len(y) ** -self.b, 1)
        return self

    def predict_proba(self, X):
        truth = np.asarray(X[:, :3].todense()).argmax(axis=1)  # the label, as `adata` is made
        wrong = np.random.default_rng(self.random_state).random(len(truth)) < self.error_
        return np.eye(3)[np.where(wrong, (truth + 1) % 3, truth)]


class LongformerScripted(Scripted):
    """Taken for a transformer, as classes of this name are."""


@pytest.fixture
def adata(rng: np.random.Generator) -> ad.AnnData:
    codes = rng.permutation(np.arange(400) % 3)
    X = rng.uniform(0.1, 1, (400, 6))
    X[np.arange(400), codes] += 2.37
    obs = pd.DataFrame(
        {"type": pd.Categorical.from_codes(codes, ["B/plasma", "NK", "T"])},
        index=[f"cell{i}" for i in range(400)],
    )
    return ad.AnnData(sparse.csr_matrix(X.astype(np.float32)), obs=obs)


@pytest.fixture
def curved(adata: ad.AnnData) -> ad.AnnData:
    models = {
        "majority": "majority",
        "plain": Scripted(1.5, 0.5, 0.15),
        "longformer": LongformerScripted(5, 0.6, 0.0),
    }
    sl.tl.learning_curve(adata, "type", models=models, sizes=SIZES, metric="accuracy", n_seeds=6)
    return adata


def test_scores_are_those_of_the_subsets(adata: ad.AnnData) -> None:
    from scrna_longformer.evaluation import BASELINES, nested_splits

    models = ["nearest_centroid"]
    sl.tl.learning_curve(adata, "type", models=models, sizes=SIZES[:3], n_seeds=2)
    scores = sl.get.learning_curve(adata).scores.set_index(["metric", "n_cells", "seed"])["value"]
    codes = adata.obs["type"].cat.codes.to_numpy().astype(int)
    for split in nested_splits(codes, SIZES[:3], n_seeds=2):
        model = BASELINES["nearest_centroid"](0).fit(adata.X[split.train], codes[split.train])
        expected = score(codes[split.test], model.predict_proba(adata.X[split.test]))
        found = scores["macro_f1", len(split.train), split.repeat]
        assert found == pytest.approx(expected["macro_f1"], abs=1e-6)


def test_laws_are_fitted_to_the_means(curved: ad.AnnData) -> None:
    curve = sl.get.learning_curve(curved)
    laws = curve.laws.set_index("model")
    for model in ("plain", "longformer"):
        law = laws.loc[model]
        assert law["a_low"] <= law["a_high"]
        assert law["b_low"] <= law["b"] <= law["b_high"]
        fitted = fit_power_law(np.array(SIZES), 1 - curve.table.loc[model].to_numpy())
        value = law["c"] + law["a"] * 160 ** -law["b"]
        assert value == pytest.approx(float(fitted(np.array([160]))[0]), abs=0.02)
    assert set(curve.models.set_index("model")["kind"].astype(str)) == {"simple", "transformer"}


def test_extrapolation_is_measured_on_sizes_not_fitted(curved: ad.AnnData) -> None:
    table = sl.get.learning_curve(curved).extrapolation
    assert set(table["n_cells"]) == {160}
    means = sl.get.learning_curve(curved).table
    for _, row in table.iterrows():
        assert row["observed"] == pytest.approx(means.loc[row["model"], 160])
        assert row["error"] == pytest.approx(row["predicted"] - row["observed"])


def test_same_call_gives_the_same_record(adata: ad.AnnData) -> None:
    one, two = (
        sl.tl.learning_curve(
            adata, "type", models={"own": Scripted()}, sizes=SIZES[:3], n_seeds=2, copy=True
        )
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(sl.get.learning_curve(one).laws, sl.get.learning_curve(two).laws)
    assert "learning_curve" not in adata.uns


class Interrupted(Scripted):
    """Pressing Ctrl-C when it is first fitted to more than 40 cells."""

    calibrated_inside = True  # one fit, without a second for the temperature
    pressed = False
    n_fits = 0

    def fit(self, X, y):
        Interrupted.n_fits += 1
        if len(y) > 40 and not Interrupted.pressed:
            Interrupted.pressed = True
            raise KeyboardInterrupt
        return super().fit(X, y)


def test_interrupted_curve_goes_on_from_its_finished_fits(adata: ad.AnnData, tmp_path) -> None:
    options = {"models": {"own": Interrupted()}, "sizes": SIZES, "n_seeds": 2}
    Interrupted.pressed = False
    with pytest.raises(KeyboardInterrupt):
        sl.tl.learning_curve(adata, "type", **options, checkpoint_dir=tmp_path)
    assert not sl.get.learning_curve(adata).complete
    assert len(list(tmp_path.glob("fold-*.npz"))) == 4  # two sizes, two seeds
    Interrupted.n_fits = 0
    sl.tl.learning_curve(adata, "type", **options, checkpoint_dir=tmp_path)
    assert Interrupted.n_fits == 4  # of eight
    resumed = sl.get.learning_curve(adata)
    assert resumed.complete
    sl.tl.learning_curve(adata, "type", **options, key_added="anew")
    anew = sl.get.learning_curve(adata, "anew")
    pd.testing.assert_frame_equal(resumed.laws, anew.laws)


def test_tested_donors_are_never_trained_on(adata: ad.AnnData) -> None:
    adata.obs["donor"] = pd.Categorical([f"d{i % 8}" for i in range(400)])
    seen: list[set] = []

    class Noting(Scripted):
        def fit(self, X, y):
            seen.append({row.tobytes() for row in np.asarray(X.todense())})
            return super().fit(X, y)

    options = {"models": {"own": Noting()}, "sizes": SIZES, "n_seeds": 2}
    sl.tl.learning_curve(adata, "type", **options, group_key="donor")
    runs = sl.get.learning_curve(adata).runs
    assert set(runs["n_test"]) == {100}  # two of eight donors
    rows = {row.tobytes(): d for row, d in zip(adata.X.toarray(), adata.obs["donor"], strict=True)}
    assert all(len({rows[cell] for cell in cells}) == 6 for cells in seen if len(cells) == 160)
    with pytest.raises(KeyError, match="`group_key`='patient'"):
        sl.tl.learning_curve(adata, "type", group_key="patient")


class Semi(Scripted):
    """Says that it uses cells without a label, and counts them."""

    terms = Terms("all genes", unlabelled=True)
    calibrated_inside = True
    given: ClassVar[list[tuple[int, int]]] = []

    def fit(self, X, y):
        Semi.given.append((int((y >= 0).sum()), int((y < 0).sum())))
        return super().fit(X[y >= 0], y[y >= 0])


def test_cells_without_a_label_go_to_those_who_use_them(adata: ad.AnnData) -> None:
    adata.obs.loc[adata.obs_names[:40], "type"] = np.nan
    Semi.given.clear()
    models = {"semi": Semi(), "plain": Scripted()}
    sl.tl.learning_curve(adata, "type", models=models, sizes=SIZES[:3], n_seeds=2)
    # of 360 labelled cells 90 are tested on; the labels of the others are hidden or absent
    assert Semi.given == [(n, 270 - n + 40) for n in SIZES[:3] for _ in range(2)]
    values = sl.get.learning_curve(adata).scores.query("metric == 'accuracy'")
    by_model = values.pivot_table(
        index=["n_cells", "seed"], columns="model", values="value", observed=True
    )
    np.testing.assert_allclose(by_model["semi"], by_model["plain"])  # it makes nothing of them
    assert "semi" in set(sl.get.learning_curve(adata).models["model"])


def test_time_limit_costs_the_largest_sizes(adata: ad.AnnData) -> None:
    sl.tl.learning_curve(
        adata, "type", models=["majority"], sizes=SIZES, n_seeds=2, time_limit=1e-9
    )
    curve = sl.get.learning_curve(adata)
    assert not curve.complete
    assert curve.runs.query("status == 'ok'")["n_cells"].tolist() == [20]
    with pytest.raises(ValueError, match="three sizes"):
        sl.tl.data_requirement(adata)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"metric": "f2"}, ValueError, "`metric`='f2'"),
        ({"n_seeds": 1}, ValueError, "at least 2"),
        ({"sizes": [50, 100]}, ValueError, "three sizes"),
        ({"sizes": [50, 100, 1000]}, ValueError, "1000"),
        ({"models": ["oracle"]}, ValueError, "learning_curve: `models` has no contestant"),
        ({"key": "tpye"}, KeyError, "learning_curve: `key`='tpye'"),
    ],
)
def test_wrong_calls(adata: ad.AnnData, change: dict, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        sl.tl.learning_curve(adata, **{"key": "type", "models": ["majority"], **change})


def test_requirement_names_the_crossing(curved: ad.AnnData) -> None:
    # 5 n**-0.6 = 0.15 + 1.5 n**-0.5 between 100 and 200 cells
    grid = np.arange(20, 2000)
    truth = grid[(5.0 * grid**-0.6 < 0.15 + 1.5 * grid**-0.5).argmax()]
    found = sl.tl.data_requirement(curved)
    beat = found.table.set_index("goal").loc["beat"]
    assert beat["low"] <= truth <= beat["high"]
    assert beat["rival"] == "plain"  # the majority is no rival
    assert beat["rule_cells"] == 150
    assert "longformer" in str(found)
    assert str(sl.get.data_requirement(curved)) == str(found)


def test_recommendation_follows_the_curves(adata: ad.AnnData) -> None:
    models = {"plain": Scripted(1.5, 0.5, 0.15), "longformer": LongformerScripted(8, 0.8, 0.0)}
    sl.tl.learning_curve(adata, "type", models=models, sizes=SIZES, metric="accuracy")
    early, late = (sl.tl.recommend_architecture(adata, n_cells=n) for n in (20, 160))
    assert early.model == "plain"
    assert late.model == "longformer"
    assert late.preset == "small"
    assert early.rule_preset == ""
    assert sl.get.recommend_architecture(adata).sentence == late.sentence
    with pytest.raises(ValueError, match="out of reach"):
        sl.tl.recommend_architecture(adata, n_cells=10**6)


def test_none_in_sight(adata: ad.AnnData) -> None:
    models = {"plain": Scripted(1, 0.5, 0), "longformer": LongformerScripted(1, 0.5, 0.4)}
    sl.tl.learning_curve(adata, "type", models=models, sizes=SIZES, metric="accuracy")
    found = sl.tl.data_requirement(adata)
    assert found.table["status"].eq("none in sight").all()
    assert "none in sight up to 1,600 cells" in found.sentence


@pytest.mark.parametrize("call", [sl.tl.data_requirement, sl.tl.recommend_architecture])
def test_absent_curve_names_the_call(adata: ad.AnnData, call) -> None:
    with pytest.raises(KeyError, match=r"sl\.tl\.learning_curve\(adata\)"):
        call(adata)


@pytest.mark.parametrize("call", [sl.tl.data_requirement, sl.tl.recommend_architecture])
def test_warns_of_labels_that_have_changed_since(curved: ad.AnnData, call) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(curved)
        curved.obs["note"] = "x"  # another column
        call(curved)
    measured = call(curved).sentence
    curved.obs["type"] = np.roll(curved.obs["type"].astype(str).to_numpy(), 1)
    with pytest.warns(
        UserWarning, match=r"obs\['type'\] has other labels.*learning_curve\(adata, 'type'"
    ):
        assert call(curved).sentence == measured  # of the curve, which is as it was
    with pytest.warns(UserWarning, match="other cells"):
        call(curved[:200].copy())
    curved.obs["type"] = "one"
    with pytest.warns(UserWarning, match="other labels"):
        call(curved)


def test_without_transformer(adata: ad.AnnData) -> None:
    models = {"plain": Scripted()}
    sl.tl.learning_curve(adata, "type", models=models, sizes=SIZES)
    with pytest.raises(ValueError, match="no transformer"):
        sl.tl.data_requirement(adata)
    assert "No transformer was measured" in str(sl.tl.recommend_architecture(adata))


def test_survives_a_file(curved: ad.AnnData, tmp_path) -> None:
    sl.tl.data_requirement(curved)
    sl.tl.recommend_architecture(curved)
    curved.write_h5ad(tmp_path / "curved.h5ad")
    back = ad.read_h5ad(tmp_path / "curved.h5ad")
    pd.testing.assert_frame_equal(
        sl.get.learning_curve(back).laws, sl.get.learning_curve(curved).laws
    )
    assert sl.tl.data_requirement(back).sentence == sl.get.data_requirement(curved).sentence
    assert sl.get.recommend_architecture(back).model == sl.get.recommend_architecture(curved).model


class LongformerClosed(Scripted):
    """A hybrid that never used its correction."""

    gate_ = 0.0


class LongformerOpen(Scripted):
    """A hybrid that always did."""

    gate_ = 0.4


def test_contestants_are_as_calibrated_as_in_a_comparison(adata: ad.AnnData) -> None:
    models = {"unsure": Unsure(), "sure": Sure()}
    sl.tl.learning_curve(adata, "type", models=models, sizes=SIZES, metric="log_loss")
    curve = sl.get.learning_curve(adata)
    assert curve.params["calibration"] == "temperature and class offsets"
    largest = curve.scores.query("metric == 'log_loss' and n_cells == 160")
    loss = largest.groupby("model", observed=True)["value"].mean()
    assert loss["unsure"] < 0.85  # as it is, right in three of four cells at probability 0.4: 0.99
    assert loss["sure"] > 1.5


class Unsure(Scripted):
    """Right more often than it says."""

    def predict_proba(self, X):
        return 0.1 * super().predict_proba(X) + 0.3


class Sure(Scripted):
    """As wrong, always certain, and not to be calibrated."""

    calibrated_inside = True


def test_a_closed_hybrid_is_a_simple_model(adata: ad.AnnData) -> None:
    models = {
        "majority": "majority",
        "worse": Scripted(c=0.2),
        "longformer": LongformerClosed(c=0.01),
        "longformer_open": LongformerOpen(c=0.05),
    }
    sl.tl.learning_curve(adata, "type", models=models, sizes=SIZES)
    curve = sl.get.learning_curve(adata)
    table = curve.models.set_index("model")
    assert table["kind"].astype(str).tolist() == ["simple", "simple", "simple", "transformer"]
    assert table.loc["longformer", "gate_closed"] == 1
    assert table.loc["longformer_open", "gate_closed"] == 0
    assert np.isnan(table.loc["worse", "gate_closed"])
    requirement = sl.tl.data_requirement(adata)
    assert set(requirement.table["model"]) == {"longformer_open"}
    assert set(requirement.table["rival"]) == {"longformer"}
    assert sl.tl.recommend_architecture(adata).model == "longformer"


def test_recommendation_tells_of_the_transformer_it_means(adata: ad.AnnData) -> None:
    models = {
        "worse": Scripted(c=0.2),
        "longformer": LongformerScripted(c=0.01),
        "longformer_pure": LongformerScripted(c=0.012),
    }
    sl.tl.learning_curve(adata, "type", models=models, sizes=SIZES)
    found = sl.tl.recommend_architecture(adata, margin=0.05)
    assert f"the curves support {found.model} " in found.sentence


class Erratic(Scripted):
    """Nearly always right, but for some seeds."""

    def fit(self, X, y):
        super().fit(X, y)
        self.error_ = 0.5 if self.random_state % 3 == 0 else 0.0
        return self


def test_intervals_end_where_the_score_does(adata: ad.AnnData) -> None:
    models = {"erratic": Erratic(), "plain": Scripted(1.5, 0.5, 0.15)}
    sl.tl.learning_curve(adata, "type", models=models, sizes=SIZES, n_seeds=2)
    curve = sl.get.learning_curve(adata)
    for table in (curve.curve, curve.extrapolation, sl.tl.recommend_architecture(adata).table):
        assert table["high"].max() == 1  # it would be above
        assert table["low"].min() >= 0
