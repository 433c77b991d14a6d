from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

from scrna_longformer.evaluation import (
    BASELINES,
    Split,
    class_table,
    confusion_table,
    count_parameters,
    cross_validate,
    fold_table,
    gate_table,
    make_splits,
    run_table,
    score,
    summary_table,
)
from scrna_longformer.evaluation._build import build
from scrna_longformer.evaluation._progress import Progress
from scrna_longformer.evaluation._terms import terms


class Recorder(ClassifierMixin, BaseEstimator):
    """Predict the training shares, and note the rows that were seen."""

    seen: list[tuple[str, tuple[int, ...], tuple[int, ...], int]] = []  # noqa: RUF012

    def __init__(self, name: str = "", random_state: int = 0, stop_after: int = -1) -> None:
        self.name = name
        self.random_state = random_state
        self.stop_after = stop_after

    def fit(self, X: np.ndarray, y: np.ndarray) -> Recorder:
        if self.stop_after == len(Recorder.seen):
            raise KeyboardInterrupt
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / counts.sum()
        self.train_ = tuple(X[:, 0].astype(int))
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        tested = tuple(X[:, 0].astype(int))
        Recorder.seen.append((self.name, self.train_, tested, self.random_state))
        return np.tile(self.shares_, (len(X), 1))


@pytest.fixture
def cells(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[Split]]:
    codes = rng.permutation(np.repeat([0, 1, 2], 20))
    X = rng.normal(size=(60, 4)) + codes[:, None]
    X[:, 0] = np.arange(60)  # the row number
    Recorder.seen = []
    return X, codes, make_splits(codes, n_splits=3, n_repeats=2)


def test_folds_and_seeds_are_the_same_for_all(cells: tuple) -> None:
    X, codes, splits = cells
    cross_validate({"a": Recorder("a"), "b": Recorder("b")}, X, codes, splits)
    a, b = ([s[1:] for s in Recorder.seen if s[0] == name] for name in "ab")
    assert a == b
    assert [s[0] for s in a] == [tuple(split.train) for split in splits]
    assert [s[1] for s in a] == [tuple(split.test) for split in splits]
    assert len({s[2] for s in a}) == 6  # every fold has a seed of its own


def test_results_equal_a_loop(cells: tuple) -> None:
    X, codes, splits = cells
    results = cross_validate({"Gauss": GaussianNB()}, X, codes, splits)
    for result, split in zip(results, splits, strict=True):
        proba = GaussianNB().fit(X[split.train], codes[split.train]).predict_proba(X[split.test])
        np.testing.assert_array_equal(result.proba, proba.astype(np.float32))
        assert result.metrics == score(codes[split.test], result.proba)
        assert (result.repeat, result.fold, result.status) == (split.repeat, split.fold, "ok")
        assert result.fit_seconds > 0
        assert result.predict_ms_per_cell > 0


class Gated(GaussianNB):
    """A hybrid whose gate is open where the first training row is odd."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Gated:
        self.gate_ = 0.5 * (int(X[0, 0]) % 2)
        return super().fit(X, y)


def test_gates_are_noted_per_fold_and_summed_up(cells: tuple) -> None:
    X, codes, splits = cells
    hybrid = make_pipeline(Gated())
    results = cross_validate({"Gauss": GaussianNB(), "hybrid": hybrid}, X, codes, splits)
    expected = [0.5 * (int(X[split.train[0], 0]) % 2) for split in splits]
    runs = run_table(results).set_index("model")["gate"]
    assert runs["hybrid"].tolist() == expected
    assert runs["Gauss"].isna().all()
    table = gate_table(results)
    assert table.loc["hybrid", "gate"] == pytest.approx(np.mean(expected))
    assert table.loc["hybrid", "gate_closed"] == pytest.approx(expected.count(0.0) / 6)
    assert table.loc["Gauss"].isna().all()


class Hungry(GaussianNB):
    """Hold 80 MB while fitting."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Hungry:
        self.sum_ = np.ones(10_000_000).sum()
        return super().fit(X, y)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak")
def test_peak_memory_is_what_a_contestant_needs_on_top(cells: tuple) -> None:
    X, codes, splits = cells
    models = {"Gauss": GaussianNB(), "hungry": Hungry()}
    results = cross_validate(models, X, codes, splits[:2])
    peaks = {(r.model, r.fold): r.peak_memory_mb for r in results}
    for fold in (0, 1):
        assert 75 < peaks["hungry", fold] < 120
        assert peaks["Gauss", fold] < 20
    assert "energy_wh" not in set(fold_table(results)["metric"])  # nobody measured it


