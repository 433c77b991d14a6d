"""Which score tells cells of a left-out type best: AUROC over every type of two sets of blood cells.

    python benchmarks/novelty_scores.py

One type is left out of everything; tokens (512 markers), scaling, principal components and logistic
regression are learned on 60 % of the other cells, and each score is asked to tell the left-out type from
the held-out cells of known types. The scores of several parts are joined after turning each into a
p-value on a half of the held-out cells (Fisher's method).
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from conformal import load
from scipy.special import logsumexp
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

import scrna_longformer as sl
from scrna_longformer.evaluation import Conformal, Novelty, holdout
from scrna_longformer.features import GeneScaler, rank_markers

SETS = ("sorted_pbmc", "pbmc3k")
FEWEST = 20


def neighbours(train: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Mean distance to the ten nearest training cells."""
    return NearestNeighbors(n_neighbors=10).fit(train).kneighbors(cells)[0].mean(axis=1)


def scores(X: object, codes: np.ndarray, train: np.ndarray, judged: np.ndarray) -> dict:
    """Score the judged cells in every way; more is stranger."""
    known = np.unique(codes[train], return_inverse=True)[1]
    scaler = GeneScaler(np.sort(rank_markers(X[train], known)[:512])).fit(X[train])
    z, q = scaler.transform(X[train]), scaler.transform(X[judged])
    model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000).fit(z, known)
    logits, judged_logits = model.decision_function(z), model.decision_function(q)
    proba = model.predict_proba(q)
    pca = PCA(20, random_state=0).fit(z)
    pcs, judged_pcs = pca.transform(z), pca.transform(q)
    return {
        "Mahalanobis, log-ratios": Novelty.fit(logits, known).score(judged_logits),
        "Mahalanobis, 20 components": Novelty.fit(pcs, known).score(judged_pcs),
        "10 neighbours, log-ratios": neighbours(logits, judged_logits),
        "10 neighbours, 20 components": neighbours(pcs, judged_pcs),
        "energy": -logsumexp(judged_logits, axis=1),
        "entropy": -(proba * np.log(proba + 1e-12)).sum(axis=1),
        "1 - largest probability": 1 - proba.max(axis=1),
    }


JOINED = ("Mahalanobis, log-ratios", "Mahalanobis, 20 components", "energy")


def main() -> None:
    sl.settings.verbosity = "warning"
    warnings.filterwarnings("ignore", category=UserWarning)
    rows = []
    for name in SETS:
        cells = load(name)
        for code in np.flatnonzero(np.bincount(cells.codes) >= FEWEST):
            known, new = np.flatnonzero(cells.codes != code), np.flatnonzero(cells.codes == code)
            train, aside = (known[i] for i in holdout(cells.codes[known], 0.4, random_state=code))
            n_reference = len(aside) // 2
            aside = np.random.default_rng(0).permutation(aside)
            found = scores(cells.X, cells.codes, train, np.concatenate([aside, new]))
            none = np.zeros(n_reference)
            p_values = [
                Conformal(none, none, found[part][:n_reference]).novelty_p_values(found[part])
                for part in JOINED
            ]
            found["joined"] = -np.log(p_values).sum(axis=0)
            is_new = np.repeat([0, 1], [len(aside) - n_reference, len(new)])
            rows += [
                (name, score, roc_auc_score(is_new, values[n_reference:]))
                for score, values in found.items()
            ]
    frame = pd.DataFrame(rows, columns=["set", "score", "AUROC"])
    groups = frame.groupby(["score", "set"], sort=False)["AUROC"]
    table = groups.agg(["mean", "min"]).unstack("set")
    print("| score | " + " | ".join(f"{name}: {how}" for how, name in table) + " |")
    print("| --- |" + " --- |" * table.shape[1])
    for score, row in table.iterrows():
        print(f"| {score} | " + " | ".join(f"{value:.3f}" for value in row) + " |")


if __name__ == "__main__":
    main()
