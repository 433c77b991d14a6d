"""Where the transformer takes products of linked genes: the real sets of the suite, fold by fold.

    python benchmarks/products.py [--repeats 1] [--sets paul15 RNAmix]

Prints markdown: of how many fits they were part, with the transformer alone and with the default. What
decides comes before the first update, so that the fits end after one.
"""

from __future__ import annotations

import argparse
import warnings

import pandas as pd
from _markdown import markdown

from scrna_longformer import settings
from scrna_longformer.cli._suite._sets import REAL, enter
from scrna_longformer.train import LongformerClassifier

MODELS = {"alone": None, "default": "simple"}


def main() -> None:
    """Print one row per set and regime."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=[contest.name for contest in REAL])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--folds", type=int, default=5, help="how many of each repeat to ask")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    options = parser.parse_args()
    settings.verbosity = "error"
    warnings.simplefilter("ignore", UserWarning)  # one update is not enough, and need not be
    rows = []
    for contest in REAL:
        if contest.name not in options.sets:
            continue
        arena = enter(contest)
        X, codes = arena.inputs.X, arena.inputs.codes
        taken: dict[str, list[bool]] = {name: [] for name in options.models}
        for repeat in range(options.repeats):
            splits = arena.splits(repeat, n_splits=5, random_state=0)[: options.folds]
            for split in splits:
                for name in options.models:
                    model = LongformerClassifier(
                        offset=MODELS[name],
                        train_options={"max_steps": 1},
                        accelerator="cpu",
                        random_state=repeat,
                    ).fit(X[split.train], codes[split.train])
                    taken[name].append(model.fitted_.model.config.n_pairs > 0)
        shown = {name: f"{sum(found)} of {len(found)}" for name, found in taken.items()}
        rows.append({"set": contest.title, **shown})
        print(rows[-1], flush=True)
    print(markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
