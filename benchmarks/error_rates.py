"""How often the intervals and tests of a comparison err, on simulated cells with a known truth.

    python benchmarks/error_rates.py                  # 1,000 runs without a difference, 300 with one
    python benchmarks/error_rates.py --runs 60        # a quick look

Cells of three classes have 40 genes in 20 pairs; both genes of a pair differ between the classes
alike, with noise of their own. Contestants are logistic regressions on random halves of the genes,
one of each pair, so that neither can be expected to be better. Where one shall be worse by a given
gap, the differences in its genes are made smaller until it is. Every run has fresh cells, and every
ten runs a fresh population, in which the truth is measured: the mean score over fresh training sets of
the size of the folds' on many test cells. Both repeats of five folds and a single one are judged on
the same runs.
"""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.linear_model import LogisticRegression

from scrna_longformer.evaluation import (
    FoldResult,
    corrected_interval,
    make_splits,
    pairwise_table,
    summary_table,
)
from scrna_longformer.evaluation._leave_out import leave_out

N_CELLS, N_PAIRS, N_CLASSES, N_SPLITS, N_REPEATS = 200, 20, 3, 5, 5
SPREAD = 0.42  # of class means, in standard deviations of the noise
METRICS = ("accuracy", "macro_f1")
GAPS = (0.0, 0.02, 0.05)
RUNS_PER_POPULATION = 10
N_CALIBRATE = 30  # populations
SHOWN = {
    "type-I error or power, corrected t-test": "p_value",
    "type-I error or power, over test cells": "p_cells",
}


