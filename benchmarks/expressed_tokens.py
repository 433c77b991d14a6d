"""What tokens='expressed' saves, and what it costs in quality, beside tokens='all'.

    python benchmarks/expressed_tokens.py [--rounds 9]
    python benchmarks/expressed_tokens.py --quality [--sets sorted_pbmc pbmc3k] [--folds 3] [--save scores.csv]

Prints markdown. The first times whole training steps (batch, forward, backward, clipping, AdamW,
moving average) of the preset `base` with either kind of tokens, in turn in one process on one thread,
by processor time. The second fits both on the same folds of data sets with known labels; with `--save`
every score is noted as it is found, and what is noted already is not computed again. The fits are of
the transformer alone, on log values: without the simple model as its offset, which would hide a
difference.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from attention import pbmc3k, simulated
from scipy import sparse

from scrna_longformer import datasets, settings
from scrna_longformer.dataloaders import CellMatrix
from scrna_longformer.evaluation import make_splits, score
from scrna_longformer.graph import GeneGraph, restrict
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.train import LongformerClassifier, TrainConfig
from scrna_longformer.train._runner import TrainingRun

CELLS = 256
TIMED = [  # name, graph, cells of a batch, shares of expressed genes, blocks
    ("2,000 genes, 32 cells", lambda: simulated(2000), 32, (0.2, 0.1, 0.05), 2),
    ("2,000 genes of pbmc3k, 32 cells", lambda: pbmc3k(2000), 32, (0.1,), 2),
    ("20,000 genes, 4 cells", lambda: simulated(20000), 4, (0.1, 0.05), 2),
    ("2,000 genes, 32 cells, one block", lambda: simulated(2000), 32, (0.1,), 1),
    ("20,000 genes, 4 cells, one block", lambda: simulated(20000), 4, (0.1,), 1),
]
VARIANTS = [  # tokens, number of genes that may be tokens
    ("all", 512),
    ("expressed", 512),
    ("expressed", 2000),
    ("expressed", "all"),
]
COLUMNS = (
    "set",
    "fold",
    "tokens",
    "genes",
    "per_cell",
    "macro_f1",
    "log_loss",
    "start_loss",
    "best_step",
    "seconds",
)


# ------------------------------------------------------------------ how fast


def training_run(
    tokens: str, graph: GeneGraph, X: sparse.csr_matrix, cells: int, n_layers: int
) -> TrainingRun:
    """Set up a training run of the size that the table speaks of."""
    torch.manual_seed(0)
    sizes = {"n_genes": graph.n_genes, "n_classes": 5, "n_layers": n_layers}
    # no gene dropout: a dropped gene is a token, or none, depending on what is compared
    config = LongformerConfig.from_preset("base", **sizes, tokens=tokens, gene_dropout=0.0)
    model, matrix = GeneLongformer(config, graph), CellMatrix(X, np.arange(graph.n_genes))
    mean, sd = matrix.moments(np.arange(CELLS))
    model.standardizer.set_statistics(torch.from_numpy(mean), torch.from_numpy(sd))
    run = TrainingRun(
        model,
        matrix,
        np.arange(CELLS) % 5,
        train_index=np.arange(CELLS),
        stopping_index=np.arange(0),
        config=TrainConfig(batch_size=cells),
        accelerator="cpu",
        random_state=0,
    )
    run.model.train()
    return run


def milliseconds(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    work()
    return 1e3 * (time.process_time() - start)


def print_speed(rounds: int) -> None:
    """Time training steps of both models in turn."""
    torch.set_num_threads(1)
    print(
        "| | expressed | tokens of a batch | edges kept | restricting, ms | step, all, ms "
        "| step, expressed, ms | ratio |\n|---|---|---|---|---|---|---|---|"
    )
    for name, make_graph, cells, shares, n_layers in TIMED:
        graph = make_graph()
        for share in shares:
            rng = np.random.default_rng(0)
            shape = (CELLS, graph.n_genes)
            X = sparse.random(*shape, density=share, format="csr", dtype=np.float32, rng=rng)
            X.data += 0.5
            runs = {t: training_run(t, graph, X, cells, n_layers) for t in ("all", "expressed")}
            expressed = X[:cells].toarray() > 0
            restricted = restrict(graph, expressed).graph
            times: dict[str, list[float]] = {"all": [], "expressed": [], "restrict": []}
            for step in range(rounds + 2):  # the first two are not counted
                for tokens, run in runs.items():
                    times[tokens].append(milliseconds(lambda run=run, step=step: run.update(step)))
                times["restrict"].append(milliseconds(lambda: restrict(graph, expressed)))  # noqa: B023
            every, some, making = (np.array(times[t][2:]) for t in ("all", "expressed", "restrict"))
            ratio = every / some
            print(
                f"| {name} | {expressed.mean():.1%} | {restricted.n_genes:,} of {expressed.size:,} "
                f"| {restricted.n_edges / (cells * graph.n_edges):.1%} | {np.median(making):.1f} "
                f"| {spread(every)} | {spread(some)} | {spread(ratio)} |",
                flush=True,
            )


def spread(values: np.ndarray) -> str:
    """Median, smallest and largest."""
    return f"{np.median(values):.1f} ({values.min():.1f}-{values.max():.1f})"


# ------------------------------------------------------------------ how good


def log_values(name: str) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Log-normalised values of the genes in at least 3 cells, and the codes of the labels."""
    import scanpy as sc

    adata = datasets.load(name)
    key = str(adata.uns["dataset"]["label_columns"][0])
    adata = adata[adata.obs[key].notna().to_numpy()].copy()
    sc.pp.filter_genes(adata, min_cells=3)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    codes = np.unique(adata.obs[key].astype(str), return_inverse=True)[1]
    return sparse.csr_matrix(adata.X, dtype=np.float32), codes


