"""Kinds of splits, the final test set, seeds and resuming, at the surface."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

import scrna_longformer as sl
from scrna_longformer.evaluation import score

TIMES = ["fit_seconds", "predict_ms_per_cell", "peak_memory_mb", "energy_wh"]


@pytest.fixture
def adata(rng: np.random.Generator) -> ad.AnnData:
    codes = rng.permutation(np.arange(120) % 3)
    rate = np.where(np.arange(20) % 6 == codes[:, None], 3.0, 1.0)
    counts = rng.poisson(rate).astype(np.float32) + 0.01
    X = np.log1p(1e3 * counts / counts.sum(axis=1, keepdims=True)).astype(np.float32)
    X[:, 0] = (np.arange(120) + 1) / 50  # the name of the cell
    obs = pd.DataFrame(
        {
            "type": pd.Categorical.from_codes(codes, ["a", "b", "c"]),
            "donor": pd.Categorical((np.arange(120) // 15).astype(str)),
            "lane": pd.Categorical(codes.astype(str)),
        },
        index=[f"cell{i}" for i in range(120)],
    )
    return ad.AnnData(sparse.csr_matrix(X), obs=obs)


def names_of(X: sparse.csr_matrix) -> set[int]:
    return set(np.rint(50 * X[:, 0].toarray().ravel()).astype(int) - 1)


class Spy(ClassifierMixin, BaseEstimator):
    """Note which cells are seen, and guess at random."""

    calibrated_inside = True  # one fit per fold
    seen: list[tuple[set[int], set[int]]] = []  # noqa: RUF012

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X, y):
        self.train_, self.noted_ = names_of(X), False
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        if not self.noted_:  # what the checks ask comes later
            Spy.seen.append((self.train_, names_of(X)))
        self.noted_ = True
        return np.random.default_rng(self.random_state).dirichlet(np.ones(3), X.shape[0])


@pytest.fixture(autouse=True)
def forget() -> None:
    Spy.seen = []


def test_leaving_one_group_out_names_the_group_of_each_fold(adata: ad.AnnData) -> None:
    options = {"group_key": "donor", "split": "leave_one_group_out"}
    sl.tl.baseline_compare(adata, "type", models={"spy": Spy()}, **options)
    comparison = sl.get.baseline_compare(adata)
    assert list(comparison.runs["group"]) == [str(i) for i in range(8)]
    assert comparison.params["split"] == "leave_one_group_out"
    assert comparison.params["n_splits"] == 8
    donor = adata.obs["donor"].to_numpy().astype(str)
    for fold, (train, test) in enumerate(Spy.seen[:8]):
        assert test == set(np.flatnonzero(donor == str(fold)))
        assert train == set(np.flatnonzero(donor != str(fold)))


def test_intervals_count_groups_where_groups_are_kept_whole(adata: ad.AnnData) -> None:
    models = {"plain": LogisticRegression(max_iter=2000)}
    # the model fails on half of the donors: 60 cells agree on it, but only 4 donors
    X = adata.X.toarray()
    broken = adata.obs["donor"].astype(int).to_numpy() % 2 == 0
    X[broken] = X[np.roll(np.flatnonzero(broken), 1)]
    adata.X = sparse.csr_matrix(X)
    sl.tl.baseline_compare(adata, "type", models=models, group_key="donor", n_splits=4)
    by_group = sl.get.baseline_compare(adata).summary.set_index("metric").loc["accuracy"]
    sl.tl.baseline_compare(adata, "type", models=models, n_splits=4)
    by_cell = sl.get.baseline_compare(adata).summary.set_index("metric").loc["accuracy"]
    assert by_group["high"] - by_group["low"] > 1.3 * (by_cell["high"] - by_cell["low"])


@pytest.mark.parametrize("group_key", [None, "donor"])
def test_no_fold_sees_the_test_set_and_it_is_scored_once(
    adata: ad.AnnData, group_key: str | None
) -> None:
    options = {"group_key": group_key, "test_fraction": 0.25, "n_splits": 3}
    sl.tl.baseline_compare(adata, "type", models={"spy": Spy()}, **options)
    comparison = sl.get.baseline_compare(adata)
    held_out = set(adata.obs_names.get_indexer(comparison.held_out_cells))
    assert 20 <= len(held_out) <= 40
    *folds, (train, test) = Spy.seen[:4]
    assert test == held_out
    assert train == set(range(120)) - held_out
    assert len(folds) == 3
    for fold_train, fold_test in folds:
        assert not (fold_train | fold_test) & held_out
    if group_key:
        donors = adata.obs["donor"].to_numpy()
        assert not set(donors[list(held_out)]) & set(donors[list(train)])
    assert comparison.runs["fold"].max() == 2  # not among the folds


class Plain(LogisticRegression):
    """Takes part as it is: nothing is scaled."""

    calibrated_inside = True


def test_scores_on_the_test_set_are_those_of_a_refit(adata: ad.AnnData) -> None:
    model = Plain(max_iter=3000)
    sl.tl.baseline_compare(adata, "type", models={"plain": model}, test_fraction=0.2)
    comparison = sl.get.baseline_compare(adata)
    test = adata.obs_names.isin(comparison.held_out_cells)
    codes = adata.obs["type"].cat.codes.to_numpy().astype(int)
    fitted = model.fit(adata.X[~test], codes[~test])
    expected = score(codes[test], fitted.predict_proba(adata.X[test]))
    found = comparison.held_out.set_index("metric")["value"].to_dict()
    for metric in expected:
        assert found[metric] == pytest.approx(expected[metric], abs=1e-6)
    ends = comparison.held_out
    assert (ends["low"] <= ends["value"]).all()
    assert (ends["value"] <= ends["high"]).all()


def test_spread_over_seeds_is_apart_from_that_over_folds(adata: ad.AnnData) -> None:
    models = {"guess": Spy(), "fixed": Plain(max_iter=2000)}
    sl.tl.baseline_compare(adata, "type", models=models, n_seeds=3)
    comparison = sl.get.baseline_compare(adata)
    summary = comparison.summary.set_index(["model", "metric"])
    assert (summary["n"] == 5).all()
    assert (summary["n_seeds"] == 3).all()
    assert summary.loc[("fixed", "accuracy"), "sd_seeds"] == 0
    folds = comparison.folds.query("model == 'guess' and metric == 'accuracy'")
    wide = folds.pivot_table(index="fold", columns="seed", values="value").to_numpy()
    guess = summary.loc[("guess", "accuracy")]
    assert guess["sd_seeds"] == pytest.approx(np.sqrt(wide.var(axis=1, ddof=1).mean()))
    assert guess["sd"] == pytest.approx(wide.mean(axis=1).std(ddof=1))
    assert guess["sd_seeds"] > 0
    one = adata.copy()
    sl.tl.baseline_compare(one, "type", models=models)
    first = comparison.folds.query("seed == 0 and metric not in @TIMES")["value"]
    alone = sl.get.baseline_compare(one).folds.query("metric not in @TIMES")["value"]
    np.testing.assert_array_equal(first, alone)


class Fragile(LogisticRegression):
    """Interrupted at its third fit."""

    calibrated_inside = True  # one fit per fold
    fits = 0
    stops = True

    def fit(self, X, y):
        Fragile.fits += 1
        if Fragile.stops and Fragile.fits == 3:
            raise KeyboardInterrupt
        return super().fit(X, y)


def test_a_broken_comparison_goes_on_where_it_stopped(
    adata: ad.AnnData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # checks fit contestants of their own
    monkeypatch.setattr(
        "scrna_longformer.tl._baseline_compare.check_comparison", lambda *_, **__: []
    )
    models = {"fragile": Fragile(max_iter=2000), "majority": "majority"}
    options = {"models": models, "n_splits": 4, "test_fraction": 0.2}
    Fragile.fits, Fragile.stops = 0, True
    with pytest.raises(KeyboardInterrupt):
        sl.tl.baseline_compare(adata, "type", checkpoint_dir=tmp_path, **options)
    assert not sl.get.baseline_compare(adata).complete
    Fragile.fits, Fragile.stops = 0, False
    sl.tl.baseline_compare(adata, "type", checkpoint_dir=tmp_path, **options)
    assert Fragile.fits == 3  # four folds and the final fit, of which two were done
    resumed = sl.get.baseline_compare(adata)
    assert resumed.complete
    sl.tl.baseline_compare(adata, "type", **options)
    whole = sl.get.baseline_compare(adata)
    for table in ("pairwise", "confusion", "runs", "held_out"):
        pd.testing.assert_frame_equal(getattr(resumed, table), getattr(whole, table))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group_key": "lane"}, "groups and labels are confounded"),
        ({"split": "grouped"}, "give `group_key`"),
        ({"split": "random"}, "'random' is unknown"),
        ({"test_fraction": 0.9}, "`test_fraction` must lie above 0"),
        ({"test_fraction": 0.1, "group_key": "donor"}, "more than 10 groups; there are 8"),
        ({"n_seeds": 0}, "`n_seeds`"),
    ],
)
@pytest.mark.filterwarnings("ignore:Classes in fewer")
def test_what_cannot_be_split_says_why(adata: ad.AnnData, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sl.tl.baseline_compare(adata, "type", models=["majority"], n_splits=3, **options)