def test_workers_change_nothing(cells: tuple) -> None:
    X, codes, splits = cells
    models = {"Gauss": GaussianNB(), "forest": BASELINES["random_forest"]}
    alone = cross_validate(models, X, codes, splits[:2])
    together = cross_validate(models, X, codes, splits[:2], n_jobs=2)
    for one, two in zip(alone, together, strict=True):
        assert one.key == two.key
        np.testing.assert_array_equal(one.proba, two.proba)


def test_a_class_absent_from_training_gets_probability_zero() -> None:
    codes = np.array([0, 0, 0, 1, 1, 1, 2])
    split = Split(0, 0, np.array([0, 1, 3, 4]), np.array([2, 5, 6]))
    X = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2], [9.0]])
    (result,) = cross_validate({"Gauss": GaussianNB()}, X, codes, [split])
    np.testing.assert_array_equal(result.proba[:, 2], 0)
    np.testing.assert_allclose(result.class_f1, [1, 2 / 3, 0])


def test_interrupt_leaves_the_finished_folds(cells: tuple) -> None:
    X, codes, splits = cells
    finished: list[Any] = []
    models = {"a": Recorder("a"), "b": Recorder("b", stop_after=3)}
    with pytest.raises(KeyboardInterrupt):
        cross_validate(models, X, codes, splits, on_result=finished.append)
    # contestants take turns, so that what is finished can be compared
    assert [(r.model, r.repeat, r.fold) for r in finished] == [
        ("a", 0, 0),
        ("b", 0, 0),
        ("a", 0, 1),
    ]
    Recorder.seen = []
    resumed = cross_validate(
        {"a": Recorder("a"), "b": Recorder("b")}, X, codes, splits, done=finished
    )
    assert len(resumed) == 12
    assert len(Recorder.seen) == 9  # three were done


def test_time_limit_is_per_contestant_and_recorded(cells: tuple) -> None:
    X, codes, splits = cells
    results = cross_validate({"Gauss": GaussianNB()}, X, codes, splits, time_limit=1e-9)
    assert [r.status for r in results] == ["ok"] + ["time limit"] * 5
    runs = run_table(results)
    assert list(runs["status"].astype(str)) == [r.status for r in results]
    assert fold_table(results)["fold"].unique().tolist() == [0]
    assert (summary_table(results, codes)["n"] == 1).all()


def test_contestants_are_cloned_and_reseeded() -> None:
    model = make_pipeline(DummyClassifier(strategy="stratified", random_state=1))
    fresh = build(model, 7)
    assert fresh is not model
    assert fresh.get_params()["dummyclassifier__random_state"] == 7
    assert model.get_params()["dummyclassifier__random_state"] == 1
    forest = build(BASELINES["random_forest"], 7)
    assert forest.random_state == forest.classifier.random_state == 7


def test_contestants_without_probabilities_are_refused_at_once(cells: tuple) -> None:
    X, codes, splits = cells
    with pytest.raises(TypeError, match=r"'ridge' \(RidgeClassifier\) has no predict_proba"):
        cross_validate({"a": Recorder(), "ridge": RidgeClassifier()}, X, codes, splits)
    assert not Recorder.seen


class Unnormalised(Recorder):
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return 2 * super().predict_proba(X)


class Broken(Recorder):
    def fit(self, X: np.ndarray, y: np.ndarray) -> Recorder:
        raise ZeroDivisionError


def test_values_that_are_no_probabilities_are_refused(cells: tuple) -> None:
    X, codes, splits = cells
    with pytest.raises(ValueError, match="'twice' returned no probabilities"):
        cross_validate({"twice": Unnormalised()}, X, codes, splits)


@pytest.mark.parametrize("calibrated_inside", [False, True])
def test_scaling_hides_no_values_that_are_no_probabilities(
    cells: tuple, monkeypatch: pytest.MonkeyPatch, calibrated_inside: bool
) -> None:
    X, codes, splits = cells
    monkeypatch.setattr(Unnormalised, "calibrated_inside", calibrated_inside, raising=False)
    with pytest.raises(ValueError, match="no probabilities") as failed:
        cross_validate({"twice": Unnormalised()}, X, codes, splits, calibrate=True)
    assert "'twice'" in str(failed.value) + str(failed.value.__notes__)


