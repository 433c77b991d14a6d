"""Cluster cells in many usual ways and see which comes closest to given labels."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import igraph as ig
import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

from ..._random import generator
from ...features._ranking import Matrix
from ._linear import components

REPRODUCED = 0.9
_PROMISING = 0.5
_SEEDS = 2
_FEWEST_GENES = 50
_LARGEST = 20.0  # log values beyond are none
_MOST_CELLS = 3000
_NEIGHBORS = 15
_RESOLUTIONS = (0.05, 0.2, 0.4, 0.7, 1.0, 1.5, 2.2)
_REFINED = (0.76, 0.83, 0.91, 0.95, 1.0, 1.05, 1.1, 1.2, 1.32)


@dataclass(frozen=True)
class Closest:
    """The clustering that came closest to the labels."""

    ari: float
    setting: str


def closest_clustering(
    X: Matrix,
    codes: np.ndarray,
    *,
    graph: sparse.csr_array | None = None,
    random_state: int = 0,
) -> Closest:
    """Sweep k-means, louvain and leiden settings for the clustering most like the labels.

    Parameters
    ----------
    X
        Cells x genes log values.
    codes
        Class of each cell, none negative.
    graph
        Weighted neighbour graph of these cells that exists already, tried besides our own.
    random_state
        Seed.

    Returns
    -------
    Closest
        Adjusted Rand index and the setting in words. The sweep stops at an index of 0.9.

    Notes
    -----
    Louvain is igraph's ``community_multilevel``. More than 3,000 cells are sampled down.
    """
    rng = generator(random_state, 4)
    rows = np.sort(rng.permutation(len(codes))[:_MOST_CELLS])
    codes, cells = codes[rows], X[rows]
    graphs = {} if graph is None else {"the stored graph": graph[rows][:, rows]}
    spaces = {"all genes": components(cells, random_state=random_state)}
    chosen = dispersed_genes(cells)
    if _FEWEST_GENES <= len(chosen) < cells.shape[1]:
        spaces["variable genes"] = components(cells[:, chosen], random_state=random_state)
    best = Closest(-1.0, "none")
    for setting, labels in _clusterings(spaces, codes, graphs):
        ari = float(adjusted_rand_score(codes, labels))
        if ari > best.ari:
            best = Closest(ari, setting)
        if best.ari >= REPRODUCED:
            break
    return best


def dispersed_genes(X: Matrix, n_genes: int = 2000) -> np.ndarray:
    """Genes whose linear values vary more than those of genes with a like mean, ascending.

    The choice that most users make before clustering: the ratio of variance to mean, standardised
    within twenty bins of the mean.
    """
    linear = sparse.csr_array(X, dtype=np.float64, copy=True)
    linear.data = np.expm1(np.minimum(linear.data, _LARGEST))
    mean: np.ndarray = np.asarray(linear.mean(axis=0)).ravel()
    linear.data **= 2
    variance = np.asarray(linear.mean(axis=0)).ravel() - mean**2
    seen = np.flatnonzero((mean > 0) & (variance > 0))
    dispersion = np.log(variance[seen] / mean[seen])
    place = np.argsort(np.argsort(mean[seen])) * 20 // max(len(seen), 1)
    standard = np.zeros(len(seen))
    for level in np.unique(place):
        values = dispersion[place == level]
        standard[place == level] = (values - values.mean()) / max(values.std(), 1e-12)
    return np.sort(seen[np.argsort(-standard, kind="stable")[:n_genes]])


def _clusterings(
    spaces: dict[str, np.ndarray], codes: np.ndarray, graphs: dict[str, sparse.csr_array]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield settings and their clusters, the most telling first."""
    n_classes = len(np.unique(codes))
    for seed in range(2):  # solutions differ where clusters are not clear
        for space, Z in spaces.items():
            for n_components in (30, 10, 20, 40)[: 4 - 2 * seed]:
                labels = _k_means(Z[:, :n_components], n_classes, seed)
                yield f"k-means, {n_classes} clusters, {n_components} components of {space}", labels
    for space, Z in spaces.items():
        for n_components in (30, 10):
            graphs[f"{n_components} components of {space}"] = neighbour_graph(Z[:, :n_components])
    for name, connectivities in graphs.items():
        network = _network(connectivities)
        scores = []
        for method in ("leiden", "louvain"):
            for resolution in _RESOLUTIONS:
                labels = communities(network, method, resolution)
                scores.append((adjusted_rand_score(codes, labels), method, resolution))
                yield f"{method}, resolution {resolution:g}, {name}", labels
        for ari, method, resolution in sorted(scores, reverse=True)[:2]:
            for seed in range(_SEEDS) if ari > _PROMISING else ():
                for factor in _REFINED:
                    labels = communities(network, method, resolution * factor, seed)
                    yield f"{method}, resolution {resolution * factor:.3g}, {name}", labels


def _k_means(Z: np.ndarray, n_clusters: int, seed: int) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of fewer distinct cells than clusters
        return np.asarray(KMeans(n_clusters, n_init=5, random_state=seed).fit_predict(Z))


def neighbour_graph(Z: np.ndarray, n_neighbors: int = _NEIGHBORS) -> sparse.csr_array:
    """Neighbour graph weighted by the share of common neighbours."""
    k = min(n_neighbors, len(Z) - 1)
    directed = sparse.csr_array(NearestNeighbors(n_neighbors=k).fit(Z).kneighbors_graph())
    own = directed + sparse.eye_array(len(Z), format="csr")
    shared = own @ own.T
    either = (directed + directed.T).astype(bool)
    return sparse.csr_array(shared.multiply(either) / (k + 1))


def communities(network: ig.Graph, method: str, resolution: float, seed: int = 0) -> np.ndarray:
    """Clusters of a network by leiden or louvain (modularity)."""
    with _igraph_seed(seed):
        if method == "leiden":
            found = network.community_leiden(
                objective_function="modularity",
                weights="weight",
                resolution=resolution,
                n_iterations=2,
            )
        else:
            found = network.community_multilevel(weights="weight", resolution=resolution)
    return np.asarray(found.membership)


def _network(graph: sparse.csr_array) -> ig.Graph:
    upper = sparse.triu(graph, k=1).tocoo()
    edges = np.column_stack([upper.row, upper.col])
    network = ig.Graph(n=graph.shape[0], edges=edges)
    network.es["weight"] = np.asarray(upper.data, dtype=float)
    return network


@contextmanager
def _igraph_seed(seed: int) -> Iterator[None]:
    """Seed igraph for one call; afterwards it draws from Python's generator again, as by default."""
    ig.set_random_number_generator(random.Random(seed))
    try:
        yield
    finally:
        ig.set_random_number_generator(random)
