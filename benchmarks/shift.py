"""Predicting other cells than those trained on: shallower ones, and ones without some of the genes.

    python benchmarks/shift.py [--sets sorted_pbmc pbmc3k] [--repeats 2] [--save folder]

Prints markdown. Test cells of each fold are predicted as they are, after thinning their molecules to a
half and to a quarter, and without a random 10, 30 or 50 % of the genes (log values are then made of the
molecules that are left, as an analyst would who never saw the others). The best simple model is the best
of those that are told nothing of it; what the transformer corrects is told, and stands beside. "Augmented" logistic regression
is trained on four copies of every training cell: as it is, at half and at a quarter of its depth, and
with a random half of its genes missing. Labels are those of the set; nothing is fitted on test cells.
With `--save` finished folds are kept, and the same call goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _markdown import markdown
from ablations import load, paired
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from scrna_longformer import settings
from scrna_longformer.evaluation import (
    BASELINES,
    MORE_BASELINES,
    LogitScaled,
    SimpleMean,
    Split,
    corrected_t_test,
    holm,
    make_splits,
    score,
)
from scrna_longformer.evaluation._scaling import LogitScaling
from scrna_longformer.features import GeneScaler, GeneSelector, recover_counts, thin_counts
from scrna_longformer.train import LongformerClassifier

DEPTHS = (0.5, 0.25)
MISSING = (0.1, 0.3, 0.5)
N_SPLITS = 5
SHOWN = {"macro_f1": "macro-F1", "log_loss": "log-loss"}
AUGMENTED, INSIDE = "logistic regression, augmented", "simple mean, told"
TRANSFORMERS = ("longformer", "longformer alone")


def log_values(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """``log1p`` of counts scaled to 10,000 molecules."""
    totals = np.asarray(counts.sum(axis=1)).ravel()
    scaled = sparse.csr_matrix(sparse.diags_array(1e4 / np.maximum(totals, 1)) @ counts)
    scaled.data = np.log1p(scaled.data)
    return scaled.astype(np.float32)


def without(counts: sparse.csr_matrix, absent: np.ndarray) -> sparse.csr_matrix:
    """Log values of the molecules of the genes that are left; columns of the others are empty."""
    return log_values(sparse.csr_matrix(counts @ sparse.diags_array((~absent).astype(float))))


class Silent(BaseEstimator):
    """A simple model that takes missing genes for silent ones, because it reads counts."""

    def __init__(self, model: Any):
        self.model = model

    def fit(self, counts: sparse.csr_matrix, codes: np.ndarray) -> Silent:
        """Fit to log values of counts."""
        self.model.fit(log_values(counts), codes)
        return self

    def predict_proba(self, counts: sparse.csr_matrix, absent: np.ndarray) -> np.ndarray:
        """Probabilities of cells that lack some genes."""
        return self.model.predict_proba(without(counts, absent))


class Filled(BaseEstimator):
    """A simple model of log values that takes missing genes at their training means."""

    def __init__(self, model: Any):
        self.model = model

    def fit(self, counts: sparse.csr_matrix, codes: np.ndarray) -> Filled:
        """Fit to log values of counts."""
        self.mean_ = _means(counts)
        self.model.fit(log_values(counts), codes)
        return self

    def predict_proba(self, counts: sparse.csr_matrix, absent: np.ndarray) -> np.ndarray:
        """Probabilities of cells that lack some genes."""
        return self.model.predict_proba(_filled(without(counts, absent), absent, self.mean_))


class Augmented(BaseEstimator):
    """Logistic regression that was also shown shallower cells, and cells that lack genes.

    Penalty and calibration are chosen on inner folds that keep the copies of a cell together: a copy
    of a training cell among those that choose would make the weakest penalty look best.
    """

    def __init__(self, random_state: int = 0):
        self.random_state = random_state

    def fit(self, counts: sparse.csr_matrix, codes: np.ndarray) -> Augmented:
        """Fit to counts, and to copies of them that are shallower or lack genes."""
        self.mean_ = _means(counts)
        rng = np.random.default_rng(self.random_state)
        copies = [log_values(counts)]
        copies += [log_values(thin_counts(counts, depth, rng)[0]) for depth in DEPTHS]
        lacking = [
            _filled(without(row, absent), absent, self.mean_)
            for row in counts
            for absent in [rng.random(counts.shape[1]) < MISSING[-1]]
        ]
        X = sparse.csr_matrix(sparse.vstack([*copies, sparse.vstack(lacking)]))
        cell, y = np.tile(np.arange(len(codes)), 4), np.tile(codes, 4)
        folds = StratifiedGroupKFold(3, shuffle=True, random_state=self.random_state)
        regression = LogisticRegression(class_weight="balanced", max_iter=5000)
        search = GridSearchCV(
            make_pipeline(GeneSelector("f_test", 1000), GeneScaler(), regression),
            {"logisticregression__C": [1e-3, 1e-2, 1e-1, 1.0]},
            scoring="neg_log_loss",
            cv=folds,
        )
        self.model_ = search.fit(X, y, groups=cell).best_estimator_
        held_out = cross_val_predict(
            self.model_, X, y, groups=cell, cv=folds, method="predict_proba"
        )
        self.scaling_ = LogitScaling.fit(held_out, y)
        return self

    def predict_proba(self, counts: sparse.csr_matrix, absent: np.ndarray) -> np.ndarray:
        """Probabilities of cells that lack some genes."""
        X = _filled(without(counts, absent), absent, self.mean_)
        return self.scaling_(self.model_.predict_proba(X))


class Longformer(BaseEstimator):
    """The transformer, which is told which genes are missing."""

    def __init__(self, **options: object):
        self.options = options

    def fit(self, counts: sparse.csr_matrix, codes: np.ndarray) -> Longformer:
        """Fit to log values of counts."""
        model = LongformerClassifier(accelerator="cpu", **self.options)
        self.fitted_ = model.fit(log_values(counts), codes).fitted_
        self.vocabulary_, self.gate_ = model.vocabulary_, model.gate_
        return self

    def predict_proba(self, counts: sparse.csr_matrix, absent: np.ndarray) -> np.ndarray:
        """Probabilities of cells that lack some genes."""
        columns = np.where(absent, -1, np.arange(len(absent)))[self.vocabulary_]
        return self.fitted_.predict(without(counts, absent), columns).proba

    def with_shut_gate(self) -> Longformer:
        """Return the simple model inside, which is told what is missing as well."""
        inside = Longformer(**self.options)
        mixture = replace(self.fitted_.mixture, gate=0.0)
        inside.fitted_, inside.vocabulary_ = (
            replace(self.fitted_, mixture=mixture),
            self.vocabulary_,
        )
        return inside


def _means(counts: sparse.csr_matrix) -> np.ndarray:
    return np.asarray(log_values(counts).mean(axis=0)).ravel().astype(np.float32)


def _filled(X: sparse.csr_matrix, absent: np.ndarray, mean: np.ndarray) -> sparse.csr_matrix:
    if not absent.any():
        return X
    return sparse.csr_matrix(X + np.tile(np.where(absent, mean, 0), (X.shape[0], 1)))


def fitted_models(counts: sparse.csr_matrix, codes: np.ndarray, seed: int) -> dict[str, Any]:
    """Everybody, fitted to the training cells; the transformers come last."""
    simple = {
        AUGMENTED: Augmented(seed),
        "logistic regression": Filled(LogitScaled(BASELINES["logistic_regression"](seed))),
        "shrinkage LDA": Filled(LogitScaled(MORE_BASELINES["lda_shrinkage"](seed))),
        "simple mean": Silent(SimpleMean(random_state=seed)),
    }
    for model in simple.values():
        model.fit(counts, codes)
    hybrid = Longformer(random_state=seed).fit(counts, codes)
    alone = Longformer(random_state=seed, offset=None).fit(counts, codes)
    return {
        **simple,
        INSIDE: hybrid.with_shut_gate(),
        **dict(zip(TRANSFORMERS, (hybrid, alone), strict=True)),
    }


def shifts(counts: sparse.csr_matrix, rng: np.random.Generator) -> dict:
    """Test cells and missing genes under each kind of shift."""
    none = np.zeros(counts.shape[1], dtype=bool)
    return {
        "as trained": (counts, none),
        **{f"depth {d:.0%}": (thin_counts(counts, d, rng)[0], none) for d in DEPTHS},
        **{f"{m:.0%} of genes missing": (counts, rng.random(len(none)) < m) for m in MISSING},
    }


def scores_of_fold(counts: sparse.csr_matrix, codes: np.ndarray, split: Split) -> pd.DataFrame:
    """One row per shift and model."""
    seed = split.repeat * N_SPLITS + split.fold
    cases = shifts(counts[split.test], np.random.default_rng(seed))
    models = fitted_models(counts[split.train], codes[split.train], split.repeat)
    rows = []
    for case, (cells, absent) in cases.items():
        for name, model in models.items():
            scores = score(codes[split.test], model.predict_proba(cells, absent))
            shown = {m: scores[m] for m in SHOWN}
            rows.append(
                {"case": case, "model": name, **shown, "gate": getattr(model, "gate_", np.nan)}
            )
    return pd.DataFrame(rows).assign(repeat=split.repeat, fold=split.fold)


def run(name: str, most_cells: int, n_repeats: int, folder: Path | None) -> pd.DataFrame:
    """Scores of all folds of a set; those that `folder` has are taken from there."""
    X, codes = load(name, most_cells)
    counts = sparse.csr_matrix(recover_counts(X))
    found = []
    for split in make_splits(codes, n_splits=N_SPLITS, n_repeats=n_repeats):
        path = None if folder is None else folder / f"{name}-{split.repeat}-{split.fold}.csv"
        if path is not None and path.exists():
            found.append(pd.read_csv(path))
            continue
        found.append(scores_of_fold(counts, codes, split))
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            found[-1].to_csv(path, index=False)
    return pd.concat(found).assign(set=name)


def means(scores: pd.DataFrame, metric: str) -> str:
    """Means over folds, sets and shifts x models, as markdown."""
    wide = scores.pivot_table(metric, ["set", "case"], "model", sort=False)
    best = wide.eq(wide.agg("min" if metric == "log_loss" else "max", axis=1), axis=0)
    text = wide.map("{:.3f}".format).mask(best, wide.map("**{:.3f}**".format))
    return markdown(text.reset_index())


def differences(scores: pd.DataFrame, transformer: str) -> str:
    """The transformer against the simple models as anyone has them, and the one inside, as markdown."""
    rows: list[list[str]] = []
    p_values = []
    for place, of_case in scores.groupby(["set", "case"], sort=False):
        cells: list[str] = list(place)
        for metric in SHOWN:
            wide = of_case.pivot_table(metric, ["repeat", "fold"], "model", sort=False)
            simple = wide.drop(columns=[INSIDE, *TRANSFORMERS]).mean()
            best = simple.idxmin() if metric == "log_loss" else simple.idxmax()
            own = wide[transformer].to_numpy()
            share = 1 / (N_SPLITS - 1)
            change, *others = (own - wide[rival].to_numpy() for rival in (best, AUGMENTED, INSIDE))
            p_values.append(corrected_t_test(change, test_share=share))
            cells += [f"{paired(change, share)} {best}", "", *(paired(x, share) for x in others)]
        rows.append(cells)
    for i, p in enumerate(holm(np.array(p_values))):
        rows[i // 2][3 + 4 * (i % 2)] = "< 0.001" if p < 0.001 else f"{p:.3f}"
    rivals = ("best simple", "p", "augmented", "the simple mean, told")
    heads = [
        rival if rival == "p" else f"{m}: to {rival}" for m in SHOWN.values() for rival in rivals
    ]
    return markdown(pd.DataFrame(rows, columns=["set", "case", *heads]))


def main() -> None:
    """Print tables of everybody's scores, and of both transformers against their rivals."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=["sorted_pbmc"])
    parser.add_argument("--repeats", type=int, default=2, help="of five folds")
    parser.add_argument("--cells", type=int, default=1500, help="most cells of a set")
    parser.add_argument("--save", type=Path, help="folder of finished folds")
    options = parser.parse_args()
    settings.verbosity = "error"
    warnings.simplefilter("ignore", UserWarning)
    scores = pd.concat(
        [run(name, options.cells, options.repeats, options.save) for name in options.sets]
    )
    for metric, title in SHOWN.items():
        print(f"\n**{title}**\n\n{means(scores, metric)}")
    gates = (
        scores[scores["model"] == TRANSFORMERS[0]]
        .groupby(["set", "repeat", "fold"])["gate"]
        .first()
    )
    print(
        f"\nGate of {TRANSFORMERS[0]}: {gates.mean():.2f} on average, 0 in {(gates == 0).mean():.0%}."
    )
    for transformer in TRANSFORMERS:
        print(f"\n**{transformer}**\n\n{differences(scores, transformer)}")


if __name__ == "__main__":
    main()