def fit_and_score(
    X: sparse.csr_matrix, codes: np.ndarray, split: object, tokens: str, genes: int | str
) -> dict[str, object]:
    """Fit to the training cells of a fold, and score the others."""
    started = time.process_time()
    classifier = LongformerClassifier(
        n_tokens=genes,  # type: ignore[arg-type]
        offset=None,
        input_transform="log",
        model_options={"tokens": tokens},
        accelerator="cpu",
    ).fit(X[split.train], codes[split.train])  # type: ignore[attr-defined]
    seconds = time.process_time() - started
    test = X[split.test]  # type: ignore[attr-defined]
    scores = score(codes[split.test], classifier.predict_proba(test))  # type: ignore[attr-defined]
    chosen = test[:, classifier.token_index_]
    return {
        "per_cell": chosen.shape[1] if tokens == "all" else chosen.nnz / chosen.shape[0],
        "macro_f1": scores["macro_f1"],
        "log_loss": scores["log_loss"],
        "start_loss": classifier.result_.initial_loss,
        "best_step": classifier.result_.best_step,
        "seconds": seconds,
    }


def print_quality(sets: list[str], folds: int, save: Path | None) -> None:
    """Score every variant on every fold of every set."""
    settings.verbosity = "warning"
    rows = []
    if save is not None and save.exists():
        rows = list(csv.DictReader(save.open()))
    for name in sets:
        X, codes = log_values(name)
        for fold, split in enumerate(make_splits(codes, n_splits=folds)):
            for tokens, genes in VARIANTS:
                key = {"set": name, "fold": str(fold), "tokens": tokens, "genes": str(genes)}
                if any(key.items() <= row.items() for row in rows):
                    continue
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", message="The least populated class")
                    found = fit_and_score(X, codes, split, tokens, genes)
                rows.append({**key, **{k: str(v) for k, v in found.items()}})
                if save is not None:
                    with save.open("w") as file:
                        writer = csv.DictWriter(file, COLUMNS)
                        writer.writeheader()
                        writer.writerows(rows)
    print(table(rows, sets))


def table(rows: list[dict[str, str]], sets: list[str]) -> str:
    """Mean over folds, and differences to tokens='all' on the same folds."""
    lines = [
        "| set | tokens | genes | tokens per cell | macro-F1 | difference | log-loss | difference "
        "| best update, per fold | fit, s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in sets:
        reference = None
        for tokens, genes in VARIANTS:
            key = {"set": name, "tokens": tokens, "genes": str(genes)}
            mine = sorted((r for r in rows if key.items() <= r.items()), key=lambda r: r["fold"])
            if not mine:
                continue
            of = {c: np.array([float(r[c]) for r in mine]) for c in COLUMNS[4:]}
            reference = of if reference is None else reference
            cells = [f"{of['per_cell'].mean():,.0f}"]
            for metric in ("macro_f1", "log_loss"):
                change = of[metric] - reference[metric][: len(mine)]
                each = ", ".join(f"{x:+.3f}" for x in change)
                cells += [f"{of[metric].mean():.3f}", "" if of is reference else each]
            cells += [", ".join(f"{x:.0f}" for x in of["best_step"]), f"{of['seconds'].mean():.0f}"]
            lines.append(f"| {name} | {tokens} | {genes} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--sets", nargs="+", default=["sorted_pbmc", "pbmc3k"])
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    if options.quality:
        print_quality(options.sets, options.folds, options.save)
    else:
        print_speed(options.rounds)