def test_a_contestant_that_fails_is_named(cells: tuple) -> None:
    X, codes, splits = cells
    with pytest.raises(ZeroDivisionError) as failed:
        cross_validate({"broken": Broken()}, X, codes, splits)
    assert failed.value.__notes__ == ["raised by contestant 'broken' in fold 0, repeat 0"]


def test_tables_agree_with_the_results(cells: tuple) -> None:
    X, codes, splits = cells
    results = cross_validate({"z/2": GaussianNB(), "a": Recorder()}, X, codes, splits)
    f1 = [r.metrics["macro_f1"] for r in results if r.model == "z/2"]
    summary = summary_table(results, codes).set_index(["model", "metric"]).loc[("z/2", "macro_f1")]
    assert summary["mean"] == pytest.approx(np.mean(f1))
    assert summary["sd"] == pytest.approx(np.std(f1, ddof=1))
    assert summary["n"] == 6
    assert list(summary_table(results, codes)["model"].unique()) == [
        "z/2",
        "a",
    ]  # the order of the contest

    names = ["B/x", "T", "NK"]
    confusion = confusion_table(results, codes, names)
    of_z = confusion[confusion["model"] == "z/2"]
    assert of_z.groupby("true", observed=True)["n_cells"].sum().to_dict() == dict.fromkeys(
        names, 40
    )
    correct = of_z.loc[of_z["true"].astype(str) == of_z["predicted"].astype(str), "n_cells"].sum()
    hits = sum((r.proba.argmax(1) == codes[r.test]).sum() for r in results if r.model == "z/2")
    assert correct == hits

    classes = class_table(results, codes, names).set_index(["model", "class"])
    by_hand = np.std([r.class_f1[1] for r in results if r.model == "z/2"], ddof=1)
    assert classes.loc[("z/2", "T"), "sd"] == pytest.approx(by_hand)
    assert classes.loc[("z/2", "T"), "n_cells"] == 20


def test_parameters_are_counted(cells: tuple) -> None:
    X, codes, _ = cells
    linear = make_pipeline(LogisticRegression(max_iter=1000)).fit(X, codes)
    assert count_parameters(linear) == 3 * 4 + 3
    forest = BASELINES["random_forest"](0).fit(X, codes)
    assert count_parameters(forest) == sum(t.tree_.node_count for t in forest.model_.estimators_)
    mlp = BASELINES["mlp"](0).fit(X, codes)
    assert count_parameters(mlp) == (4 * 64 + 64) + (64 * 3 + 3)
    assert np.isnan(count_parameters(BASELINES["knn_pca"](0).fit(X, codes)))


def test_time_left_waits_for_all_and_adds_up() -> None:
    pending = ["fast", "slow"] * 3
    with Progress(pending, shown=False) as bar:
        bar.update("fast", 1.0)
        assert bar.seconds_left() is None
        bar.update("slow", 9.0)
        first = bar.seconds_left()
        bar.update("fast", 1.0)
        bar.update("slow", 9.0)
        second = bar.seconds_left()
        bar.update("fast", 1.0)
        bar.update("slow", 9.0)
        assert bar.seconds_left() == 0
    assert first is not None
    assert second is not None
    assert second > 0


class ThreadCounter(DummyClassifier):
    """Note on how many threads it may compute."""

    seen: list[int] = []  # noqa: RUF012

    def fit(self, X: np.ndarray, y: np.ndarray) -> ThreadCounter:
        ThreadCounter.seen.append(max(library["num_threads"] for library in threadpool_info()))
        return super().fit(X, y)


def test_simple_models_compute_on_one_thread_and_others_as_they_like(
    cells: tuple[np.ndarray, np.ndarray, list[Split]],
) -> None:
    X, codes, splits = cells

    @terms("none")
    def simple(random_state: int) -> ThreadCounter:
        return ThreadCounter()

    ThreadCounter.seen = []
    with threadpool_limits(2):
        cross_validate({"simple": simple, "own": ThreadCounter()}, X, codes, splits[:1])
        after = max(library["num_threads"] for library in threadpool_info())
    assert ThreadCounter.seen == [1, 2]
    assert after == 2


