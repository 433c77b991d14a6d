"""What to use with few labelled cells: simple models and transformers on 100 to 400 cells.

    python benchmarks/few_cells.py [--sets sorted_pbmc pbmc3k] [--sizes 100 200 400] [--seeds 4]

Prints markdown. A quarter of the cells of a set is tested on; the training cells of a smaller size are
among those of a larger one, and every seed draws both anew. Differences are to logistic regression on
the same cells, with the smallest and the largest over seeds: draws of one set overlap, so these are no
intervals. Labels of all sets but sorted_pbmc and cbmc_citeseq were clustered from the same matrix.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
from ablations import load

from scrna_longformer import settings
from scrna_longformer.evaluation import BASELINES, FoldResult, cross_validate, nested_splits
from scrna_longformer.train import LongformerClassifier

RIVAL = "logistic_regression"
MODELS: dict[str, Any] = {
    RIVAL: BASELINES[RIVAL],
    "pearson_pca20": BASELINES["pearson_pca20"],
    "simple_mean": BASELINES["simple_mean"],
    "longformer": LongformerClassifier(accelerator="cpu"),
    "longformer_pure": LongformerClassifier(accelerator="cpu", offset=None),
}
SHOWN = ("macro_f1", "log_loss")


def over_seeds(results: list[FoldResult], name: str, size: int, metric: str) -> np.ndarray:
    """Score of a contestant at a size, one per seed."""
    return np.array([r.metrics[metric] for r in results if r.model == name and r.n_train == size])


def told(results: list[FoldResult], name: str, size: int) -> str:
    """Scores, and what they differ by from the rival's."""
    cells = []
    for metric in SHOWN:
        own = over_seeds(results, name, size, metric)
        change = own - over_seeds(results, RIVAL, size, metric)
        text = f"{change.mean():+.3f} ({change.min():+.3f} to {change.max():+.3f})"
        cells += [f"{own.mean():.3f}", "" if name == RIVAL else text]
    return " | ".join(cells)


def main() -> None:
    """Print a table per set."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--sets", nargs="+", default=["sorted_pbmc", "cbmc_citeseq", "pbmc3k", "mouse_bladder"]
    )
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 200, 400])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--cells", type=int, default=4000)
    options = parser.parse_args()
    settings.verbosity = "error"
    warnings.simplefilter("ignore", UserWarning)  # what does not learn shows in its scores
    for name in options.sets:
        X, codes = load(name, options.cells)
        splits = nested_splits(codes, options.sizes, n_seeds=options.seeds)
        results = cross_validate(MODELS, X, codes, splits, calibrate=True)
        print(
            f"\n### {name}\n\n{len(codes):,} cells, {codes.max() + 1} classes; {options.seeds} draws.\n"
            "\n| cells | contestant | macro-F1 | difference | log-loss | difference |"
            "\n|---|---|---|---|---|---|"
        )
        for size in options.sizes:
            for contestant in MODELS:
                print(f"| {size} | {contestant} | {told(results, contestant, size)} |")
        gates = [
            f"{np.mean([r.gate for r in results if r.model == 'longformer' and r.n_train == size]):.2f}"
            for size in options.sizes
        ]
        print(f"\nMean weight of the correction (gate) by size: {', '.join(gates)}.", flush=True)


if __name__ == "__main__":
    main()
