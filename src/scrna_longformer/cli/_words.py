"""Sentences that are made from numbers: the same run with other scores says something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SKILL = 0.03  # least lead over the largest class that counts as having learned
LARGEST_HUB = 0.25  # of all genes
METRIC_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
}

# What labels of each origin can show, by the kind that the data set's record gives them.
LABEL_WORTH = {
    "sorted": (
        "The labels come from a cell sorter, not from this matrix, so a good score says something "
        "about cells. Each sort is its own library, though: part of a score may be the library."
    ),
    "genotype": (
        "The labels come from the cells' genotypes, independent of expression: as good as labels get."
    ),
    "proteins": (
        "The labels come from proteins measured on the same cells, independent of the RNA counts "
        "but noisy."
    ),
    "design": "The labels come from the design of the experiment, independent of expression.",
    "planted": "The data are simulated and the labels were planted: the truth is known.",
    "assigned": (
        "The labels were assigned by a rule on the expression of these cells. A high score means "
        "that a model repeats the rule; it does not show that the rule is right about the cells."
    ),
    "clustered": (
        "The labels were made by clustering this very matrix. Every score on them is circular: it "
        "measures how well a model repeats the clustering, and says nothing about cell types."
    ),
    "estimated": "The labels were estimated from expression, so scores on them are partly circular.",
}
UNKNOWN_WORTH = (
    "Nothing says where the labels come from. If they were clustered from this matrix, every score "
    "on them is circular."
)


def name_of(model: str) -> str:
    """Turn the name of a contestant into words."""
    words = {"knn_pca": "kNN on principal components", "mlp": "a small perceptron"}
    words |= {"hist_gradient_boosting": "gradient boosting", "depth_only": "depth alone"}
    words |= {"majority": "the largest class", "longformer": "the transformer with a simple model"}
    words |= {"longformer_pure": "the transformer alone"}
    return words.get(model, model.replace("_", " "))


def skill_sentence(folds: pd.DataFrame, metric: str, model: str) -> str:
    """Say where no skill gets, and whether a transformer is above it."""
    score = METRIC_NAMES.get(metric, metric)
    learned = "not above that on every fold: it learned little or nothing"
    if (folds[model] - folds["majority"]).min() > SKILL:
        learned = "above that on every fold"
    text = (
        f"Always predicting the largest class gets {folds['majority'].mean():.3f} {score}; "
        f"{name_of(model)}, with {folds[model].mean():.3f}, is {learned}."
    )
    if "depth_only" in folds:
        text += (
            f" Sequencing depth alone, without looking at any gene, gets "
            f"{folds['depth_only'].mean():.3f}: that much of a score need not be biology."
        )
    return text


def label_sentence(dataset: Any, key: str) -> str:
    """Say what the labels are worth, by where they come from."""
    if not hasattr(dataset, "get"):
        return UNKNOWN_WORTH
    columns = [str(column) for column in dataset.get("label_columns", [])]
    if key not in columns:
        return UNKNOWN_WORTH
    at = columns.index(key)
    kind, origin = str(dataset["label_kinds"][at]), str(dataset["label_origins"][at])
    return f"Origin of the labels: {origin}. {LABEL_WORTH.get(kind, UNKNOWN_WORTH)}"


def start_sentence(training: Any) -> str:
    """Say what the transformer had before it learned anything, or nothing if it had nothing."""
    if float(training["initial_loss"]) >= 0.9 * float(training["prior_loss"]):
        return ""
    return (
        "The transformer starts from logistic regression on its own genes, so being level with a "
        "linear model is where it begins, not something that attention achieved."
    )


def fit_sentence(training: Any, history: pd.DataFrame) -> str:
    """Say how the training went."""
    prior, start = float(training["prior_loss"]), float(training["initial_loss"])
    losses = history["stopping_loss"]
    best, last = min(start, float(losses.min())), float(losses.iloc[-1])
    text = f"Class shares alone cost {prior:.2f} on the cells set aside to choose the weights."
    if start < 0.9 * prior:
        text += f" The linear model that the transformer starts from costs {start:.2f}."
    if int(training["best_step"]) == 0:
        text += " No update improved on that, so the start itself was kept."
    elif best > 0.9 * prior:
        text += f" Training hardly helped: {best:.2f} at best."
    else:
        text += f" Training brought the cost to {best:.2f}."
    if last > 1.1 * best:
        text += f" Later it rose to {last:.2f}, which is over-fitting: those weights were not kept."
    return (
        f"{text} In all {int(training['n_steps']):,} updates of {int(training['n_parameters']):,} "
        f"parameters took {float(training['seconds']):.0f} s."
    )


def neighbour_sentence(scores: dict[str, float], n_cells: int, n_neighbors: int) -> str:
    """Compare two embeddings by the neighbours of cells that took no part in the fit."""
    ours, pca = scores["longformer"], scores["pca"]
    difference = ours - pca
    noise = (ours * (1 - ours) / n_cells + pca * (1 - pca) / n_cells) ** 0.5
    relation = "about as often as"
    if abs(difference) > 2 * noise:
        relation = "more often than" if difference > 0 else "less often than"
    return (
        f"Of the {n_cells} held-out cells, {ours:.0%} lie among training cells of their own class "
        f"in the transformer's embedding (majority of {n_neighbors} neighbours), {relation} among "
        f"the principal components ({pca:.0%}). The transformer saw the training labels and PCA "
        "saw none, so tidier islands are no evidence of better biology."
    )


def mask_sentence(degrees: pd.DataFrame, n_neighbors: int) -> str:
    """Describe the gene graph, and warn of hubs."""
    hub = degrees.iloc[0]
    share = hub["degree"] / max(len(degrees) - 1, 1)
    text = (
        f"Each of the {len(degrees):,} genes attends to the {n_neighbors} genes whose expression "
        "goes along with its own most closely, and to those that chose it: "
        f"{degrees['degree'].median():.0f} in the median. The most connected gene is {hub['gene']} "
        f"with {hub['degree']} neighbours ({share:.0%} of all genes)"
    )
    if share > LARGEST_HUB:
        text += ": so large a hub follows expression level rather than co-expression"
    return f"{text}."


def advice(here: str, n_cells: int, n_classes: int) -> list[str]:
    """Say when not to use a transformer, beginning with this run."""
    return [
        f"Here: {here[0].lower()}{here[1:]} Check it on your own data before you rely on it.",
        f"When labelled cells are few. This run had {n_cells:,} for {n_classes} classes; measure "
        "what more cells would buy before you plan for them.",
        "When the labels were clustered from the same matrix: a linear model repeats a clustering "
        "almost by construction.",
        "When classes differ in how much of single genes they express. A linear model reads that "
        "directly. Attention can only help where classes differ in how genes go together.",
        "When a score is all you need and a millisecond counts.",
    ]
