"""Coverage of prediction sets, and how well cells of an unknown type are told, on real cells.

    python benchmarks/conformal.py                       # everything, about eight minutes on one core
    python benchmarks/conformal.py coverage --models logistic_regression
    python benchmarks/conformal.py novelty --sets sorted_pbmc

Coverage: a model is fitted to 60 % of the cells (of each class), per seed. The rest is divided at
random into calibration and test cells, forty times, so that the coverage is that of the method and
not of one draw of calibration cells.

Novelty: one type is left out of everything, the model is fitted to 60 % of the others, and the AUROC
says how well its novelty score tells the left-out type from held-out cells of known types. Beside it the
usual score, one minus the largest probability.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scanpy as sc
from _markdown import markdown
from sklearn.metrics import roc_auc_score

import scrna_longformer as sl
from scrna_longformer.evaluation import (
    Conformal,
    LogitScaled,
    Novelty,
    TunedLogisticRegression,
    holdout,
    log_ratios,
)
from scrna_longformer.train import LongformerClassifier
from scrna_longformer.train._calibration import Calibration

ALPHAS = (0.1, 0.05)
N_DIVISIONS = 40
STEPS = 600  # of the transformer, to keep to eight minutes; its default is 2,000
SETS = {
    "coverage": ("sorted_pbmc", "pbmc3k", "kang_labelled"),
    "novelty": ("sorted_pbmc", "pbmc3k"),
}
# the transformer is fitted for these left-out types only: far from, between and close to others
FEW = {
    "sorted_pbmc": ("bcells", "nk", "regulatoryt"),
    "pbmc3k": ("B", "FCGR3A+ Mono", "CD8 T"),
}
MODELS = {
    "logistic_regression": lambda seed: LogitScaled(
        TunedLogisticRegression(random_state=seed), random_state=seed
    ),
    "longformer": lambda seed: LongformerClassifier(
        train_options={"max_steps": STEPS}, random_state=seed
    ),
}


@dataclass(frozen=True)
class Labelled:
    """Log values, class codes and class names of the labelled cells of a set."""

    X: Any
    codes: np.ndarray
    names: list[str]


def load(name: str) -> Labelled:
    adata = sl.datasets.load(name)
    record = adata.uns["dataset"]
    if str(record["values"]) == "counts":
        sc.pp.normalize_total(adata, target_sum=1e4)
        sc.pp.log1p(adata)
    column = adata.obs[str(record["label_columns"][0])].astype("category")
    known = column.notna().to_numpy()
    return Labelled(
        adata.X[known], column.cat.codes.to_numpy()[known].astype(int), list(column.cat.categories)
    )


def coverage(name: str, model: str, seeds: range) -> list[dict[str, Any]]:
    """One row per alpha and kind of set: coverage, size and rejection, over seeds and divisions."""
    cells = load(name)
    found: dict[tuple[float, str], list[dict[str, float]]] = {}
    for seed in seeds:
        train, rest = holdout(cells.codes, 0.4, random_state=seed)
        classes, codes = np.unique(cells.codes[train], return_inverse=True)
        fitted = MODELS[model](seed).fit(cells.X[train], codes)
        proba = np.asarray(fitted.predict_proba(cells.X), dtype=float)
        points = novelty_space(fitted, cells.X)
        strange = Novelty.fit(points[train], codes).score(points)
        truth = np.searchsorted(classes, cells.codes)
        for division in range(N_DIVISIONS):
            test, aside = holdout(cells.codes[rest], 0.5, random_state=division)
            test, aside = rest[test], rest[aside]
            conformal = Conformal.fit(truth[aside], proba[aside], strange[aside])
            for alpha in ALPHAS:
                threshold = -np.sort(conformal.proba)[int(alpha * (len(aside) + 1)) - 1]
                by_kind = {
                    "per class": conformal.sets(proba[test], alpha=alpha),
                    "all cells": -proba[test] <= threshold,
                }
                rejected = conformal.novelty_p_values(strange[test]) <= alpha
                large = np.flatnonzero(conformal.own_classes(len(classes), alpha=alpha))
                for kind, sets in by_kind.items():
                    row = describe(sets, truth[test], large)
                    row["known rejected"] = rejected.mean()
                    found.setdefault((alpha, kind), []).append(row)
    return [
        {
            "set": name,
            "model": model,
            "nominal": 1 - alpha,
            "quantile": kind,
            **pd.DataFrame(rows).mean().to_dict(),
        }
        for (alpha, kind), rows in found.items()
    ]


def describe(sets: np.ndarray, truth: np.ndarray, large: np.ndarray) -> dict[str, float]:
    """Coverage over all cells, and sizes; the lowest coverage is that of a class with enough cells."""
    covered = sets[np.arange(len(truth)), truth]
    per_class = {f"class {k}": covered[truth == k].mean() for k in large}
    return {
        "coverage": covered.mean(),
        "classes per set": sets.sum(axis=1).mean(),
        "sets of one": (sets.sum(axis=1) == 1).mean(),
        "empty": (~sets.any(axis=1)).mean(),
        **per_class,
    }


def coverage_table(rows: list[dict[str, Any]]) -> str:
    frame = pd.DataFrame(rows)
    classes = [c for c in frame if c.startswith("class ")]
    frame["lowest class"] = frame[classes].min(axis=1)
    return markdown(frame.drop(columns=classes))


def novelty(name: str, model: str, types: list[str] | None) -> list[dict[str, Any]]:
    """One row per left-out type."""
    cells = load(name)
    left_out = (types or FEW[name]) if model == "longformer" else cells.names
    rows = []
    for unknown in left_out:
        code = cells.names.index(unknown)
        new = np.flatnonzero(cells.codes == code)
        if len(new) < 20:
            continue
        known = np.flatnonzero(cells.codes != code)
        train, held_out = (known[i] for i in holdout(cells.codes[known], 0.4, random_state=0))
        codes = np.unique(cells.codes[train], return_inverse=True)[1]
        fitted = MODELS[model](0).fit(cells.X[train], codes)
        judged = np.concatenate([held_out, new])
        is_new = np.repeat([0, 1], [len(held_out), len(new)])
        proba = np.asarray(fitted.predict_proba(cells.X[judged]), dtype=float)
        points, judged_points = (novelty_space(fitted, cells.X[rows]) for rows in (train, judged))
        strange = Novelty.fit(points, codes).score(judged_points)
        cut = np.quantile(strange[: len(held_out)], 0.9)
        rows.append(
            {
                "set": name,
                "model": model,
                "left-out type": unknown,
                "cells": len(new),
                "AUROC": roc_auc_score(is_new, strange),
                "rejected at 10 % of known": (strange[len(held_out) :] > cut).mean(),
                "AUROC of 1 - max p": roc_auc_score(is_new, 1 - proba.max(axis=1)),
            }
        )
    return rows


def novelty_space(fitted: Any, X: Any) -> np.ndarray:
    """Where distances are taken: what the package uses for a transformer, else log-ratios alone."""
    if isinstance(fitted, LongformerClassifier):
        return Calibration.points(fitted.predict_all(X))
    return log_ratios(fitted.predict_proba(X))


def novelty_table(rows: list[dict[str, Any]]) -> str:
    frame = pd.DataFrame(rows)
    means = frame.groupby(["set", "model"], sort=False).mean(numeric_only=True).reset_index()
    means.insert(2, "left-out type", "**mean**")
    means["cells"] = ""
    return markdown(pd.concat([frame, means]).sort_values(["set", "model"], kind="stable"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*SETS, []], default=[])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--sets", nargs="+")
    parser.add_argument("--types", nargs="+", help="left-out types of the transformer")
    parser.add_argument("--seeds", type=int, default=3, help="fits per set of the fast model")
    options = parser.parse_args()
    sl.settings.progress_bar = False
    sl.settings.verbosity = "warning"
    warnings.filterwarnings("ignore", category=UserWarning)
    started = time.process_time()
    for part in options.parts or SETS:
        rows: list[dict[str, Any]] = []
        for name in options.sets or SETS[part]:
            for model in options.models:
                n = 1 if model == "longformer" else options.seeds
                rows += (
                    coverage(name, model, range(n))
                    if part == "coverage"
                    else novelty(name, model, options.types)
                )
        print(f"### {part}\n")
        print(
            coverage_table(rows) if part == "coverage" else novelty_table(rows),
            end="\n\n",
            flush=True,
        )
    print(f"{time.process_time() - started:.0f} s of processor time")


if __name__ == "__main__":
    main()
