from __future__ import annotations

import json
import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

import scrna_longformer as sl
from scrna_longformer.evaluation import Terms, make_splits, score
from scrna_longformer.tl._compare_inputs import last_fit
from scrna_longformer.tl._compare_models import resolve_contestants, transformer_settings

FAST = ["majority", "nearest_centroid"]
CLASSES = ["B/plasma", "NK", "T"]
MEASURED = ["fit_seconds", "predict_ms_per_cell", "peak_memory_mb", "energy_wh"]


@pytest.fixture
def adata(rng: np.random.Generator) -> ad.AnnData:
    codes = rng.permutation(np.arange(90) % 3)
    rate = np.where(np.arange(30) % 6 == codes[:, None], 4.0, 1.0)
    counts = rng.poisson(rate).astype(np.float32)
    X = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    obs = pd.DataFrame(
        {
            "type": pd.Categorical.from_codes(codes, CLASSES),
            "leiden": pd.Categorical(codes.astype(str)),
            "donor": pd.Categorical((np.arange(90) // 15).astype(str)),
            "one": pd.Categorical(["same"] * 90),
        },
        index=[f"cell{i}" for i in range(90)],
    )
    var = pd.DataFrame(index=[f"HLA/{i}" for i in range(30)])
    return ad.AnnData(sparse.csr_matrix(X.astype(np.float32)), obs=obs, var=var)


def unchanged(before: ad.AnnData, after: ad.AnnData) -> bool:
    return (
        (before.X != after.X).nnz == 0
        and before.obs.equals(after.obs)
        and list(before.uns) == list(after.uns)
    )


class Plain(LogisticRegression):
    """Takes part as it is: nothing is scaled."""

    calibrated_inside = True


def test_scores_are_those_of_the_folds(adata: ad.AnnData) -> None:
    sl.tl.baseline_compare(adata, "type", models={"plain": Plain(max_iter=1000)})
    folds = sl.get.baseline_compare(adata).folds
    codes = adata.obs["type"].cat.codes.to_numpy().astype(int)
    for split in make_splits(codes):
        model = LogisticRegression(max_iter=1000).fit(adata.X[split.train], codes[split.train])
        expected = score(codes[split.test], model.predict_proba(adata.X[split.test]))
        found = folds[folds["fold"] == split.fold].set_index("metric")["value"]
        for metric in expected:
            assert found[metric] == pytest.approx(expected[metric], abs=1e-6)


def test_a_temperature_is_noted_for_all_but_those_calibrated_inside(adata: ad.AnnData) -> None:
    class Inside(LogisticRegression):
        calibrated_inside = True

    models = {"plain": LogisticRegression(), "inside": Inside(), "majority": "majority"}
    sl.tl.baseline_compare(adata, "type", models=models, n_splits=3)
    comparison = sl.get.baseline_compare(adata)
    assert comparison.params["calibration"] == "temperature and class offsets"
    temperatures = comparison.runs.groupby("model", observed=True)["temperature"].mean()
    assert temperatures["plain"] > 0
    assert temperatures[["inside", "majority"]].isna().all()
    cells = comparison.reliability.groupby("model", observed=True)["n_cells"].sum()
    assert set(cells) == {90}


def test_same_call_gives_the_same_scores(adata: ad.AnnData) -> None:
    models = ["random_forest", "mlp"]
    one, two = (
        sl.tl.baseline_compare(adata, "type", models=models, n_splits=3, copy=True)
        for _ in range(2)
    )
    a, b = (sl.get.baseline_compare(x).folds for x in (one, two))
    a, b = (x[~x["metric"].isin(MEASURED)].reset_index(drop=True) for x in (a, b))
    pd.testing.assert_frame_equal(a, b)
    assert "baseline_compare" not in adata.uns  # copy=True


@pytest.mark.parametrize("fmt", ["csr", "csc", "dense", "float64"])
def test_storage_makes_no_difference(adata: ad.AnnData, fmt: str) -> None:
    other = adata.copy()
    convert = {"csr": lambda X: X, "csc": sparse.csc_matrix, "dense": lambda X: X.toarray()}
    other.X = convert.get(fmt, lambda X: X.astype(np.float64))(adata.X)
    tables = []
    for a in (adata, other):
        sl.tl.baseline_compare(a, "type", models=["nearest_centroid"], n_splits=3)
        tables.append(sl.get.baseline_compare(a).table["log_loss"].to_numpy())
    np.testing.assert_array_equal(*tables)


def test_unlabelled_cells_are_left_out(adata: ad.AnnData) -> None:
    adata.obs.loc[adata.obs_names[:20], "type"] = np.nan
    labelled = adata[20:].copy()
    for a in (adata, labelled):
        sl.tl.baseline_compare(a, "type", models=FAST, n_splits=3)
    a, b = (sl.get.baseline_compare(x) for x in (adata, labelled))
    assert a.params["n_cells"] == 70
    pd.testing.assert_frame_equal(
        a.table.drop(columns=MEASURED, errors="ignore"),
        b.table.drop(columns=MEASURED, errors="ignore"),
    )


def test_unlabelled_cells_go_to_those_who_use_them(adata: ad.AnnData) -> None:
    adata.obs["donor"] = [f"d{i % 6}" for i in range(90)]
    adata.obs.loc[adata.obs_names[:20], "type"] = np.nan
    adata.obs.loc[adata.obs_names[0], "donor"] = np.nan  # of no donor, so perhaps of a tested one
    donor_of = dict(zip((r.tobytes() for r in adata.X.toarray()), adata.obs["donor"], strict=True))
    seen = []

    class Semi(GaussianNB):
        terms = Terms("all genes", unlabelled=True)
        calibrated_inside = True

        def fit(self, X, y):
            donors = [donor_of[row.tobytes()] for row in X.toarray()]
            seen.append((set(donors), int((y < 0).sum())))
            return super().fit(X.toarray()[y >= 0], y[y >= 0])

        def predict_proba(self, X):
            return super().predict_proba(X.toarray())

    sl.tl.baseline_compare(adata, "type", models={"semi": Semi()}, n_splits=3, group_key="donor")
    for donors, n in seen[:3]:
        assert len(donors) == 4
        assert n == sum(donor_of[row.tobytes()] in donors for row in adata.X[:20].toarray())
    assert sl.get.baseline_compare(adata).params["n_cells"] == 70


def test_groups_are_kept_whole(adata: ad.AnnData) -> None:
    class Donors(ClassifierMixin, BaseEstimator):
        calibrated_inside = True  # the temperature's inner split knows no groups

        def fit(self, X, y):
            self.donors_ = set(X[:, 0].toarray().ravel())
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, X):
            asked = set(X[:, 0].toarray().ravel())  # test cells, or training cells for the checks
            assert not self.donors_ & asked or asked <= self.donors_
            return np.full((X.shape[0], 3), 1 / 3)

    X = adata.X.toarray()
    X[:, 0] = adata.obs["donor"].astype(float) + 0.5
    adata.X = sparse.csr_matrix(X)
    sl.tl.baseline_compare(adata, "type", models={"d": Donors()}, n_splits=3, group_key="donor")
    params = sl.get.baseline_compare(adata).params
    assert params["group_key"] == "donor"
    assert params["n_groups"] == adata.obs["donor"].nunique()


def test_columns_named_as_batches_are_looked_at(adata: ad.AnnData) -> None:
    codes = adata.obs["type"].cat.codes
    adata.obs["Patient_ID"] = pd.Categorical((codes + 3 * (np.arange(90) % 2)).astype(str))
    adata.obs["barcode"] = adata.obs_names  # names cells, and is no batch

    def looked_at(**options: str) -> dict[str, bool]:
        sl.tl.baseline_compare(adata, "type", models=FAST, n_splits=3, **options)
        checks = sl.get.baseline_compare(adata).checks
        of_batches = checks[checks["check"] == "confounding"]
        keys = of_batches["evidence"].astype(str).map(lambda evidence: json.loads(evidence)["key"])
        return dict(zip(keys, of_batches["fired"], strict=True))

    assert looked_at() == {"Patient_ID": True, "donor": False}
    assert looked_at(group_key="donor") == {"Patient_ID": True, "donor": False}


def test_names_and_own_models_mix(adata: ad.AnnData) -> None:
    own = {"mine/1": LogisticRegression(max_iter=1000), "chance": "majority"}
    sl.tl.baseline_compare(adata, "type", models=own, n_splits=3)
    comparison = sl.get.baseline_compare(adata)
    assert list(comparison.models["model"]) == ["mine/1", "chance"]
    assert list(comparison.models["description"]) == [
        "LogisticRegression(max_iter=1000)",
        "Predict the class shares of the training cells, whatever the cell looks like.",
    ]


def test_default_has_the_baselines_and_the_transformer() -> None:
    assert list(resolve_contestants("default", {})) == [
        "majority",
        "depth_only",
        "nearest_centroid",
        "knn_pca",
        "logistic_regression",
        "pearson_pca20",
        "pearson_pca50",
        "simple_mean",
        "random_forest",
        "hist_gradient_boosting",
        "mlp",
        "longformer",
        "longformer_pure",
    ]


def test_transformer_competes_with_the_settings_of_the_fit(adata: ad.AnnData) -> None:
    sl.pp.gene_knn_mask(adata, n_neighbors=4, metric="cosine", center=False)
    options = {
        "preset": "tiny",
        "n_tokens": 12,
        "model_options": {"n_heads": 1},
        "train_options": {"batch_size": 16, "max_steps": 60},
    }
    with pytest.warns(UserWarning, match="LongformerClassifier"):  # 60 steps are too few to learn
        sl.tl.longformer_fit(adata, "type", key_added="mine", **options)
    fit = last_fit(adata, "type")
    model = resolve_contestants(["longformer"], transformer_settings(fit))["longformer"]
    found = model.get_params()
    assert (found["preset"], found["n_tokens"], found["n_neighbors"]) == ("tiny", 12, 4)
    assert found["center"] is False
    assert found["model_options"]["n_heads"] == 1
    assert found["train_options"]["batch_size"] == 16
    assert found["train_options"]["max_steps"] == 60
    assert last_fit(adata, "leiden") is None
    with pytest.warns(UserWarning, match="LongformerClassifier"):
        sl.tl.baseline_compare(adata, models=["longformer"], n_splits=2)  # the key of the fit
    comparison = sl.get.baseline_compare(adata)
    assert comparison.params["key"] == "type"
    assert (
        comparison.table.loc["longformer", "n_parameters"]
        == (adata.uns["mine"]["training"]["n_parameters"])
    )


def test_key_falls_back_to_leiden_and_then_asks(adata: ad.AnnData) -> None:
    sl.tl.baseline_compare(adata, models=["majority"], n_splits=3)
    assert sl.get.baseline_compare(adata).params["key"] == "leiden"
    del adata.obs["leiden"]
    with pytest.raises(KeyError, match=r"no `key` given.*'type', 'donor', 'one'"):
        sl.tl.baseline_compare(adata)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"key": "cell"}, KeyError, "'cell'.*'type'"),
        ({"key": "one"}, ValueError, "same"),
        ({"key": "type", "key_added": "a/b"}, ValueError, "`key_added`='a/b' cannot name slots"),
        ({"key": "type", "group_key": "batch"}, KeyError, "`group_key`='batch'.*'donor'"),
        ({"key": "type", "group_key": "donor", "n_splits": 7}, ValueError, "6 groups"),
        ({"key": "type", "n_splits": 31}, ValueError, "`n_splits`=31 is more than the 30 cells"),
        ({"key": "type", "n_splits": 1}, ValueError, "`n_splits` >= 2"),
        ({"key": "type", "models": ["forest"]}, ValueError, "'forest'.*'random_forest'"),
        ({"key": "type", "models": []}, ValueError, "`models` is empty"),
        ({"key": "type", "models": {"x": 3}}, TypeError, "'x'"),
        ({"key": "type", "layer": "logs"}, KeyError, "'logs'"),
    ],
)
def test_bad_input_says_what_exists_and_changes_nothing(
    adata: ad.AnnData, options: dict, error: type[Exception], message: str
) -> None:
    before = adata.copy()
    with pytest.raises(error, match=message):
        sl.tl.baseline_compare(adata, **options)
    assert unchanged(before, adata)


