"""What every part of the model is worth: the model with one part changed, on the same folds.

    python benchmarks/ablations.py --part design [--sets sorted_pbmc simulated] [--save folder]
    python benchmarks/ablations.py --part hybrid [--sets sorted_pbmc "sorted T cells" simulated]
    python benchmarks/ablations.py --part genes  [--sets sorted_pbmc pbmc3k worm_l2]

Prints markdown. `design` changes the transformer alone (`offset=None`), where nothing hides a
difference; `hybrid` the one that corrects a simple model; `genes` the number of tokens. Everything is
fitted inside the training cells. Differences are paired over folds (and seeds, which are averaged in
each fold first); their 95 % interval has the variance of Nadeau and Bengio (2003) for overlapping
training cells. `simulated` is 1,000 cells of `sl.datasets.simulate_interactions`, where only
co-ordination of genes tells types apart; labels of pbmc3k were clustered from the same matrix. With
`--save` finished folds are kept, and the same call goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse, stats

from scrna_longformer import datasets, settings
from scrna_longformer.evaluation import FoldResult, FoldStore, cross_validate, make_splits
from scrna_longformer.train import LongformerClassifier

SHOWN = ("macro_f1", "log_loss")
T_CELLS = "sorted T cells"  # the types of sorted_pbmc that are hardest to tell apart
SUBTYPES = ("cytotoxict", "memoryt", "naivecytotoxic", "naivet", "regulatoryt", "thelper")


def model(**changes: Any) -> LongformerClassifier:
    """The transformer alone, or with what `changes` say."""
    return LongformerClassifier(**{"offset": None, "accelerator": "cpu", **changes})


def architecture(**fields: Any) -> LongformerClassifier:
    """The transformer alone with other fields of its config."""
    return model(model_options=fields)


def training(**fields: Any) -> LongformerClassifier:
    """The transformer alone, trained in another way."""
    return model(train_options=fields)


class Forced(LongformerClassifier):
    """The transformer as a correction of the simple model, with a gate that nobody asked for."""

    GATE: float

    def _fit(self, X: Any, codes: np.ndarray, given: Any = None) -> None:
        super()._fit(X, codes, given)
        assert self.fitted_.mixture is not None
        mixture = replace(self.fitted_.mixture, gate=self.GATE)
        self.gate_, self.fitted_ = self.GATE, replace(self.fitted_, mixture=mixture)


class GateOpen(Forced):
    """All of the correction, whatever held-out cells say of it."""

    GATE = 1.0


class GateShut(Forced):
    """The simple model."""

    GATE = 0.0


def hybrid(**changes: Any) -> LongformerClassifier:
    """The transformer as a correction of the simple model."""
    return model(**{"offset": "simple", **changes})


DESIGN = {
    "as it is": model(),
    "additive tokens": architecture(token="additive"),
    "mean pool": architecture(pooling="mean"),
    "mask permuted": architecture(attention="random"),
    "each gene alone (self)": architecture(attention="self"),
    "all genes (full)": architecture(attention="full"),
    "no attention": architecture(attention="none"),
    "neighbours by plain cosine": model(center=False),
    "20 neighbours": model(n_neighbors=20),
    "attention starts even (gain 1)": architecture(attention_gain=1.0),
    "log values, not residuals": model(input_transform="log"),
    "random start": model(warm_start=False),
    "no products of linked genes": model(products=False),
    "products of linked genes, always": model(products=True),
    "no gene dropout": architecture(gene_dropout=0.0),
    "no moving average": training(ema_decay=0.0),
    "weight decay 0.05": training(weight_decay=0.05),
    "800 updates": training(max_steps=800),
    "batches of 128, patience 12": training(batch_size=128, patience=12),
    "2 blocks": architecture(n_layers=2),
    "width 32": architecture(d_model=32),
    "dropout 0.1 in blocks": architecture(dropout=0.1),
    "preset tiny": model(preset="tiny"),
    "preset base": model(preset="base"),
    "preset large": model(preset="large"),
    "preset base in bfloat16": model(preset="base", train_options={"precision": "bf16-mixed"}),
}
HYBRID = {
    "as it is": hybrid(),
    "transformer alone": model(),
    "gate open": GateOpen(accelerator="cpu"),
    "gate shut": GateShut(accelerator="cpu"),
    "no linear genes": hybrid(model_options={"n_linear": 0}),
    "alone, no linear genes": architecture(n_linear=0),
    "mask permuted": hybrid(model_options={"attention": "random"}),
    "no attention": hybrid(model_options={"attention": "none"}),
    "log values, not residuals": hybrid(input_transform="log"),
    "start at logistic regression": hybrid(warm_start=True),
}
GENES = {
    **{f"{n:,} genes": model(n_tokens=n) for n in (128, 256, 512, 1024, 2000, 4000)},
    "all genes, expressed": model(n_tokens="all", model_options={"tokens": "expressed"}),
}
PARTS: dict[str, tuple[dict[str, LongformerClassifier], list[str]]] = {
    "design": (DESIGN, ["sorted_pbmc", "simulated"]),
    "hybrid": (HYBRID, ["sorted_pbmc", T_CELLS, "simulated"]),
    "genes": (GENES, ["sorted_pbmc", "pbmc3k", "worm_l2"]),
}


def load(name: str, most_cells: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Log-normalised values of the genes in at least 3 cells, and the codes of the labels."""
    import scanpy as sc

    if name == "simulated":
        adata = datasets.simulate_interactions(1000, kind="interaction")
    else:
        adata = datasets.load("sorted_pbmc" if name == T_CELLS else name)
    key = str(adata.uns["dataset"]["label_columns"][0])
    if name == T_CELLS:
        adata = adata[adata.obs[key].isin(SUBTYPES).to_numpy()].copy()
    sizes = adata.obs[key].value_counts()
    adata = adata[adata.obs[key].isin(sizes[sizes >= 10].index).to_numpy()].copy()
    if adata.n_obs > most_cells:
        keep = np.random.default_rng(0).choice(adata.n_obs, most_cells, replace=False)
        adata = adata[np.sort(keep)].copy()
    if str(adata.uns["dataset"]["values"]) == "counts":
        sc.pp.filter_genes(adata, min_cells=3)
        sc.pp.normalize_total(adata, target_sum=1e4)
        sc.pp.log1p(adata)
    codes = np.unique(adata.obs[key].astype(str), return_inverse=True)[1]
    return sparse.csr_matrix(adata.X, dtype=np.float32), codes