@pytest.mark.parametrize(
    "model",
    [
        GaussianNB(),
        HistGradientBoostingClassifier(max_iter=2),
        make_pipeline(StandardScaler(), LogisticRegression()),
        CalibratedClassifierCV(GaussianNB(), cv=2),
    ],
)
def test_those_that_take_no_sparse_values_get_dense_ones(model: Any, cells: tuple) -> None:
    X, codes, splits = cells
    (dense,) = cross_validate({"m": model}, X, codes, splits[:1], probes=True, calibrate=True)
    sparse_X = sparse.csr_matrix(X)
    (found,) = cross_validate(
        {"m": model}, sparse_X, codes, splits[:1], probes=True, calibrate=True
    )
    np.testing.assert_allclose(found.proba, dense.proba, rtol=1e-5)


class TakesSparse(DummyClassifier):
    """Note what it is given."""

    seen: list[bool] = []  # noqa: RUF012

    def fit(self, X: Any, y: np.ndarray) -> TakesSparse:
        TakesSparse.seen.append(sparse.issparse(X))
        return super().fit(X, y)


def test_own_estimators_get_the_values_as_they_are(cells: tuple) -> None:
    X, codes, splits = cells
    by_hand = make_pipeline(FunctionTransformer(lambda values: values.toarray()), GaussianNB())
    cross_validate({"by hand": by_hand}, sparse.csr_matrix(X), codes, splits[:1])
    cross_validate({"own": TakesSparse()}, sparse.csr_matrix(X), codes, splits[:1])
    assert TakesSparse.seen == [True]


def three_classes() -> tuple[np.ndarray, np.ndarray]:
    codes = np.arange(90) % 3
    X = np.random.default_rng(0).normal(size=(90, 4))
    X[np.arange(90), codes] += 1
    return X, codes


class Slips(LogisticRegression):
    """A logistic regression with one of the common slips of one's own estimators."""

    def __init__(self, slip: str = "", C: float = 1.0) -> None:
        super().__init__(C=C)
        self.slip = slip

    def fit(self, X: Any, y: Any) -> Slips:
        super().fit(X, y)
        self.order_ = np.arange(len(self.classes_))
        if self.slip == "reversed":
            self.order_, self.classes_ = self.order_[::-1], self.classes_[::-1]
        if self.slip == "names":
            self.classes_ = np.array([f"c{code}" for code in self.classes_])
        if self.slip == "from one":
            self.classes_ = self.classes_ + 1
        if self.slip == "none":
            del self.classes_
        return self

    def predict_proba(self, X: Any) -> Any:
        proba = softmax(X @ self.coef_.T + self.intercept_, axis=1)[:, self.order_]
        if self.slip == "column":
            return proba[:, :-1]
        return pd.DataFrame(proba) if self.slip == "frame" else proba


@pytest.mark.parametrize("calibrate", [False, True])
@pytest.mark.parametrize("slip", ["reversed", "frame"])
def test_order_of_classes_and_data_frames_do_not_matter(slip: str, calibrate: bool) -> None:
    X, codes = three_classes()
    models = {"plain": Slips(), "slip": Slips(slip)}
    results = cross_validate(
        models, X, codes, make_splits(codes, n_splits=3), calibrate=calibrate, probes=True
    )
    for one, other in zip(results[::2], results[1::2], strict=True):
        np.testing.assert_allclose(one.proba, other.proba, atol=1e-6)
        assert one.probe == pytest.approx(other.probe)


@pytest.mark.parametrize("calibrate", [False, True])
@pytest.mark.parametrize(
    ("slip", "message"),
    [
        ("names", r"Slips has \['c0', 'c1', 'c2'\] as `classes_`.*integers that `fit` was given"),
        ("none", "Slips has no `classes_` after `fit`"),
        ("from one", "has 3 in `classes_`, and there are only the classes 0 to 2"),
        ("column", r"`predict_proba`.*(gave shape|cells x classes)"),
    ],
)
def test_slips_of_ones_own_estimators_are_named(slip: str, message: str, calibrate: bool) -> None:
    X, codes = three_classes()
    with pytest.raises(ValueError, match=message) as failed:
        cross_validate({"mine": Slips(slip)}, X, codes, make_splits(codes), calibrate=calibrate)
    assert failed.value.__notes__ == ["raised by contestant 'mine' in fold 0, repeat 0"]
