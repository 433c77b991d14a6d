"""The earlier prototype's claims, run again on real cells with its own labels and recipe.

    python benchmarks/prototype_claims.py            # the whole table, about five minutes on one core
    python benchmarks/prototype_claims.py --linear   # logistic regression alone

The prototype published, for 2,700 blood cells and nine Leiden clusters, logistic regression 0.319 /
0.290 (accuracy / macro-F1) and its transformer 0.372 / 0.060, and read that as "transformers overfit
and need a hundred times more cells". Neither its matrix nor the script that chose "the 500 most
variable genes" was kept. Its labels were, and its recipe is known; only the choice of genes is open,
so that is what is varied here. Needs SCRNA_LONGFORMER_DATA or a network.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass, field

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, adjusted_rand_score, f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import scrna_longformer as sl

N_GENES = 500
SEED = 42  # the prototype's
PUBLISHED = {"regression": (0.319, 0.290), "transformer": (0.372, 0.060)}
INFERENCE = (
    "That the genes were sorted the wrong way round is an inference: the file that held them is "
    "gone. It is the choice of genes, of those tried, that fits all four published numbers."
)


@dataclass
class Cells:
    """The prototype's cells: 2,000 variable genes, log values and scaled values, and its labels."""

    log: np.ndarray
    scaled: np.ndarray
    labels: np.ndarray
    agreement: float
    agreement_by_chance: float


def prototype_cells() -> Cells:
    """Read PBMC3k and repeat the prototype's preparation up to the scaled matrix."""
    import scanpy as sc

    adata = sl.datasets.pbmc3k(prototype_labels=True)
    sc.pp.filter_cells(adata, min_genes=200)
    sc.pp.filter_genes(adata, min_cells=3)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.highly_variable_genes(adata, n_top_genes=2000, flavor="cell_ranger")
    adata = adata[:, adata.var["highly_variable"]].copy()
    log = adata.X.toarray()
    adata.X = log.copy()
    sc.pp.scale(adata, max_value=10)
    labels = adata.obs["prototype_leiden"].astype(int).to_numpy()
    named = adata.obs["cell_type"].notna().to_numpy()
    types = adata.obs["cell_type"].astype(str).to_numpy()[named]
    shuffled = np.random.default_rng(0).permutation(labels[named])
    return Cells(
        log=log,
        scaled=np.asarray(adata.X, dtype=np.float32),
        labels=labels,
        agreement=adjusted_rand_score(types, labels[named]),
        agreement_by_chance=adjusted_rand_score(types, shuffled),
    )


def gene_choices(cells: Cells) -> dict[str, np.ndarray]:
    """Columns of the 500 genes, by how they were chosen."""
    by_scaled = np.argsort(cells.scaled.var(axis=0), kind="stable")
    by_log = np.argsort(cells.log.var(axis=0), kind="stable")
    return {
        "lowest variance after scaling and clipping": by_scaled[:N_GENES],
        "500 of the 2,000 at random": np.random.default_rng(0).choice(2000, N_GENES, replace=False),
        "highest variance after scaling and clipping": by_scaled[-N_GENES:],
        "highest variance of the log values": by_log[-N_GENES:],
    }


def folds(labels: np.ndarray, n_folds: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The prototype's folds."""
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=SEED)
    return list(splitter.split(labels, labels))


def linear(values: np.ndarray, labels: np.ndarray, n_folds: int = 5) -> np.ndarray:
    """Accuracy and macro-F1 of the prototype's logistic regression, folds x 2."""
    scores = []
    for train, test in folds(labels, n_folds):
        regression = LogisticRegression(max_iter=1000, class_weight="balanced")
        model = make_pipeline(StandardScaler(), regression).fit(values[train], labels[train])
        scores.append(quality(labels[test], model.predict(values[test])))
    return np.array(scores)


