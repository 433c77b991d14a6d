"""Is it the gene graph? The transformer alone with its mask and with each control, on the real sets.

    python benchmarks/mask_credit.py --save scores.csv
    python benchmarks/mask_credit.py --sets sorted_pbmc --repeats 5 --save scores.csv

Rows, cells and splits are those of the benchmark suite, and everything is fitted inside the training
cells. A gene attends to its 8 nearest neighbours (`knn`), to as many genes of a relabelled graph
(`random`), to itself alone (`self`), to all genes (`full`) or there is no attention (`none`).
Differences are paired: within a study over folds, with the 95 % interval of Nadeau and Bengio (2003);
where a condition, a protocol or a study is held out over seeds (`--seeds`), which says nothing of
other conditions. The last row is the mean over the sets within a study, with the interval of Student's
t over sets. With `--save` every score is noted as it is found, and not computed again.

Prints markdown: the score with the graph, and what it has over each control (for log-loss: how much
less).
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from _markdown import markdown
from scipy import stats

from scrna_longformer import settings
from scrna_longformer.cli._suite._sets import FOLDS, REAL, Arena, enter
from scrna_longformer.evaluation import Split, corrected_interval, score
from scrna_longformer.train import LongformerClassifier

GRAPH = "knn"
CONTROLS = {"random": "permuted", "self": "self", "full": "full", "none": "none"}
METRICS = {"macro_f1": ("Macro-F1", 1), "log_loss": ("Log-loss", -1)}  # name, sign of better
KEYS = ["set", "held out", "repeat", "fold", "attention"]


def fit_and_score(arena: Arena, split: Split, attention: str, seed: int) -> dict[str, float]:
    """Fit the transformer alone to the training cells, and score it on the others."""
    X, codes = arena.inputs.X, arena.inputs.codes
    model = LongformerClassifier(
        offset=None,
        model_options={"attention": attention},
        accelerator="cpu",
        random_state=seed,
    ).fit(X[split.train], codes[split.train])
    proba = np.zeros((len(split.test), int(codes.max()) + 1))
    proba[:, model.classes_] = model.predict_proba(X[split.test])
    found = score(codes[split.test], proba)
    return {metric: found[metric] for metric in METRICS}


def measure(
    sets: list[str], repeats: int, seeds: int, save: Path | None, controls: Iterable[str] = CONTROLS
) -> pd.DataFrame:
    """Fit what is not noted yet."""
    rows = [] if save is None or not save.exists() else pd.read_csv(save).to_dict("records")
    known = {tuple(row[key] for key in KEYS) for row in rows}
    for contest in REAL:
        if contest.name not in sets:
            continue
        arena = enter(contest)
        for repeat in range(repeats if contest.regime == FOLDS else seeds):
            for fold, split in enumerate(arena.splits(repeat, n_splits=5, random_state=0)):
                for attention in (GRAPH, *controls):
                    key = (contest.name, contest.regime, repeat, fold, attention)
                    if key in known:
                        continue
                    found = fit_and_score(arena, split, attention, repeat)
                    share = len(split.test) / len(split.train)
                    rows.append(dict(zip(KEYS, key, strict=True)) | found | {"share": share})
                    if save is not None:
                        pd.DataFrame(rows).to_csv(save, index=False)
    found = pd.DataFrame(rows)
    return found[found["set"].isin(sets) & found["attention"].isin([GRAPH, *controls])]


def table(scores: pd.DataFrame, metric: str, controls: Iterable[str] = CONTROLS) -> pd.DataFrame:
    """The score with the graph, and what it has over each control."""
    _, sign = METRICS[metric]
    rows, within = [], []
    for (name, regime), part in scores.groupby(["set", "held out"], sort=False):
        wide = part.pivot(index=["repeat", "fold"], columns="attention", values=metric)
        row: dict[str, object] = {
            "set": name,
            "held out": regime,
            "with the graph": wide[GRAPH].mean(),
        }
        gains = {control: sign * (wide[GRAPH] - wide[control]) for control in controls}
        for control, gain in gains.items():
            if regime == FOLDS:
                share = float(part["share"].mean())
                low, high = corrected_interval(gain.to_numpy(), test_share=share)
            else:
                low, high = student(gain.groupby("repeat").mean().to_numpy())
            row[f"over {CONTROLS[control]}"] = shown(float(gain.mean()), low, high)
        rows.append(row)
        if regime == FOLDS:
            within.append({control: gain.mean() for control, gain in gains.items()})
    if len(within) > 1:
        means = pd.DataFrame(within)
        name = f"mean of the {len(means)} rows by folds"
        row = {"set": name, "held out": FOLDS, "with the graph": np.nan}
        for control in controls:
            values = means[control].to_numpy()
            row[f"over {CONTROLS[control]}"] = shown(float(values.mean()), *student(values))
        rows.append(row)
    return pd.DataFrame(rows)


def student(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def shown(mean: float, low: float, high: float) -> str:
    """In bold where the interval does not hold 0."""
    text = f"{mean:+.3f} ({low:+.3f}, {high:+.3f})"
    return f"**{text}**" if low > 0 or high < 0 else text


def main() -> None:
    """Print one table per metric."""
    names = list(dict.fromkeys(contest.name for contest in REAL))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", nargs="+", choices=names, default=names)
    parser.add_argument("--controls", nargs="+", choices=CONTROLS, default=list(CONTROLS))
    parser.add_argument("--repeats", type=int, default=1, help="of five folds, within a study")
    parser.add_argument("--after", type=int, default=0, help="leave out the first repeats of folds")
    parser.add_argument("--seeds", type=int, default=5, help="where a group is held out")
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    settings.verbosity = "error"
    warnings.simplefilter("ignore", UserWarning)  # what does not learn shows in its scores
    scores = measure(options.sets, options.repeats, options.seeds, options.save, options.controls)
    scores = scores[(scores["repeat"] >= options.after) | (scores["held out"] != FOLDS)]
    for metric, (title, _) in METRICS.items():
        print(f"\n**{title}**\n\n{markdown(table(scores, metric, options.controls))}", flush=True)


if __name__ == "__main__":
    main()
