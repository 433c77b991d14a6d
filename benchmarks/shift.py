"""Predicting other cells than those trained on: shallower ones, and ones without some of the genes.

    python benchmarks/shift.py [--sets sorted_pbmc] [--folds 3]

Prints markdown. Test cells of each fold are predicted as they are, after thinning their molecules to a
half and to a quarter, and without a random 10, 30 or 50 % of the genes (log values are then made of the
molecules that are left, as an analyst would who never saw the others; missing genes enter at their training
means, but for the simple mean, which takes them as not expressed). "Augmented" logistic regression is trained on four copies of every training
cell: as it is, at half and at a quarter of its depth, and with a random half of its genes missing. Labels
are those of the set; nothing is fitted on test cells.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from ablations import load, paired
from scipy import sparse
from sklearn.base import BaseEstimator

from scrna_longformer import settings
from scrna_longformer.evaluation import BASELINES, SimpleMean, make_splits, score
from scrna_longformer.features import recover_counts, thin_counts
from scrna_longformer.train import LongformerClassifier

DEPTHS = (0.5, 0.25)
MISSING = (0.1, 0.3, 0.5)


def log_values(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """``log1p`` of counts scaled to 10,000 molecules."""
    totals = np.asarray(counts.sum(axis=1)).ravel()
    scaled = sparse.csr_matrix(sparse.diags_array(1e4 / np.maximum(totals, 1)) @ counts)
    scaled.data = np.log1p(scaled.data)
    return scaled.astype(np.float32)


def without(counts: sparse.csr_matrix, absent: np.ndarray) -> sparse.csr_matrix:
    """Log values of the molecules of the genes that are left; columns of the others are empty."""
    return log_values(sparse.csr_matrix(counts @ sparse.diags_array((~absent).astype(float))))


class Filled(BaseEstimator):
    """A simple model that takes missing genes at their training means, and may be augmented.

    A model that needs counts takes them as not expressed: means are no counts.
    """

    def __init__(
        self,
        model: BaseEstimator,
        *,
        augmented: bool = False,
        needs_counts: bool = False,
        random_state: int = 0,
    ):
        self.model = model
        self.needs_counts = needs_counts
        self.augmented = augmented
        self.random_state = random_state

    def fit(self, counts: sparse.csr_matrix, codes: np.ndarray) -> Filled:
        """Fit to counts, and to copies of them that are shallower or lack genes."""
        X = log_values(counts)
        self.mean_ = np.asarray(X.mean(axis=0)).ravel().astype(np.float32)
        copies = [X]
        if self.augmented:
            rng = np.random.default_rng(self.random_state)
            copies += [log_values(thin_counts(counts, depth, rng)[0]) for depth in DEPTHS]
            lacking = [
                self._fill(without(row, absent), absent)
                for row in counts
                for absent in [rng.random(counts.shape[1]) < MISSING[-1]]
            ]
            copies.append(sparse.csr_matrix(sparse.vstack(lacking)))
        stacked = sparse.csr_matrix(sparse.vstack(copies))
        self.model.fit(stacked, np.tile(codes, len(copies)))
        return self

    def predict_proba(self, counts: sparse.csr_matrix, absent: np.ndarray) -> np.ndarray:
        """Probabilities of cells that lack some genes."""
        return self.model.predict_proba(self._fill(without(counts, absent), absent))

    def _fill(self, X: sparse.csr_matrix, absent: np.ndarray) -> sparse.csr_matrix:
        if self.needs_counts:
            return X
        filling = np.where(absent, self.mean_, 0)
        return sparse.csr_matrix(X + np.tile(filling, (X.shape[0], 1))) if absent.any() else X


class Longformer(BaseEstimator):
    """The transformer, which is told which genes are missing."""

    def __init__(self, **options: object):
        self.options = options

    def fit(self, counts: sparse.csr_matrix, codes: np.ndarray) -> Longformer:
        """Fit to log values of counts."""
        self.model_ = LongformerClassifier(accelerator="cpu", **self.options)
        self.model_.fit(log_values(counts), codes)
        return self

    def predict_proba(self, counts: sparse.csr_matrix, absent: np.ndarray) -> np.ndarray:
        """Probabilities of cells that lack some genes."""
        columns = np.where(absent, -1, np.arange(len(absent)))[self.model_.vocabulary_]
        return self.model_.fitted_.predict(without(counts, absent), columns).proba


CONTESTANTS = {
    "logistic regression, augmented": lambda: Filled(
        BASELINES["logistic_regression"](0), augmented=True
    ),
    "logistic regression": lambda: Filled(BASELINES["logistic_regression"](0)),
    "simple mean": lambda: Filled(SimpleMean(), needs_counts=True),
    "longformer": lambda: Longformer(),
    "longformer alone": lambda: Longformer(offset=None),
}


def shifts(counts: sparse.csr_matrix, rng: np.random.Generator) -> dict:
    """Test cells and missing genes under each kind of shift."""
    none = np.zeros(counts.shape[1], dtype=bool)
    return {
        "as trained": (counts, none),
        **{f"depth {d:.0%}": (thin_counts(counts, d, rng)[0], none) for d in DEPTHS},
        **{f"{m:.0%} of genes missing": (counts, rng.random(len(none)) < m) for m in MISSING},
    }


def main() -> None:
    """Print a table per set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=["sorted_pbmc"])
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--cells", type=int, default=3000)
    options = parser.parse_args()
    settings.verbosity = "error"
    warnings.simplefilter("ignore", UserWarning)
    for name in options.sets:
        X, codes = load(name, options.cells)
        counts = sparse.csr_matrix(recover_counts(X))
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        splits = make_splits(codes, n_splits=5)[: options.folds]
        for fold, split in enumerate(splits):
            rng = np.random.default_rng(fold)
            cases = shifts(counts[split.test], rng)
            for model, make in CONTESTANTS.items():
                fitted = make().fit(counts[split.train], codes[split.train])
                for case, (cells, absent) in cases.items():
                    proba = fitted.predict_proba(cells, absent)
                    scores = score(codes[split.test], proba)
                    found.setdefault((case, model), []).append(
                        (scores["macro_f1"], scores["log_loss"])
                    )
        print(f"\n### {name}\n\n{len(codes):,} cells, {options.folds} of 5 folds.\n")
        print("| test cells | model | macro-F1 | to augmented | log-loss | to augmented |")
        print("|---|---|---|---|---|---|")
        first = next(iter(CONTESTANTS))
        for case, model in sorted(found, key=lambda pair: list(cases).index(pair[0])):
            own, rival = np.array(found[case, model]), np.array(found[case, first])
            cells = []
            for column in range(2):
                change = own[:, column] - rival[:, column]
                cells += [
                    f"{own[:, column].mean():.3f}",
                    "" if model == first else paired(change, 1 / 4),
                ]
            print(f"| {case} | {model} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