def quality(truth: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    return accuracy_score(truth, predicted), f1_score(truth, predicted, average="macro")


@dataclass
class Recipe:
    """How a transformer is trained; as it stands, the prototype's way."""

    name: str
    good_genes: bool = True
    epochs: int = 2
    peak: float = 1e-3
    warmup_and_cosine: bool = False
    balanced: bool = False
    fields: dict = field(default_factory=dict)
    n_folds: int = 3


MULTIPLICATIVE = {"token": "multiplicative", "init_scale": 0.3}
SUM = {"pooling": "sum", "pool_norm": False}
RECIPES = (
    Recipe("as published", good_genes=False),
    Recipe("more updates, on the published genes", good_genes=False, epochs=12, n_folds=1),
    Recipe("the right genes"),
    Recipe("right genes, balanced loss", balanced=True),
    Recipe("right genes, sum pooling without norm", fields=SUM),
    Recipe("right genes, no attention", fields={"attention": "none"}),
    Recipe("right genes, multiplicative tokens", fields=MULTIPLICATIVE),
    Recipe("right genes, 1e-2 with warm-up and cosine", peak=1e-2, warmup_and_cosine=True),
    Recipe("right genes, 12 epochs", epochs=12, n_folds=1),
    Recipe(
        "right genes, 12 epochs at 1e-2 with warm-up and cosine",
        epochs=12,
        peak=1e-2,
        warmup_and_cosine=True,
        n_folds=1,
    ),
    Recipe(
        "all of these in 2 epochs",
        peak=1e-2,
        warmup_and_cosine=True,
        balanced=True,
        fields=MULTIPLICATIVE | SUM,
    ),
    Recipe(
        "all of these in 12 epochs",
        epochs=12,
        peak=1e-2,
        warmup_and_cosine=True,
        balanced=True,
        fields=MULTIPLICATIVE | SUM,
        n_folds=1,
    ),
)


def transformer(values: np.ndarray, labels: np.ndarray, recipe: Recipe) -> dict[str, float]:
    """Scores of a transformer trained by a recipe, averaged over folds."""
    from scrna_longformer.graph import GeneGraph, gene_knn

    # eight neighbours of which the gene itself was one; on all cells, as the prototype did
    graph = GeneGraph.from_scipy(gene_knn(values, 7, metric="cosine", center=False)[0])
    rows = []
    for train, test in folds(labels, 3)[: recipe.n_folds]:
        model, updates, loss = train_once(values[train], labels[train], graph, recipe)
        predicted = predict(model, values[test])
        accuracy, f1 = quality(labels[test], predicted)
        rows.append((updates, loss, accuracy, f1, len(np.unique(predicted))))
    names = ("updates", "train_loss", "accuracy", "macro_f1", "n_predicted")
    return dict(zip(names, np.mean(rows, axis=0), strict=True))


def train_once(values, labels, graph, recipe):
    """Train the preset 'prototype' with plain AdamW: the model, its updates, its last epoch's loss."""
    import torch

    from scrna_longformer.nn import GeneLongformer, LongformerConfig

    torch.manual_seed(SEED)
    n_classes = int(labels.max()) + 1
    config = LongformerConfig.from_preset(
        "prototype", n_genes=values.shape[1], n_classes=n_classes, **recipe.fields
    )
    model = GeneLongformer(config, graph).train()
    sizes = np.bincount(labels, minlength=n_classes)
    weight = torch.tensor(len(labels) / (n_classes * sizes)).float() if recipe.balanced else None
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.peak, weight_decay=0.01)
    data = torch.utils.data.TensorDataset(torch.from_numpy(values), torch.from_numpy(labels))
    batches = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
    total = recipe.epochs * len(batches)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    if recipe.warmup_and_cosine:
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.peak, total, pct_start=0.1)
    for _ in range(recipe.epochs):
        losses = []
        for x, y in batches:
            loss = torch.nn.functional.cross_entropy(model(x).logits, y, weight=weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach().item())
    return model.eval(), total, float(np.mean(losses))


def predict(model, values):
    import torch

    with torch.inference_mode():
        batches = torch.from_numpy(values).split(64)
        return np.concatenate([model(x).logits.argmax(dim=1).numpy() for x in batches])


HEADS = ("model: what is done", "updates", "accuracy", "macro-F1", "clusters", "loss")
LINEAR, TRANSFORMER = PUBLISHED


def print_row(*cells: object) -> None:
    """One line of the table; what is not given is left empty."""
    texts = [str(cell) for cell in cells] + [""] * (len(HEADS) - len(cells))
    print("| " + " | ".join(texts) + " |", flush=True)


def print_published(model: str, updates: str) -> None:
    accuracy, f1 = PUBLISHED[model]
    print_row(f"**{model}: published**", updates, *bold(accuracy, f1))


def bold(*scores: float) -> list[str]:
    return [f"**{score:.3f}**" for score in scores]


def print_linear(cells: Cells, choices: dict[str, np.ndarray]) -> None:
    print_published(LINEAR, "")
    for name, genes in choices.items():
        print_scores(name, linear(cells.scaled[:, genes], cells.labels))
    best = cells.scaled[:, list(choices.values())[-1]]
    shuffled = np.random.default_rng(0).permutation(len(best))
    print_scores("the last, with cells shuffled", linear(best[shuffled], cells.labels, 3))


def print_scores(name: str, scores: np.ndarray) -> None:
    pairs = zip(scores.mean(axis=0), scores.std(axis=0, ddof=1), strict=True)
    print_row(f"{LINEAR}: {name}", "", *(f"{mean:.3f}±{sd:.3f}" for mean, sd in pairs))


def print_constant(cells: Cells) -> None:
    majority = np.full(len(cells.labels), np.bincount(cells.labels).argmax())
    scores = quality(cells.labels, majority)
    print_row("always the largest cluster", "", *(f"{s:.3f}" for s in scores), "1 of 9")


def print_transformers(cells: Cells, choices: dict[str, np.ndarray]) -> None:
    bad, good = (cells.scaled[:, list(choices.values())[i]] for i in (0, -1))
    print_published(TRANSFORMER, "**114**")
    for recipe in RECIPES:
        got = transformer(good if recipe.good_genes else bad, cells.labels, recipe)
        print_row(
            f"{TRANSFORMER}: {recipe.name}",
            f"{got['updates']:.0f}",
            f"{got['accuracy']:.3f}",
            f"{got['macro_f1']:.3f}",
            f"{got['n_predicted']:.0f} of 9",
            f"{got['train_loss']:.2f}",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--linear", action="store_true", help="logistic regression alone")
    options = parser.parse_args()
    sl.settings.verbosity = "warning"
    cells = prototype_cells()
    print(
        f"{len(cells.labels):,} cells; the prototype's labels agree with the public annotation of the "
        f"same barcodes with an adjusted Rand index of {cells.agreement:.2f} "
        f"(rows shuffled: {cells.agreement_by_chance:.2f}).\n"
    )
    choices = gene_choices(cells)
    print_row(*HEADS)
    print_row(*["---"] * len(HEADS))
    print_linear(cells, choices)
    print_constant(cells)
    if not options.linear:
        print_transformers(cells, choices)
    print(f"\n{INFERENCE}")


if __name__ == "__main__":
    main()