def test_groups_without_a_value_are_refused(adata: ad.AnnData) -> None:
    adata.obs.loc["cell3", "donor"] = np.nan
    with pytest.raises(ValueError, match="1 labelled cells without a group"):
        sl.tl.baseline_compare(adata, "type", group_key="donor")


def test_counts_are_refused(adata: ad.AnnData) -> None:
    adata.X.data[:] = np.round(adata.X.data)
    with pytest.raises(ValueError, match="normalize_total"):
        sl.tl.baseline_compare(adata, "type")


def test_classes_smaller_than_the_folds_are_named(adata: ad.AnnData) -> None:
    few = np.flatnonzero(adata.obs["type"] == "NK")[3:]
    adata = adata[np.delete(np.arange(90), few)].copy()
    with pytest.warns(UserWarning, match=r"fewer cells than the 5 folds.*'NK' \(3\)") as caught:
        sl.tl.baseline_compare(adata, "type", models=FAST)
    assert caught[0].filename == __file__
    classes = sl.get.baseline_compare(adata).per_class.set_index(["model", "class"])
    assert classes.loc[("majority", "NK"), "n"] == 3  # folds that test it


def test_view_is_made_actual_and_its_parent_left_alone(adata: ad.AnnData) -> None:
    before = adata.copy()
    view = adata[:60]
    sl.tl.baseline_compare(view, "type", models=FAST, n_splits=3)
    assert not view.is_view
    assert "baseline_compare" in view.uns
    assert unchanged(before, adata)


