"""Who finds a planted truth: accuracy of every contestant on fresh simulations.

    python benchmarks/known_truth.py --save scores.csv
    python benchmarks/known_truth.py --sizes 10000 --seeds 2 --save scores.csv
    python benchmarks/known_truth.py --changes weight_decay=0.1 --models longformer_pure

Four kinds of classes are planted in which no single gene differs, and one that is linear
(`STRUCTURES`); the first three once more among 192 genes that say nothing. Every number is an accuracy
on 3,000 cells of the same simulation that no model has seen; training cells of a smaller size are among
those of a larger one; every seed is a simulation with rules, base levels and cells of its own. With
`--save` every score is noted as it is found, and what is noted already is not computed again;
`--only-print` computes nothing. `--changes` adds transformers that differ from the default in one
argument, or field of the config of the model or of its training.

Prints markdown: accuracies, and differences to `longformer_pure` paired by seed, both with 95 %
intervals over seeds (Student's t), and the targets with what was found.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from anndata import AnnData
from scipy import sparse, stats
from torch import Tensor, nn

from scrna_longformer import datasets
from scrna_longformer.evaluation import BASELINES, MORE_BASELINES, score
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.nn._input import GeneDropout, GeneStandardizer
from scrna_longformer.nn._longformer import LongformerOutput
from scrna_longformer.train import LongformerClassifier, TrainConfig

N_TEST = 3000
FIRST_SEED = 400  # those below were looked at while simulations and model were made
COLUMNS = (
    "structure",
    "n",
    "seed",
    "model",
    "accuracy",
    "log_loss",
    "gate",
    "best_step",
    "n_steps",
    "seconds",
)
Row = dict[str, str]

# ------------------------------------------------------------------------------- what is planted

N_SILENT = 192  # more genes that say nothing: of 64 genes a relabelled graph links many right ones
STRUCTURES: dict[str, Callable[..., AnnData]] = {
    "modules": partial(datasets.simulate_interactions, kind="interaction"),
    "ratios": datasets.simulate_ratios,
    "hubs": datasets.simulate_hubs,
    "modules-256": partial(
        datasets.simulate_interactions, kind="interaction", n_noise=16 + N_SILENT
    ),
    "ratios-256": partial(datasets.simulate_ratios, n_noise=16 + N_SILENT),
    "hubs-256": partial(datasets.simulate_hubs, n_noise=10 + N_SILENT),
    "unlinked": partial(datasets.simulate_interactions, kind="interaction", shared_factor=False),
    "linear": partial(datasets.simulate_interactions, kind="mean"),
}
MEANING = {
    "modules": "whether the halves of a module agree",
    "ratios": "which pairs of partners keep their ratio",
    "hubs": "which targets a hub raises in its high state",
    "modules-256": "as modules, among 256 genes",
    "ratios-256": "as ratios, among 256 genes",
    "hubs-256": "as hubs, among 256 genes",
    "unlinked": "as modules, but the halves are not co-expressed: the graph does not link them",
    "linear": "means of markers",
}
WITH_GRAPH = ("modules", "ratios", "hubs", "modules-256", "ratios-256", "hubs-256")


def simulate(structure: str, n: int, seed: int) -> tuple[sparse.csr_array, np.ndarray]:
    """Log values and codes of `n` training cells after the test cells of this seed."""
    pool = 1000 if n <= 1000 else n
    adata = STRUCTURES[structure](N_TEST + pool, random_state=seed)
    counts = sparse.csr_array(adata.X, dtype=np.float64)
    scale = 1e4 / counts.sum(axis=1)
    X = sparse.csr_array(counts.multiply(scale[:, None])).log1p().astype(np.float32)
    codes = adata.obs.iloc[:, 0].cat.codes.to_numpy().astype(np.int64)
    return X[: N_TEST + n], codes[: N_TEST + n]


# ----------------------------------------------------------------------------------- contestants


class Perceptron(nn.Module):
    """Two hidden layers in the place of tokens and attention; the rest of the training is the same."""

    def __init__(self, config: LongformerConfig) -> None:
        super().__init__()
        self.config = config
        self.standardizer = GeneStandardizer(config.n_genes)
        width = config.d_model
        self.body = nn.Sequential(
            GeneDropout(config.gene_dropout),
            nn.Linear(config.n_genes, width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Dropout(config.dropout),
        )
        self.head = nn.Linear(width, config.n_classes)

    def forward(self, values: Tensor) -> LongformerOutput:
        """Run on cells x genes values."""
        hidden = self.body(self.standardizer(values))
        return LongformerOutput(self.head(hidden), hidden)


class EqualBudgetPerceptron(LongformerClassifier):
    """A perceptron trained as the transformer is.

    Inputs, updates, batches, optimiser, schedule, gene dropout, averaged weights, stopping cells and
    calibration are those of :class:`LongformerClassifier`.
    """

    def _initial_model(self, config: LongformerConfig, cells: Any) -> GeneLongformer:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random_state)
            model = Perceptron(config)
        mean, sd = cells.moments(np.arange(len(cells)))
        model.standardizer.set_statistics(torch.from_numpy(mean), torch.from_numpy(sd))
        return model  # type: ignore[return-value]


def perceptron(seed: int, weight_decay: float = 0.5) -> EqualBudgetPerceptron:
    """84 thousand parameters on 64 genes; the transformer has 4 thousand."""
    return EqualBudgetPerceptron(
        offset=None,
        warm_start=False,
        products=False,
        model_options={"d_model": 256, "dropout": 0.1},
        train_options={"weight_decay": weight_decay},
        random_state=seed,
        accelerator="cpu",
    )


def transformer(
    seed: int, offset: str | None = None, change: dict[str, Any] | None = None
) -> LongformerClassifier:
    """The transformer with its defaults, but for `change`: arguments, or fields of either config."""
    of_model, of_training = (
        {field.name for field in fields(config)} & (change or {}).keys()
        for config in (LongformerConfig, TrainConfig)
    )
    change = change or {}
    model = LongformerClassifier(
        offset=offset,  # type: ignore[arg-type]
        model_options={k: change[k] for k in of_model},
        train_options={k: change[k] for k in of_training},
        random_state=seed,
        accelerator="cpu",
    )
    return model.set_params(**{k: v for k, v in change.items() if k not in of_model | of_training})


RIVALS: dict[str, Callable[[int], Any]] = {
    "logistic_regression": BASELINES["logistic_regression"],
    "quadratic_pca": MORE_BASELINES["quadratic_pca"],
    "gradient_boosting": MORE_BASELINES["gradient_boosting_genes"],
    "mlp_equal_budget": perceptron,
}
CONTROLS: dict[str, Callable[[int], Any]] = {
    "linked_products": MORE_BASELINES["linked_products"],
    "pure, permuted mask": partial(transformer, change={"attention": "random"}),
    "pure, self only": partial(transformer, change={"attention": "self"}),
    "pure, full": partial(transformer, change={"attention": "full"}),
}
MODELS: dict[str, Callable[[int], Any]] = {
    "longformer_pure": transformer,
    "longformer": partial(transformer, offset="simple"),
    **RIVALS,
    **CONTROLS,
}


def changed(text: str) -> tuple[str, Callable[[int], Any]]:
    """Name and factory of the pure transformer changed by ``'a=1,b=2'``."""
    pairs = dict(part.split("=") for part in text.split(","))
    return f"pure, {text}", partial(transformer, change={k: _value(v) for k, v in pairs.items()})


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


# --------------------------------------------------------------------------------------- fitting


def fit_and_score(
    make: Callable[[int], Any], X: sparse.csr_array, codes: np.ndarray, seed: int
) -> dict[str, float]:
    """Fit to the cells after the test cells, and score on these."""
    started = time.process_time()
    with warnings.catch_warnings():
        # on some structures some models must fail to learn: the table tells which
        warnings.filterwarnings("ignore", message="LongformerClassifier", category=UserWarning)
        warnings.filterwarnings("ignore", message="EqualBudgetPerceptron", category=UserWarning)
        model = make(seed).fit(X[N_TEST:], codes[N_TEST:])
    seconds = time.process_time() - started
    scores = score(codes[:N_TEST], model.predict_proba(X[:N_TEST]))
    result = getattr(model, "result_", None)
    return {
        "accuracy": scores["accuracy"],
        "log_loss": scores["log_loss"],
        "gate": getattr(model, "gate_", np.nan),
        "best_step": np.nan if result is None else result.best_step,
        "n_steps": np.nan if result is None else result.n_steps,
        "seconds": seconds,
    }


def measure(
    structures: list[str],
    sizes: list[int],
    seeds: Iterable[int],
    models: dict[str, Callable[[int], Any]],
    save: Path | None,
) -> list[Row]:
    """Fit what is not noted yet; all structures and sizes of a seed before those of the next."""
    rows = read(save)
    known = {tuple(row[c] for c in COLUMNS[:4]) for row in rows}
    for seed, structure, n in itertools.product(seeds, structures, sizes):
        missing = [m for m in models if (structure, str(n), str(seed), m) not in known]
        if not missing:
            continue
        X, codes = simulate(structure, n, seed)
        for name in missing:
            found = fit_and_score(models[name], X, codes, seed)
            key = {"structure": structure, "n": str(n), "seed": str(seed), "model": name}
            rows.append(key | {k: f"{v:.5g}" for k, v in found.items()})
            if save is not None:
                write(rows, save)
    return rows


def read(save: Path | None) -> list[Row]:
    """Scores that were noted before."""
    if save is None or not save.exists():
        return []
    with save.open() as file:
        return list(csv.DictReader(file))


def write(rows: list[Row], save: Path) -> None:
    """Note all scores, in one piece."""
    whole = save.with_suffix(".part")
    with whole.open("w") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    whole.replace(save)


# -------------------------------------------------------------------------------------- printing


class Scores:
    """Accuracies by structure, size, model and seed."""

    def __init__(self, rows: list[Row], column: str = "accuracy") -> None:
        self.by_seed: dict[tuple[str, int, str], dict[int, float]] = {}
        for row in rows:
            key = row["structure"], int(row["n"]), row["model"]
            self.by_seed.setdefault(key, {})[int(row["seed"])] = float(row[column])

    def of(self, structure: str, n: int, model: str) -> np.ndarray:
        """Values in the order of their seeds."""
        found = self.by_seed.get((structure, n, model), {})
        return np.array([found[seed] for seed in sorted(found)])

    def difference(self, structure: str, n: int, first: str, second: str) -> np.ndarray:
        """First minus second on the seeds that both have."""
        a, b = (self.by_seed.get((structure, n, m), {}) for m in (first, second))
        return np.array([a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())])


def with_interval(values: np.ndarray, sign: str = "") -> str:
    """Mean and half-width of the 95 % interval of the mean over seeds."""
    if not len(values):
        return ""
    mean = f"{values.mean():{sign}.3f}"
    if len(values) == 1:
        return f"{mean} (1)"
    width = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{mean} ± {width:.3f}"


def tables(rows: list[Row], models: list[str], judged: list[str]) -> str:
    """Accuracies and paired differences of every structure, and the targets of whom is judged."""
    scores, gates = Scores(rows), Scores(rows, "gate")
    parts = []
    for structure, meaning in MEANING.items():
        sizes = sorted({int(row["n"]) for row in rows if row["structure"] == structure})
        if not sizes:
            continue
        header = ["model", *(f"n = {n:,}" for n in sizes)]
        lines = [[m, *(with_interval(scores.of(structure, n, m)) for n in sizes)] for m in models]
        gate = [gates.of(structure, n, "longformer") for n in sizes]
        lines.append(
            ["gate of longformer, per seed", *(", ".join(f"{g:g}" for g in at) for at in gate)]
        )
        differences = [
            [
                m,
                *(
                    with_interval(scores.difference(structure, n, "longformer_pure", m), "+")
                    for n in sizes
                ),
            ]
            for m in models
            if m != "longformer_pure"
        ]
        parts += [
            f"**{structure}**: {meaning}. Accuracy; chance is 0.25.",
            markdown(header, lines),
        ]
        if any(any(line[1:]) for line in differences):
            parts += [
                "`longformer_pure` minus each, paired by seed:",
                markdown(header, differences),
            ]
    for model in judged:
        parts += [
            f"**Targets**, `{model}`:",
            markdown(["target", "found", "met"], targets(scores, model)),
        ]
    return "\n\n".join(parts)


def markdown(header: list[str], lines: list[list[str]]) -> str:
    """Lay lines out as a table; empty ones are left out."""
    kept = [line for line in lines if any(line[1:])]
    rows = [header, ["---"] * len(header), *kept]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def targets(scores: Scores, model: str = "longformer_pure") -> list[list[str]]:
    """Each target, what was found, and whether `model` meets it (by the mean over seeds)."""
    lines = []
    permuted = f"{model},attention=random"
    if model == "longformer_pure":
        permuted = "pure, permuted mask"

    def add(text: str, value: float, least: float, shown: str = "") -> None:
        if np.isfinite(value):
            lines.append([text, shown or f"{value:.3f}", "yes" if value >= least else "no"])

    def mean(values: np.ndarray) -> float:
        return float(values.mean()) if len(values) else np.nan

    for n, least in ((500, 0.80), (1000, 0.86), (10_000, 0.91)):
        found = mean(scores.of("modules", n, model))
        add(f"modules, n = {n:,}: at least {least:.2f}", found, least)
    for structure, n in itertools.product(WITH_GRAPH, (300, 500, 1000, 10_000)):
        ahead = {m: mean(scores.difference(structure, n, model, m)) for m in RIVALS}
        ahead = {m: v for m, v in ahead.items() if np.isfinite(v)}
        if ahead:
            closest = min(ahead, key=lambda m: ahead[m])
            shown = f"{ahead[closest]:+.3f} to {closest}"
            level = n >= 10_000  # there level is enough; a standard error of 3,000 cells is 0.006
            text = f"{structure}, n = {n:,}: {'level or ' * level}ahead of all rivals"
            add(text, ahead[closest], -0.006 if level else 1e-9, shown)
    for structure, n in itertools.product(WITH_GRAPH, (300, 500, 1000, 10_000)):
        lost = mean(scores.difference(structure, n, model, permuted))
        add(f"{structure}, n = {n:,}: permuted mask at least 0.25 lower", lost, 0.25)
    for n, name in itertools.product((300, 500, 1000, 10_000), (model, "longformer")):
        lost = mean(scores.difference("linear", n, name, "logistic_regression"))
        add(f"linear, n = {n:,}: {name} at most 0.01 below LR", lost, -0.01, f"{lost:+.3f}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[300, 500, 1000])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--structures", nargs="+", choices=STRUCTURES, default=list(STRUCTURES))
    parser.add_argument("--models", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--changes", nargs="+", default=[], metavar="FIELD=VALUE[,FIELD=VALUE]")
    parser.add_argument("--judged", nargs="+", default=["longformer_pure"], metavar="MODEL")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--only-print", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    models = {name: MODELS[name] for name in arguments.models}
    models |= dict(changed(text) for text in arguments.changes)
    if arguments.only_print:
        rows = read(arguments.save)
    else:
        seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
        rows = measure(arguments.structures, arguments.sizes, seeds, models, arguments.save)
    names = list(dict.fromkeys([*MODELS, *models, *(row["model"] for row in rows)]))
    print(tables(rows, names, arguments.judged))


if __name__ == "__main__":
    main()
