"""Is the embedding worth plotting: the transformer's beside principal components and scVI.

    python benchmarks/embeddings.py [--sets sorted_pbmc worm_l2] [--folds 2] [--seeds 3] [--scvi]

Prints markdown. Every embedding is learned on the training cells of a fold and judged on the others:
accuracy of 15 nearest training neighbours, silhouette of the labels, and NMI and ARI of Leiden clusters
(of ten resolutions, the one closest to the number of classes). The transformer's embedding has seen the
labels of the training cells; principal components and scVI have not, so beside them stand those
components on which classes differ most (linear discriminants, supervised). Folds are the same for all
seeds; a seed draws what an embedding itself draws. scVI needs the extra `baselines`.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import igraph
import leidenalg
import numpy as np
from ablations import load
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import (
    adjusted_rand_score,
    normalized_mutual_info_score,
    silhouette_score,
)
from sklearn.neighbors import KNeighborsClassifier, kneighbors_graph

from scrna_longformer import settings
from scrna_longformer.evaluation import make_splits
from scrna_longformer.features import GeneScaler, rank_variance, recover_counts
from scrna_longformer.train import LongformerClassifier

Embed = Callable[
    [sparse.csr_matrix, np.ndarray, sparse.csr_matrix, int], tuple[np.ndarray, np.ndarray]
]
RESOLUTIONS = np.geomspace(0.1, 4, 10)


def longformer(**options: object) -> Embed:
    """Pooled representation of the transformer."""

    def embed(X, codes, others, seed):  # type: ignore[no-untyped-def]
        model = LongformerClassifier(accelerator="cpu", random_state=seed, **options).fit(X, codes)
        return model.embed(X), model.embed(others)

    return embed


def components(X, codes, others, seed):  # type: ignore[no-untyped-def]
    """Fifty principal components of the 2,000 most variable genes."""
    scaler = GeneScaler(np.sort(rank_variance(X)[:2000])).fit(X)
    pca = PCA(50, random_state=seed).fit(scaler.transform(X))
    return pca.transform(scaler.transform(X)), pca.transform(scaler.transform(others))


def discriminants(X, codes, others, seed):  # type: ignore[no-untyped-def]
    """Linear discriminants of those components, with shrinkage."""
    own, new = components(X, codes, others, seed)
    model = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(own, codes)
    return model.transform(own), model.transform(new)


def scvi(X, codes, others, seed):  # type: ignore[no-untyped-def]
    """Ten latent dimensions of scVI with its defaults, on the 2,000 most variable genes."""
    import anndata as ad
    import scvi
    from scvi.model import SCVI

    scvi.settings.seed = seed
    genes = np.sort(rank_variance(X)[:2000])
    cells, new = (ad.AnnData(sparse.csr_matrix(recover_counts(V)[:, genes])) for V in (X, others))
    SCVI.setup_anndata(cells)
    model = SCVI(cells)
    model.train(accelerator="cpu", enable_progress_bar=False)
    return model.get_latent_representation(cells), model.get_latent_representation(new)


EMBEDDINGS: dict[str, Embed] = {
    "longformer (supervised)": longformer(),
    "longformer alone (supervised)": longformer(offset=None),
    "linear discriminants (supervised)": discriminants,
    "50 principal components": components,
}


def leiden(Z: np.ndarray, n_classes: int) -> np.ndarray:
    """Clusters of a 15-neighbour graph, as near to this number as a few resolutions come."""
    graph = kneighbors_graph(Z, 15)
    sources, targets = graph.maximum(graph.T).nonzero()
    once = sources < targets
    network = igraph.Graph(n=len(Z), edges=list(zip(sources[once], targets[once], strict=True)))
    found = [
        np.array(
            leidenalg.find_partition(
                network,
                leidenalg.RBConfigurationVertexPartition,
                resolution_parameter=resolution,
                seed=0,
            ).membership
        )
        for resolution in RESOLUTIONS
    ]
    return min(found, key=lambda membership: abs(membership.max() + 1 - n_classes))


def judge(own: np.ndarray, codes: np.ndarray, new: np.ndarray, truth: np.ndarray) -> list[float]:
    """Accuracy of neighbours, silhouette, NMI and ARI of the cells that were left out."""
    clusters = leiden(new, truth.max() + 1)
    return [
        float(KNeighborsClassifier(15).fit(own, codes).score(new, truth)),
        float(silhouette_score(new, truth)),
        float(normalized_mutual_info_score(truth, clusters)),
        float(adjusted_rand_score(truth, clusters)),
    ]


def told(found: np.ndarray) -> str:
    """Mean, range over folds, and standard deviation over seeds of folds x seeds."""
    folds = found.mean(axis=1)
    text = f"{folds.mean():.3f} ({folds.min():.3f} to {folds.max():.3f})"
    if found.shape[1] > 1:
        text += f" ± {np.sqrt(found.var(axis=1, ddof=1).mean()):.3f}"
    return text


def main() -> None:
    """Print a table per set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=["sorted_pbmc", "worm_l2"])
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--cells", type=int, default=3000)
    parser.add_argument("--scvi", action="store_true")
    options = parser.parse_args()
    settings.verbosity = "error"
    warnings.simplefilter("ignore")
    embeddings = {**EMBEDDINGS, **({"scVI": scvi} if options.scvi else {})}
    for name in options.sets:
        X, codes = load(name, options.cells)
        splits = make_splits(codes, n_splits=5)[: options.folds]
        print(
            f"\n### {name}\n\n{len(codes):,} cells, {codes.max() + 1} classes; {options.folds} of 5 "
            f"folds, {options.seeds} seed(s).\n\n| embedding | 15 neighbours | silhouette | NMI | "
            "ARI |\n|---|---|---|---|---|"
        )
        for title, embed in embeddings.items():
            found = np.array(
                [
                    [
                        judge(own, codes[split.train], new, codes[split.test])
                        for own, new in (
                            embed(X[split.train], codes[split.train], X[split.test], seed)
                            for seed in range(options.seeds)
                        )
                    ]
                    for split in splits
                ]
            )
            print(f"| {title} | {' | '.join(told(found[..., i]) for i in range(4))} |", flush=True)


if __name__ == "__main__":
    main()