class Interrupted(LogisticRegression):
    """Pressing Ctrl-C while it is fitted for the second time."""

    fits = 0
    calibrated_inside = True  # one fit per fold

    def fit(self, X, y):
        Interrupted.fits += 1
        if Interrupted.fits == 2:
            raise KeyboardInterrupt
        return super().fit(X, y)


def test_interrupt_keeps_the_finished_folds(adata: ad.AnnData) -> None:
    Interrupted.fits = 0
    models = {"majority": "majority", "stopped": Interrupted(max_iter=1000)}
    with pytest.raises(KeyboardInterrupt):
        sl.tl.baseline_compare(adata, "type", models=models)
    comparison = sl.get.baseline_compare(adata)
    assert not comparison.complete
    assert comparison.runs.groupby("model", observed=True).size().to_dict() == {
        "majority": 2,
        "stopped": 1,
    }
    assert comparison.table.loc["stopped", "macro_f1"] > 0.5


def test_time_limit_leaves_folds_out_and_says_so(adata: ad.AnnData) -> None:
    sl.tl.baseline_compare(adata, "type", models=FAST, time_limit=1e-9)
    comparison = sl.get.baseline_compare(adata)
    assert not comparison.complete
    assert comparison.runs["status"].value_counts().to_dict() == {"time limit": 8, "ok": 2}