class Population:
    """Class means of the genes, and the halves that the contestants see."""

    def __init__(self, rng: np.random.Generator, weakness: float) -> None:
        means = SPREAD * rng.normal(size=(N_CLASSES, N_PAIRS))
        first = rng.random(N_PAIRS) < 0.5
        self.halves = [np.arange(N_PAIRS) + N_PAIRS * (first if i else ~first) for i in (0, 1)]
        self.means = np.concatenate([means, means], axis=1)
        self.means[:, self.halves[1]] *= weakness

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Cells x genes and classes of fresh cells."""
        codes = rng.integers(0, N_CLASSES, n)
        return self.means[codes] + rng.normal(size=(n, 2 * N_PAIRS)), codes

    def truth(self, rng: np.random.Generator, n_sets: int) -> dict[str, dict[str, float]]:
        """Mean score of each contestant over training sets of the size of the folds'."""
        X, codes = self.draw(rng, 4000)
        found: dict[str, list] = {"a": [], "b": []}
        for _ in range(n_sets):
            train, labels = self.draw(rng, N_CELLS * (N_SPLITS - 1) // N_SPLITS)
            for name, half in zip("ab", self.halves, strict=True):
                found[name].append(_scores(codes, _fit(train, labels, half, X)))
        return {
            name: {metric: float(np.mean([s[metric] for s in scores])) for metric in METRICS}
            for name, scores in found.items()
        }


def _fit(train: np.ndarray, labels: np.ndarray, half: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Probabilities of other cells, from a regression on half of the genes."""
    model = LogisticRegression(C=0.1, tol=1e-3).fit(train[:, half], labels)
    proba = np.zeros((len(X), N_CLASSES))
    proba[:, model.classes_] = model.predict_proba(X[:, half])
    return proba


def _scores(codes: np.ndarray, proba: np.ndarray) -> dict[str, float]:
    return leave_out(codes, proba, np.arange(len(codes)) % 2).whole


def compare(
    population: Population, X: np.ndarray, codes: np.ndarray, seed: int
) -> list[FoldResult]:
    """Cross-validate both contestants; what ``cross_validate`` does, less its checks and clocks."""
    results = []
    for split in make_splits(codes, n_splits=N_SPLITS, n_repeats=N_REPEATS, random_state=seed):
        for name, half in zip("ab", population.halves, strict=True):
            proba = _fit(X[split.train], codes[split.train], half, X[split.test])
            truth = codes[split.test]
            results.append(
                FoldResult(
                    model=name,
                    repeat=split.repeat,
                    fold=split.fold,
                    status="ok",
                    metrics=_scores(truth, proba),
                    class_f1=np.empty(0),
                    test=split.test,
                    proba=proba,
                    n_train=len(split.train),
                    fit_seconds=0.0,
                    predict_ms_per_cell=0.0,
                    n_parameters=0.0,
                )
            )
    return results


def calibrate(gap: float, rng: np.random.Generator) -> float:
    """Find how much weaker the genes of one contestant must be for a mean gap in accuracy."""
    if not gap:
        return 1.0
    grid = np.array([1.0, 0.95, 0.9, 0.85, 0.8])
    gaps = np.zeros((N_CALIBRATE, len(grid)))
    for i, seed in enumerate(rng.integers(2**31, size=N_CALIBRATE)):
        for j, weakness in enumerate(grid):
            same = np.random.default_rng(seed)  # the populations differ in nothing else
            truth = Population(same, weakness).truth(same, 4)
            gaps[i, j] = truth["a"]["accuracy"] - truth["b"]["accuracy"]
    means = gaps.mean(axis=0)
    return float(np.interp(gap + means[0], np.maximum.accumulate(means), grid))


def measure(
    gap: float, n_runs: int, *, random_state: int = 0, n_truth: int = 40
) -> dict[tuple[str, str, int], float]:
    """Rates by statistic, metric and number of repeats."""
    rng = np.random.default_rng([random_state, int(1000 * gap)])
    weakness = calibrate(gap, rng)
    hits: dict[tuple[str, str, int], list[float]] = {}
    for run in range(n_runs):
        if run % RUNS_PER_POPULATION == 0:
            population = Population(rng, weakness)
            truth = population.truth(rng, n_truth)
        X, codes = population.draw(rng, N_CELLS)
        seed = int(rng.integers(2**31))
        results = compare(population, X, codes, seed)
        for n_repeats in (1, N_REPEATS):
            used = [result for result in results if result.repeat < n_repeats]
            for (name, metric), value in judge(used, codes, truth).items():
                hits.setdefault((name, metric, n_repeats), []).append(value)
    return {key: float(np.mean(values)) for key, values in hits.items()}


def judge(results: list, codes: np.ndarray, truth: dict) -> dict[tuple[str, str], float]:
    """What the statistics of one comparison say, beside the truth."""
    said: dict[tuple[str, str], float] = {}
    pairs = pairwise_table(results, codes).set_index("metric")
    summary = summary_table(results, codes).set_index(["metric", "model"])
    for metric in METRICS:
        row = pairs.loc[metric]
        for name, column in SHOWN.items():
            said[name, metric] = row[column] <= 0.05
        gap = truth["a"][metric] - truth["b"][metric]
        said["true gap", metric] = gap
        said["coverage of the difference", metric] = row["low"] <= gap <= row["high"]
        inside, classical = [], []
        for model in "ab":
            values = np.array([r.metrics[metric] for r in results if r.model == model])
            ends = summary.loc[(metric, model)]
            inside.append(ends["low"] <= truth[model][metric] <= ends["high"])
            low, high = corrected_interval(values, test_share=1 / (N_SPLITS - 1))
            classical.append(low <= truth[model][metric] <= high)
        said["coverage of the score", metric] = float(np.mean(inside))
        said["coverage of the score, corrected t interval", metric] = float(np.mean(classical))
    return said


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000, help="runs without a difference")
    parser.add_argument("--gaps", type=float, nargs="+", default=GAPS)
    parser.add_argument("--random-state", type=int, default=0)
    options = parser.parse_args()
    print("| true gap | statistic | metric | 1 x 5 folds | 5 x 5 folds | runs |")
    print("| --- | --- | --- | --- | --- | --- |")
    for gap in options.gaps:
        n_runs = options.runs if gap == 0 else max(options.runs * 3 // 10, 10)
        rates = measure(gap, n_runs, random_state=options.random_state)
        for name, metric in dict.fromkeys(key[:2] for key in rates):
            if name == "true gap":
                continue
            one, many = rates[name, metric, 1], rates[name, metric, N_REPEATS]
            mean_gap = rates["true gap", metric, 1]
            print(f"| {mean_gap:.3f} | {name} | {metric} | {one:.3f} | {many:.3f} | {n_runs} |")


if __name__ == "__main__":
    main()