def scores(results: list[FoldResult], name: str, metric: str) -> np.ndarray:
    """One number per fold, the mean over seeds."""
    folds: dict[tuple[int, int], list[float]] = {}
    for result in results:
        if result.model == name:
            folds.setdefault((result.repeat, result.fold), []).append(result.metrics[metric])
    return np.array([np.mean(folds[fold]) for fold in sorted(folds)])


def paired(change: np.ndarray, share: float) -> str:
    """Mean of paired differences, and its corrected 95 % interval."""
    n = len(change)
    error = np.sqrt((1 / n + share) * change.var(ddof=1))
    half = stats.t.ppf(0.975, n - 1) * error
    return f"{change.mean():+.3f} ({change.mean() - half:+.3f}, {change.mean() + half:+.3f})"


def table(results: list[FoldResult], variants: Mapping[str, Any]) -> str:
    """Means over folds, and paired differences to the first variant."""
    first = next(iter(variants))
    share = float(np.mean([len(r.test) / r.n_train for r in results]))
    has_gates = any(not np.isnan(r.gate) for r in results)
    header = ["", "macro-F1", "difference", "log-loss", "difference"]
    header += ["gate (share at 0)"] * has_gates + ["fit, s"]
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    for name in variants:
        cells = []
        for metric in SHOWN:
            own = scores(results, name, metric)
            change = own - scores(results, first, metric)
            cells += [f"{own.mean():.3f}", "" if name == first else paired(change, share)]
        own_fits = [r for r in results if r.model == name]
        gates = np.array([r.gate for r in own_fits])
        if has_gates:
            is_hybrid = not np.isnan(gates).any()
            cells.append(f"{gates.mean():.2f} ({(gates == 0).mean():.0%})" if is_hybrid else "")
        seconds = np.mean([r.fit_seconds for r in own_fits])
        lines.append(f"| {name} | {' | '.join([*cells, f'{seconds:.0f}'])} |")
    return "\n".join(lines)


def main() -> None:
    """Fit what was asked for, and print a table per set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=PARTS, default="design")
    parser.add_argument("--sets", nargs="+")
    parser.add_argument("--variants", nargs="+", help="first words of those to fit; default: all")
    parser.add_argument("--folds", type=int, default=5, help="how many of the five to run")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--cells", type=int, default=4000, help="most cells of a set, drawn at random"
    )
    parser.add_argument("--save", type=Path, help="folder of finished folds")
    options = parser.parse_args()
    settings.verbosity = "error"
    variants, sets = PARTS[options.part]
    if options.variants:
        first = next(iter(variants))
        wanted = (first, *options.variants)
        variants = {n: v for n, v in variants.items() if n.startswith(wanted)}
    for name in options.sets or sets:
        X, codes = load(name, options.cells)
        possible = {
            variant: v
            for variant, v in variants.items()
            if isinstance(v.n_tokens, str) or v.n_tokens <= X.shape[1]
        }
        splits = make_splits(codes, n_splits=5)[: options.folds]
        done: list[FoldResult] = []
        store = None
        if options.save is not None:
            store = FoldStore(options.save, possible, X, codes, splits, n_seeds=options.seeds)
            done = store.load()
        with warnings.catch_warnings(), contextlib.suppress(KeyboardInterrupt):
            warnings.simplefilter("ignore", UserWarning)  # what does not learn shows in its scores
            done = cross_validate(
                possible,
                X,
                codes,
                splits,
                n_seeds=options.seeds,
                on_result=None if store is None else store.save,
                done=done,
            )
        print(
            f"\n### {options.part}: {name}\n\n{len(codes):,} cells, {X.shape[1]:,} genes, "
            f"{codes.max() + 1} classes; {len(splits)} of 5 folds, {options.seeds} seed(s).\n"
        )
        print(table(done, possible), flush=True)


if __name__ == "__main__":
    main()