class LogLines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def log_lines():
    handler = LogLines()
    logger = logging.getLogger("scrna_longformer")
    logger.addHandler(handler)
    yield handler.lines
    logger.removeHandler(handler)


def test_circular_labels_are_told(adata: ad.AnnData, log_lines: list[str]) -> None:
    adata.uns["leiden"] = {"params": {"resolution": 1.0, "random_state": 0}}
    sl.tl.baseline_compare(adata, "leiden", models=["majority"], n_splits=3)
    assert any("clusters of this matrix" in line for line in log_lines)
    assert "clustered" in sl.get.baseline_compare(adata).params["label_origin"]
    assert adata.uns["baseline_compare"]["circular"] == "yes"

    log_lines.clear()
    adata.uns["dataset"] = {
        "label_columns": np.array(["type"]),
        "label_origins": np.array(["FACS sort of separate libraries"]),
    }
    sl.tl.baseline_compare(adata, "type", models=["majority"], n_splits=3)
    assert not any("clusters of this matrix" in line for line in log_lines)
    assert adata.uns["baseline_compare"]["circular"] == "no evidence"
    origin = sl.get.baseline_compare(adata).params["label_origin"]
    assert origin == "FACS sort of separate libraries"


@pytest.mark.filterwarnings("ignore:Classes in fewer")
def test_logistic_regression_reaches_its_floor_on_real_cells() -> None:
    adata = sl.datasets.pbmc68k_reduced()
    sl.tl.baseline_compare(adata, "bulk_labels", models=["logistic_regression", "majority"])
    table = sl.get.baseline_compare(adata).table
    assert table.loc["logistic_regression", "macro_f1"] >= 0.72
    assert table.loc["majority", "macro_f1"] < 0.1


