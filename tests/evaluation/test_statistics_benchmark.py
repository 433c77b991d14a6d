"""A small form of benchmarks/error_rates.py: the error rates of intervals and tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from scrna_longformer.evaluation import pairwise_table, score, summary_table
from scrna_longformer.evaluation._jackknife import leave_out_all

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import error_rates

        yield error_rates
        sys.modules.pop("error_rates", None)


@pytest.fixture(scope="module")
def rates(script: ModuleType) -> pd.DataFrame:
    rows = script.measure(script.SETTINGS["standard"], 0.0, 40, n_truth=20)
    return script.summarise(rows).set_index(["metric", "repeats"])


@pytest.mark.parametrize("repeats", [1, 5])
@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_equal_contestants_are_rarely_told_apart(
    rates: pd.DataFrame, metric: str, repeats: int
) -> None:
    # of 40 runs at most 6 errors: more are rarer than one in a hundred at a rate of 6 %
    assert (rates.loc[(metric, repeats), ["corrected t", "cells"]] <= 6 / 40).all()


@pytest.mark.parametrize("repeats", [1, 5])
@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "log_loss", "ece"])
def test_intervals_hold_the_expected_score(rates: pd.DataFrame, metric: str, repeats: int) -> None:
    # of 80 scores (two contestants) at most 12 misses
    assert rates.loc[(metric, repeats), "score held"] >= 0.85
    assert abs(rates.loc[(metric, repeats), "gap"]) < 0.02


def test_fits_are_those_of_scikit_learn(script: ModuleType, rng: np.random.Generator) -> None:
    X, codes = rng.normal(size=(1, 60, 5)), rng.integers(3, size=(1, 60))
    train = (rng.random((2, 60)) < 0.7).astype(int)
    found = script.predict_all(X, script.fit_all(X, codes, train, 3, 0.5))
    for proba, used in zip(found, train == 1, strict=True):
        oracle = LogisticRegression(C=0.5, tol=1e-8).fit(X[0, used], codes[0, used])
        np.testing.assert_allclose(proba, oracle.predict_proba(X[0]), atol=2e-3)


def test_what_is_judged_is_what_the_tables_say(script: ModuleType) -> None:
    rng = np.random.default_rng(3)
    population = script.Population(script.SETTINGS["standard"], rng, 1.0)
    X, codes = population.draw(rng, 100)
    results = script.compare(population, X, codes, seed=0)
    scored = [replace(r, metrics=score(codes[r.test], r.proba)) for r in results]
    truth = {name: dict.fromkeys(script.METRICS, 0.5) for name in "ab"}
    truth = {name: {**of_model, "class_f1": np.full(3, 0.5)} for name, of_model in truth.items()}
    said = script.judge(results, codes, leave_out_all(results, codes), truth)
    judged = {row["metric"]: row for row in said}
    summary = summary_table(scored, codes)
    pairs = pairwise_table(scored, codes).set_index("metric")
    for metric in script.METRICS:
        of_metric = summary[summary["metric"] == metric]
        held = (of_metric["low"] <= 0.5) & (of_metric["high"] >= 0.5)
        assert judged[metric]["score held"] == held.mean()
        pair = pairs.loc[metric]
        assert judged[metric]["difference"] == pytest.approx(pair["difference"])
        assert judged[metric]["difference held"] == (pair["low"] <= 0 <= pair["high"])
        assert judged[metric]["corrected t"] == (pair["p_value"] <= 0.05)
        assert judged[metric]["cells"] == (pair["p_cells"] <= 0.05)
