"""The benchmark suite, on cheap contestants and on ``--quick``."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from click.testing import CliRunner
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from scrna_longformer import datasets
from scrna_longformer.cli import main
from scrna_longformer.cli._suite import _run, _sets, _standing
from scrna_longformer.cli._suite._manifest import hours
from scrna_longformer.cli._suite._plan import Plan, make_plan
from scrna_longformer.cli._suite._report import report
from scrna_longformer.cli._suite._sets import Contest, enter
from scrna_longformer.cli._suite._tables import read


def cells() -> AnnData:
    adata = _sets.log_values(datasets.simulate_interactions(120, kind="mean", mean_effect=0.7))
    adata.obs["donor"] = np.tile(["a", "b"], 60)
    return adata


CONTESTS = (
    Contest("cells", cells, "mean_type"),
    Contest("cells", cells, "mean_type", "donor a to b", "donor", "b", kind="clustered"),
)


def dense(model: object) -> object:
    return make_pipeline(FunctionTransformer(to_array, accept_sparse=True), model)


def to_array(X: object) -> np.ndarray:
    return X.toarray()  # type: ignore[attr-defined]


class Plain(LogisticRegression):
    """Takes part as it is: nothing is scaled."""

    calibrated_inside = True


def plan(**options: object) -> Plan:
    """Stand-ins under the names that the tables read; two of them once, as 'others'."""
    models = {
        "majority": dense(GaussianNB(priors=[0.97, 0.01, 0.01, 0.01])),
        "logistic_regression": dense(Plain(C=0.01)),
        "lda_shrinkage": dense(KNeighborsClassifier(30)),
        "simple_mean": dense(GaussianNB()),
        "longformer": dense(LogisticRegression(C=0.1)),
        "longformer_pure": dense(KNeighborsClassifier(1)),
    }
    sizes = {"n_repeats": 2, "n_repeats_others": 1, "n_splits": 3}
    return Plan(CONTESTS, models, **{**sizes, **options})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suite")
    assert _run.run_suite(plan(), folder)
    return folder


@pytest.fixture(scope="module")
def tables(finished: Path) -> dict[str, pd.DataFrame]:
    return read(finished)


def test_one_row_per_contest_contestant_fold_and_metric(tables):
    folds = tables["folds"]
    assert not folds.duplicated(
        ["set", "regime", "model", "repeat", "fold", "seed", "metric"]
    ).any()
    scores = folds[folds["metric"] == "accuracy"]
    n = scores.groupby(["regime", "model"]).size().unstack()
    # 2 repeats of 3 folds, or 2 seeds of the one group held out; half of it for the others
    assert n.loc["folds", ["longformer", "simple_mean", "majority"]].tolist() == [6, 6, 3]
    assert n.loc["donor a to b", ["longformer", "simple_mean", "majority"]].tolist() == [2, 2, 1]
    assert set(scores.loc[scores["regime"] != "folds", "group"]) == {"b"}
    assert set(scores.loc[scores["regime"] == "folds", "n_test"]) == {40}


def test_every_contestant_of_a_fold_saw_the_same_cells(tables):
    scores = tables["folds"].query("metric == 'accuracy'")
    sizes = scores.groupby(["regime", "repeat", "fold"])[["n_train", "n_test"]].nunique()
    assert (sizes == 1).all(axis=None)


def test_scores_are_those_of_scikit_learn(tables):
    from sklearn.metrics import f1_score

    arena = enter(CONTESTS[1])
    X, y, donor = arena.inputs.X.toarray(), arena.inputs.codes, arena.inputs.groups
    model = LogisticRegression(C=0.01).fit(X[donor == "a"], y[donor == "a"])
    expected = f1_score(y[donor == "b"], model.predict(X[donor == "b"]), average="macro")
    folds = tables["folds"].query("model == 'logistic_regression' and metric == 'macro_f1'")
    found = folds.loc[folds["regime"] != "folds", "value"]
    assert found.tolist() == pytest.approx([expected] * 2)


def test_called_again_nothing_is_fitted(finished, monkeypatch):
    before = (finished / "folds.csv").read_bytes()

    def fail(*_):
        raise AssertionError

    monkeypatch.setattr(GaussianNB, "fit", fail)
    monkeypatch.setattr(LogisticRegression, "fit", fail)
    assert _run.run_suite(plan(), finished)
    assert (finished / "folds.csv").read_bytes() == before


def test_all_sets_come_before_the_next_fold(tmp_path, monkeypatch):
    played = []
    monkeypatch.setattr(
        _run._Suite, "play", lambda _, index, repeat, fold: played.append((repeat, fold, index))
    )
    _run.run_suite(plan(), tmp_path)
    assert played == [(r, f, i) for r in range(2) for f in range(3) for i in range(2)]


def test_what_was_stopped_is_usable_and_goes_on(tmp_path, monkeypatch):
    real, fitted = _run._Suite.play, []

    def stop_in_second_round(suite, index, repeat, fold):
        if fold == 1 and index == 0 and not fitted:
            raise KeyboardInterrupt
        real(suite, index, repeat, fold)

    monkeypatch.setattr(_run._Suite, "play", stop_in_second_round)
    short = plan(n_repeats=1, n_splits=2)
    with pytest.raises(KeyboardInterrupt):
        _run.run_suite(short, tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert not manifest["complete"]
    assert [contest["n_folds"] for contest in manifest["contests"]] == [1, 1]
    before = read(tmp_path)["folds"]
    assert set(before.loc[before["regime"] == "folds", "fold"]) == {0}
    fitted.append(True)
    assert _run.run_suite(short, tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text())["complete"]
    after = read(tmp_path)["folds"]
    keys = ["regime", "model", "fold", "metric"]
    both = before.merge(after, on=keys, suffixes=("", "_again")).query("metric == 'fit_seconds'")
    assert len(both) == 12
    assert (both["value"] == both["value_again"]).all()  # loaded, not fitted again


def test_time_limit_begins_no_further_fold(tmp_path):
    assert not _run.run_suite(plan(), tmp_path, hours=1e-9)
    assert not (tmp_path / "folds.csv").exists()


def test_manifest_repeats_the_run_and_names_no_machine(finished):
    text = (finished / "manifest.json").read_text()
    manifest = json.loads(text)
    assert manifest["complete"]
    assert manifest["suite"] == "real"
    assert manifest["versions"]["scikit-learn"] == __import__("sklearn").__version__
    assert [c["kind"] for c in manifest["contests"]] == ["planted", "clustered"]
    assert manifest["contests"][0]["n_cells"] == 120
    assert platform.node() not in text
    assert str(Path.home()) not in text


def test_hours_are_those_of_fitting_and_predicting(finished, tables):
    folds = tables["folds"].set_index("metric")
    ms = folds.loc["predict_ms_per_cell"]
    seconds = folds.loc["fit_seconds", "value"].sum() + (ms["value"] * ms["n_test"]).sum() / 1000
    seconds -= (
        tables["folds"].query("model == 'simple_mean' and metric == 'fit_seconds'")["value"].sum()
    )  # see below
    found = json.loads((finished / "manifest.json").read_text())["hours"]
    assert found == pytest.approx(seconds / 3600, rel=1e-6)


def test_hours_count_what_the_hybrid_begins_with_once():
    place = {"set": "s", "regime": "folds", "repeat": 0, "fold": 0, "seed": 0, "n_test": 10}
    fits = {"simple_mean": 700.0, "longformer": 1900.0, "logistic_regression": 100.0}
    rows = [
        {**place, "model": model, "metric": metric, "value": value}
        for model, seconds in fits.items()
        for metric, value in (("fit_seconds", seconds), ("predict_ms_per_cell", 0.0))
    ]
    rows += [{**rows[0], "fold": 1}]  # without the hybrid
    assert hours(pd.DataFrame(rows)) == pytest.approx((1900 + 100 + 700) / 3600)


def test_rival_is_the_best_simple_model_of_the_shared_folds(tables):
    folds = tables["folds"].query("regime == 'folds' and metric == 'macro_f1' and repeat == 0")
    means = folds.groupby("model")["value"].mean()
    simple = ["logistic_regression", "lda_shrinkage", "simple_mean"]
    of_contest = tables["folds"].query("regime == 'folds'")
    assert _standing.best_rival(of_contest, "macro_f1") == means[simple].idxmax()
    losses = tables["folds"].query("regime == 'folds' and metric == 'log_loss' and repeat == 0")
    means = losses.groupby("model")["value"].mean()
    assert _standing.best_rival(of_contest, "log_loss") == means[simple].idxmin()


def test_p_values_are_nadeau_bengio_adjusted_over_all_sets(finished, tables, monkeypatch):
    monkeypatch.setattr(_standing, "FEWEST_FOLDS", 3)
    manifest = json.loads((finished / "manifest.json").read_text())
    standing = _standing.standings(tables, manifest)
    row = standing.query("contest == 0 and metric == 'macro_f1' and model == 'longformer_pure'")
    folds = tables["folds"].query("regime == 'folds' and metric == 'macro_f1'")
    wide = folds.pivot_table(index=["repeat", "fold"], columns="model", values="value")
    gaps = (wide["longformer_pure"] - wide[row["rival"].item()]).dropna()
    error = np.sqrt((1 / len(gaps) + 1 / 2) * gaps.var())  # 3 folds: a half of what is trained on
    p = 2 * stats.t.sf(abs(gaps.mean()) / error, len(gaps) - 1)
    assert row["p_value"].item() == pytest.approx(p, rel=0.02)  # sizes of folds differ by a cell
    judged = standing.query("model == 'longformer_pure' and metric != 'ece'")
    p_values = judged["p_value"].to_numpy()
    steps = np.sort(p_values) * np.arange(len(p_values), 0, -1)
    assert sorted(judged["p_holm"]) == pytest.approx(np.minimum(np.maximum.accumulate(steps), 1))
    assert len(p_values) == 4
    over = standing.drop_duplicates("contest").set_index("regime")["p_over"]
    assert over.to_dict() == {"folds": "folds", "donor a to b": "cells"}


def test_report_prints_its_tables_and_draws(finished, tmp_path, capsys):
    report(finished, tmp_path / "figures")
    text = capsys.readouterr().out
    assert "| cells | folds |" in text
    assert "| cells° | donor a to b |" in text
    assert "Targets" in text
    assert (tmp_path / "figures" / "benchmarks.png").stat().st_size > 1000


def test_groups_held_out_stay_and_folds_are_dealt_anew():
    folds, donors = (enter(contest) for contest in CONTESTS)
    deals = [folds.splits(r, n_splits=3, random_state=0) for r in (0, 1, 0)]
    assert all(split.repeat == 1 for split in deals[1])
    assert np.array_equal(deals[0][0].test, deals[2][0].test)
    assert not np.array_equal(deals[0][0].test, deals[1][0].test)
    (split,) = donors.splits(1, n_splits=3, random_state=0)
    assert set(donors.inputs.groups[split.test]) == {"b"}
    assert set(donors.inputs.groups[split.train]) == {"a"}


def test_large_sets_are_cut_by_class():
    whole = enter(CONTESTS[0])
    some = enter(Contest("cells", cells, "mean_type", most_cells=60))
    assert np.bincount(some.inputs.codes).tolist() == [15] * 4
    assert some.inputs.X.shape == (60, whole.inputs.X.shape[1])
    place = {name: i for i, name in enumerate(whole.inputs.names)}
    rows = [place[name] for name in some.inputs.names]
    assert np.array_equal(whole.inputs.codes[rows], some.inputs.codes)
    assert (whole.inputs.X[rows] != some.inputs.X).nnz == 0


def test_unknown_set_lists_the_known_ones():
    result = CliRunner().invoke(main, ["benchmark", "--sets", "pbmc", "--out", "nowhere"])
    assert result.exit_code == 2
    assert "sorted_pbmc" in result.output


def test_plan_repeats_the_slow_ones_less():
    full = make_plan()
    assert full.n_repeats == 5
    assert full.n_repeats_others == 2
    assert {"sorted_pbmc", "worm_l2", "RNAmix"} <= {contest.name for contest in full.contests}
    assert make_plan(n_repeats=1).n_repeats_others == 1


def test_quick_suite_runs_and_is_refused_as_a_result(tmp_path):
    out = tmp_path / "quick"
    done = CliRunner().invoke(main, ["benchmark", "--quick", "--out", str(out)])
    assert done.exit_code == 0, done.output
    folds = read(out)["folds"]
    assert set(folds["set"]) == {"pbmc68k_reduced", "simulate_interactions"}
    assert {"longformer", "longformer_pure", "logistic_regression"} <= set(folds["model"])
    gates = folds[folds["metric"] == "gate"]
    assert set(gates["model"]) == {"longformer"}
    assert gates["value"].between(0, 1).all()
    luck, error = (folds[folds["metric"] == name] for name in ("ece_by_luck", "ece"))
    assert len(luck) == len(error)
    assert luck.loc[luck["model"] == "longformer", "value"].between(0.001, 0.2).all()
    arguments = ["benchmark", "--out", str(out), "--report", str(tmp_path / "figures")]
    refused = CliRunner().invoke(main, arguments)
    assert refused.exit_code == 2
    assert "quick" in refused.output
    assert not (tmp_path / "figures").exists()


def test_report_of_an_empty_folder_names_the_call(tmp_path):
    result = CliRunner().invoke(main, ["benchmark", "--out", str(tmp_path), "--report", "figures"])
    assert result.exit_code == 2
    assert "scrna-longformer benchmark" in result.output


@pytest.mark.data
def test_transfer_has_five_types_of_both_studies():
    (contest,) = [c for c in _sets.REAL if c.regime == "to pbmc3k"]
    arena = enter(contest)
    groups, names = arena.inputs.groups, arena.inputs.labels.names
    assert list(names) == ["B", "CD4 T", "CD8 T", "NK", "monocyte"]
    sizes = np.bincount(arena.inputs.codes[groups == "pbmc3k"])
    assert sizes.tolist() == [344, 697 + 483, 271, 155, 480 + 162]
    assert (groups == "sorted_pbmc").sum() == 2140
    (split,) = arena.splits(0, n_splits=5, random_state=0)
    assert set(groups[split.test]) == {"pbmc3k"}