def test_interrupt_while_checking_keeps_the_folds(
    adata: ad.AnnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("scrna_longformer.tl._baseline_compare.check_comparison", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sl.tl.baseline_compare(adata, "type", models=FAST)
    comparison = sl.get.baseline_compare(adata)
    assert len(comparison.runs) == 10
    assert adata.uns["baseline_compare"]["circular"] == "not checked"


@pytest.mark.filterwarnings("ignore:LongformerClassifier")  # few updates
def test_cells_left_out_since_the_fit_need_no_label(adata: ad.AnnData) -> None:
    adata.obs["type"] = adata.obs["type"].cat.rename_categories({"T": "Unknown"})
    sl.pp.gene_knn_mask(adata, n_neighbors=5)
    sl.tl.longformer_fit(
        adata, "type", unlabeled="Unknown", preset="tiny", accelerator="cpu", max_steps=20
    )
    named = adata[adata.obs["type"] != "Unknown"].copy()
    sl.tl.baseline_compare(named, "type", models=FAST, n_splits=3)
    assert named.uns["baseline_compare"]["params"]["n_cells"] == named.n_obs


def test_names_of_contestants_may_be_numbers(adata: ad.AnnData) -> None:
    sl.tl.baseline_compare(adata, "type", models={1: "majority", 2: "nearest_centroid"})
    assert set(sl.get.baseline_compare(adata).table.index) == {"1", "2"}


def test_an_origin_half_told_is_none(adata: ad.AnnData) -> None:
    adata.uns["dataset"] = {"label_columns": ["type"], "label_kinds": ["sorted"]}
    sl.tl.baseline_compare(adata, "type", models=FAST, n_splits=3)
    assert adata.uns["baseline_compare"]["circular"] == "no evidence"
    adata.uns["dataset"] = {"label_columns": ["type"]}
    sl.tl.baseline_compare(adata, "type", models=FAST, n_splits=3)
    assert adata.uns["baseline_compare"]["circular"] != "yes"


@pytest.mark.parametrize("call", [sl.tl.baseline_compare, sl.tl.learning_curve])
def test_names_that_stand_for_no_label_are_warned_of(adata: ad.AnnData, call) -> None:
    names = adata.obs["type"].astype(object)
    names[:20] = "nan"
    names[20:30] = "Unknown"
    adata.obs["type"] = names
    less = {"n_splits": 3} if call is sl.tl.baseline_compare else {"sizes": [20, 30, 40]}
    found = (
        r"obs\['type'\] has 'Unknown' \(10 cells\), 'nan' \(20 cells\), which reads like a missing"
    )
    with pytest.warns(UserWarning, match=found) as caught:
        call(adata, "type", models=FAST, **less)
    assert caught[0].filename == __file__
    mend = str(caught[0].message).partition("set it to missing: ")[2].removesuffix(".")
    exec(mend, {"adata": adata})
    call(adata, "type", models=FAST, **less)  # warnings are errors
    assert adata.uns[call.__name__]["params"]["n_cells"] == 60


@pytest.mark.parametrize("rope", [-1, float("nan"), 1])
def test_a_rope_that_is_no_difference_is_refused(adata: ad.AnnData, rope: float) -> None:
    with pytest.raises(ValueError, match=rf"`rope`={rope!r} is no difference of scores"):
        sl.tl.baseline_compare(adata, "type", models=FAST, rope=rope)


class Failing(ClassifierMixin, BaseEstimator):
    """Needs more cells than there are."""

    def fit(self, X, y):
        msg = f"needs more than {len(y)} cells"
        raise ValueError(msg)

    def predict_proba(self, X):
        raise NotImplementedError


def test_an_error_of_a_contestant_says_what_is_left(adata: ad.AnnData, tmp_path) -> None:
    models = {"majority": "majority", "mine": Failing()}
    before = adata.copy()
    with pytest.raises(ValueError, match="needs more than 72 cells") as failed:
        sl.tl.baseline_compare(adata, "type", models=models)
    first, second = failed.value.__notes__
    assert first == "raised by contestant 'mine' in fold 0, repeat 0"
    assert second.startswith(
        "baseline_compare wrote nothing. Of 1 finished fits none is kept; check"
    )
    assert second.endswith("`models` without this contestant leaves it out.")
    assert unchanged(before, adata)
    with pytest.raises(ValueError, match="needs more than 72 cells") as failed:
        sl.tl.baseline_compare(adata, "type", models=models, checkpoint_dir=tmp_path)
    assert (
        f"all are in checkpoint_dir={str(tmp_path)!r}, and the same call"
        in failed.value.__notes__[1]
    )


def test_two_groups_are_told_what_is_possible(adata: ad.AnnData) -> None:
    adata.obs["half"] = pd.Categorical((np.arange(90) < 45).astype(str))
    with pytest.raises(ValueError, match="5 does not go with 2 groups: choose 2 folds"):
        sl.tl.baseline_compare(adata, "type", models=FAST, group_key="half")
    advice = r"there are 2. Choose another `group_key`, or a comparison .*baseline_compare\(\.\.\., split="
    with pytest.raises(ValueError, match=advice):
        sl.tl.learning_curve(adata, "type", models=FAST, group_key="half")
    adata.obs["third"] = pd.Categorical((np.arange(90) // 30).astype(str))
    with pytest.raises(
        ValueError, match=r"there are 3. Choose a fraction of at least 0.5, another"
    ):
        sl.tl.learning_curve(adata, "type", models=FAST, group_key="third")


def test_one_contestant_has_no_pairs(adata: ad.AnnData) -> None:
    sl.tl.baseline_compare(adata, "type", models=["nearest_centroid"], n_splits=3)
    with pytest.raises(ValueError, match=r"no two contestants .* it has \['nearest_centroid'\]"):
        sl.pl.pairwise(adata, show=False)
