"""How often the intervals and tests of a comparison err, on simulated cells with a known truth.

    python benchmarks/error_rates.py                  # everything: 1,000 runs without a difference
    python benchmarks/error_rates.py --runs 60 --settings standard      # a quick look

(It would be called ``statistics.py``, but a script of that name hides Python's own module
``statistics`` from every script in this folder.)

Genes come in pairs; both genes of a pair differ between the classes alike, with noise of their own.
Contestants are logistic regressions on random halves of the genes, one of each pair, so that neither
can be expected to be better. Where one shall be worse by a given gap, the differences in its genes
are made smaller until it is. Every run has fresh cells, and every ten runs a fresh population, in
which the truth is measured: the mean score over fresh training sets of the size of the folds' on
fresh test cells. Both repeats of five folds and a single one are judged on the same runs.

All regressions of a run are fitted at once, which makes a run take a tenth of a second.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from _markdown import markdown

from scrna_longformer.evaluation import (
    METRICS,
    FoldResult,
    corrected_interval,
    corrected_t_test,
    expected_calibration_error,
    make_splits,
)
from scrna_longformer.evaluation._class_f1 import F1, class_influences
from scrna_longformer.evaluation._jackknife import influence, leave_out_all
from scrna_longformer.evaluation._leave_out import leave_out
from scrna_longformer.evaluation._pairwise import shared_share
from scrna_longformer.evaluation._score_interval import difference_interval, score_interval

N_SPLITS, N_REPEATS = 5, 5
GAPS = (0.0, 0.02, 0.05)
WITH_GAPS = ("standard", "1,000 cells")
SHOWN = ("accuracy", "macro_f1", "log_loss", "brier", "F1 of a class", "F1 of the smallest class")
HELD = ("accuracy", "macro_f1", "log_loss", "brier", "ece", "F1 of the smallest class")
FOUND = ("macro_f1", "log_loss")
RUNS_PER_POPULATION = 10
N_CALIBRATE = 30  # populations
N_TRUTH, TRUTH_CELLS = 80, 500  # training sets, and test cells for each


@dataclass(frozen=True)
class Setting:
    """What the simulated cells are like.

    ``spread`` is that of class means, in standard deviations of the noise; ``C`` is the inverse
    penalty of the regressions.
    """

    n_cells: int = 200
    n_pairs: int = 20
    shares: tuple[float, ...] = (1 / 3, 1 / 3, 1 / 3)
    spread: float = 0.42
    C: float = 0.1


SETTINGS = {
    "standard": Setting(),
    "1,000 cells": Setting(n_cells=1000),
    "60 cells": Setting(n_cells=60),
    "fewer cells than genes": Setting(n_cells=100, n_pairs=150, spread=0.25),
    "a class of ten cells": Setting(shares=(0.6, 0.35, 0.05), spread=0.6),
    "eight classes": Setting(n_cells=240, shares=(1 / 8,) * 8, spread=0.6),
    "nearly all right": Setting(spread=1.0),
    "hardly a penalty": Setting(C=10.0),
}


class Population:
    """Class means of the genes, and the halves that the contestants see."""

    def __init__(self, setting: Setting, rng: np.random.Generator, weakness: float) -> None:
        self.setting = setting
        n_pairs, n_classes = setting.n_pairs, len(setting.shares)
        means = setting.spread * rng.normal(size=(n_classes, n_pairs))
        first = rng.random(n_pairs) < 0.5
        self.halves = [np.arange(n_pairs) + n_pairs * (first if i else ~first) for i in (0, 1)]
        self.means = np.concatenate([means, means], axis=1)
        self.means[:, self.halves[1]] *= weakness
        self.is_fair = weakness == 1

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Cells x genes and classes of fresh cells, of each class enough for the folds."""
        shares = np.array(self.setting.shares)
        while True:
            codes = rng.choice(len(shares), n, p=shares / shares.sum())
            if np.bincount(codes, minlength=len(shares)).min() >= N_SPLITS:
                return self.means[codes] + rng.normal(size=(n, self.means.shape[1])), codes

    def truth(self, rng: np.random.Generator, n_sets: int) -> dict[str, dict[str, float]]:
        """Mean score of each contestant over training sets of the size of the folds'.

        Where neither is weakened both have the same, because both genes of a pair are alike.
        """
        n_train = self.setting.n_cells * (N_SPLITS - 1) // N_SPLITS
        X, codes = map(
            np.stack, zip(*[self.draw(rng, n_train) for _ in range(n_sets)], strict=True)
        )
        Q, known = map(
            np.stack, zip(*[self.draw(rng, TRUTH_CELLS) for _ in range(n_sets)], strict=True)
        )
        n_classes = len(self.setting.shares)
        found = {}
        for name, half in zip("ab", self.halves, strict=True):
            coefficients = fit_all(
                X[..., half], codes, np.ones_like(codes), n_classes, self.setting.C
            )
            proba = predict_all(Q[..., half], coefficients)
            alike = np.arange(TRUTH_CELLS) % 2  # two units: nothing is left out here
            pairs = list(zip(known, proba, strict=True))
            scores = [leave_out(*pair, alike).whole for pair in pairs]
            found[name] = {
                metric: float(np.mean([s[metric] for s in scores])) for metric in METRICS
            }
            # bins of few cells are off by luck: this score is one of as many cells as a fold tests
            fold = min(self.setting.n_cells // N_SPLITS, TRUTH_CELLS)
            of_folds = [
                expected_calibration_error(y[i : i + fold], p[i : i + fold])
                for y, p in pairs
                for i in range(0, min(4 * fold, TRUTH_CELLS - fold + 1), fold)
            ]
            found[name]["ece"] = float(np.mean(of_folds))
            # over all cells, because a class has few in one set
            found[name]["class_f1"] = f1_per_class(known.ravel(), proba.reshape(-1, n_classes))
        if self.is_fair:
            both = {key: (found["a"][key] + found["b"][key]) / 2 for key in found["a"]}
            return {"a": both, "b": both}
        return found


def fit_all(
    X: np.ndarray, codes: np.ndarray, train: np.ndarray, n_classes: int, C: float
) -> np.ndarray:
    """Fit logistic regressions to many training sets at once.

    Newton's method with an upper bound of the curvature, the same in every step (Boehning 1992,
    Multinomial logistic regression algorithm), and momentum. Gives what scikit-learn's
    ``LogisticRegression(C=C)`` does.

    Parameters
    ----------
    X
        Sets (or 1) x cells x genes.
    codes
        Sets (or 1) x cells.
    train
        Sets x cells: 1 for the cells to train on, else 0.

    Returns
    -------
    Sets x (genes and intercept) x classes.
    """
    X, weights = _with_one(X), train[..., None].astype(float)
    penalty = np.full((X.shape[-1], 1), 1 / C)
    penalty[-1] = 0
    turned = np.swapaxes(X, -1, -2)
    bound = turned @ (weights * X) / 2 + np.diag(penalty.ravel())
    inverse = np.linalg.inv(bound)
    truth = np.eye(n_classes)[codes]
    old = ahead = np.zeros((len(train), X.shape[-1], n_classes))
    for i in range(300):
        gradient = turned @ (weights * (_softmax(X @ ahead) - truth)) + penalty * ahead
        step = inverse @ gradient
        new = ahead - step
        ahead = new + i / (i + 3) * (new - old)
        old = new
        if np.abs(step).max() < 1e-4:
            break
    return old


def predict_all(X: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Probabilities, sets x cells x classes."""
    return _softmax(_with_one(X) @ coefficients)


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax of the last axis, quick where this is short; logits stay far from an overflow."""
    odds = np.exp(logits)
    return odds / (odds @ np.ones((logits.shape[-1],) * 2))


def _with_one(X: np.ndarray) -> np.ndarray:
    return np.concatenate([X, np.ones((*X.shape[:-1], 1))], axis=-1)


def f1_per_class(codes: np.ndarray, proba: np.ndarray) -> np.ndarray:
    """F1 of every class."""
    counts = np.zeros((proba.shape[1],) * 2)
    np.add.at(counts, (codes, proba.argmax(axis=1)), 1)
    return 2 * np.diag(counts) / np.maximum(counts.sum(axis=0) + counts.sum(axis=1), 1)


def compare(
    population: Population, X: np.ndarray, codes: np.ndarray, seed: int
) -> list[FoldResult]:
    """Cross-validate both contestants; what ``cross_validate`` does, less its checks and clocks."""
    splits = make_splits(codes, n_splits=N_SPLITS, n_repeats=N_REPEATS, random_state=seed)
    train = np.ones((len(splits), len(codes)))
    for row, split in zip(train, splits, strict=True):
        row[split.test] = 0
    results = []
    n_classes = len(population.setting.shares)
    for name, half in zip("ab", population.halves, strict=True):
        genes = X[None, :, half]
        fits = fit_all(genes, codes[None], train, n_classes, population.setting.C)
        for split, proba in zip(splits, predict_all(genes, fits), strict=True):
            results.append(_result(name, split, proba[split.test]))
    return results


def _result(name: str, split, proba: np.ndarray) -> FoldResult:
    """What the statistics need of a fold."""
    return FoldResult(
        model=name,
        repeat=split.repeat,
        fold=split.fold,
        status="ok",
        metrics={},
        class_f1=np.empty(0),
        test=split.test,
        proba=proba,
        n_train=len(split.train),
        fit_seconds=0.0,
        predict_ms_per_cell=0.0,
        n_parameters=0.0,
    )


def calibrate(setting: Setting, gap: float, rng: np.random.Generator) -> float:
    """Find how much weaker the genes of one contestant must be for a mean gap in accuracy."""
    if not gap:
        return 1.0
    grid = np.array([1.0, 0.95, 0.9, 0.85, 0.8])
    gaps = np.zeros((N_CALIBRATE, len(grid)))
    for i, seed in enumerate(rng.integers(2**31, size=N_CALIBRATE)):
        for j, weakness in enumerate(grid):
            same = np.random.default_rng(seed)  # the populations differ in nothing else
            truth = Population(setting, same, weakness).truth(same, 20)
            gaps[i, j] = truth["a"]["accuracy"] - truth["b"]["accuracy"]
    means = gaps.mean(axis=0)
    return float(np.interp(gap + means[0], np.maximum.accumulate(means), grid))


def measure(
    setting: Setting, gap: float, n_runs: int, *, random_state: int = 0, n_truth: int = N_TRUTH
) -> pd.DataFrame:
    """What the statistics said in every run: one row per run, number of repeats and metric."""
    rng = np.random.default_rng([random_state, int(1000 * gap)])
    weakness = calibrate(setting, gap, rng)
    rows = []
    for run in range(n_runs):
        if run % RUNS_PER_POPULATION == 0:
            population = Population(setting, rng, weakness)
            truth = population.truth(rng, n_truth)
        X, codes = population.draw(rng, setting.n_cells)
        results = compare(population, X, codes, int(rng.integers(2**31)))
        left_out = leave_out_all(results, codes)
        for n_repeats in (1, N_REPEATS):
            used = [result for result in results if result.repeat < n_repeats]
            said = judge(used, codes, left_out, truth)
            rows += [{"run": run, "repeats": n_repeats, **row} for row in said]
    return pd.DataFrame(rows)


def judge(results: list[FoldResult], codes: np.ndarray, left_out: dict, truth: dict) -> list[dict]:
    """What the statistics of one comparison say, beside the truth; one row per metric."""
    keys = {name: [r.key for r in results if r.model == name] for name in "ab"}
    sides = {name: influence(keys[name], left_out) for name in "ab"}
    share = 1 / (N_SPLITS - 1)
    rows = []
    for metric in METRICS:
        gap = truth["a"][metric] - truth["b"][metric]
        folds = {n: np.array([left_out[key].whole[metric] for key in keys[n]]) for n in "ab"}
        differences = folds["a"] - folds["b"]
        p_folds = corrected_t_test(differences, test_share=shared_share(metric, share))
        low, high, p_cells = difference_interval(sides["a"], sides["b"], metric)
        row = {
            "metric": metric,
            "gap": gap,
            "difference": sides["a"].mean[metric] - sides["b"].mean[metric],
            "corrected t": float(p_folds <= 0.05),
            "cells": float(p_cells <= 0.05),
            "difference held": float(low <= gap <= high),
        }
        held, classical, errors, variances = [], [], [], []
        for name in "ab":
            true = truth[name][metric]
            low, high = score_interval(sides[name], metric)
            held.append(low <= true <= high)
            low, high = corrected_interval(folds[name], test_share=share)
            classical.append(low <= true <= high)
            errors.append(sides[name].mean[metric] - true)
            variances.append(sides[name].variance(metric))
        row |= {"score held": np.mean(held), "score held, t": np.mean(classical)}
        row |= {"bias": np.mean(errors), "error2": np.mean(np.square(errors))}
        row |= {
            "variance": np.mean(variances),
            "difference variance": sides["a"].variance(metric, sides["b"]),
        }
        rows.append(row)
    return rows + judge_classes(results, codes, truth)


def judge_classes(results: list[FoldResult], codes: np.ndarray, truth: dict) -> list[dict]:
    """Whether the intervals of F1 per class hold the truth: over all classes, and the smallest."""
    n_classes = len(truth["a"]["class_f1"])
    smallest = np.bincount(codes, minlength=n_classes).argmin()
    held = {"F1 of a class": [], "F1 of the smallest class": []}
    for name in "ab":
        own = [result for result in results if result.model == name]
        for code, of_class in enumerate(class_influences(own, codes, n_classes)):
            low, high = score_interval(of_class, F1)
            held["F1 of a class"].append(low <= truth[name]["class_f1"][code] <= high)
        held["F1 of the smallest class"].append(held["F1 of a class"][smallest - n_classes])
    return [{"metric": name, "score held": np.mean(values)} for name, values in held.items()]


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Rates over runs, by metric and number of repeats."""
    rows = rows.assign(miss=(rows["difference"] - rows["gap"]) ** 2)
    means = rows.groupby(["metric", "repeats"], sort=False).mean(numeric_only=True)
    table = means[["gap", "corrected t", "cells", "difference held", "score held"]].copy()
    table.insert(1, "error of the gap", means["miss"] ** 0.5)
    table["t interval held"] = means["score held, t"]
    # what the jackknife variances would have to be multiplied with
    table["factor"] = (means["error2"] - means["bias"] ** 2) / means["variance"]
    table["factor of the gap"] = means["miss"] / means["difference variance"]
    table["bias"] = means["bias"] / means["error2"] ** 0.5
    table.insert(0, "runs", rows["run"].nunique())
    return table.reset_index()


def held(tables: pd.DataFrame) -> str:
    """Return one row per setting, gap and number of repeats, one column per score."""
    return _by_setting(tables, HELD, ["score held"])


def found(tables: pd.DataFrame) -> str:
    """Return the same of both tests: false findings without a gap, power with one."""
    return _by_setting(tables, FOUND, ["corrected t", "cells"])


def _by_setting(tables: pd.DataFrame, metrics: Sequence[str], columns: list[str]) -> str:
    rows = tables[tables["metric"].isin(metrics)]
    wide = rows.pivot_table(
        index=["setting", "of", "repeats", "runs"], columns="metric", values=columns, sort=False
    )
    wide = wide[[(column, metric) for metric in metrics for column in columns]]
    single = len(columns) == 1
    wide.columns = [metric if single else f"{metric}, {column}" for column, metric in wide.columns]
    return markdown(wide.reset_index().rename(columns={"of": "gap"}))


def main() -> None:
    """Print one Markdown table per setting and gap."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000, help="runs without a difference")
    parser.add_argument("--other-runs", type=int, default=300, help="runs of everything else")
    parser.add_argument("--gaps", type=float, nargs="+", default=GAPS)
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--random-state", type=int, default=0)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*fewer cells than")
    started = time.process_time()
    tables = []
    for name in options.settings:
        for gap in options.gaps if name in WITH_GAPS else (0.0,):
            n_runs = options.runs if name == "standard" and not gap else options.other_runs
            rows = measure(SETTINGS[name], gap, n_runs, random_state=options.random_state)
            table = summarise(rows)
            tables.append(table.assign(setting=name, of=gap))
            if name != "standard" or gap:
                table = table[table["metric"].isin(SHOWN)]
            title = f"{name}, " + (f"a true gap of {gap}" if gap else "no difference")
            print(f"**{title}**\n\n{markdown(table)}\n", flush=True)
    everything = pd.concat(tables)
    print(f"**All settings: how often the interval of a score holds it**\n\n{held(everything)}\n")
    print(f"**All settings: how often a difference is found**\n\n{found(everything)}\n")
    print(f"{time.process_time() - started:.0f} s of processor time")


if __name__ == "__main__":
    main()
