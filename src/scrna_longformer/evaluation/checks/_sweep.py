"""Cluster cells in many usual ways and see which comes closest to given labels."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Mapping
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
_NEIGHBORS_STORED = (15, 30)  # of representations whose graph is gone
_EXACTLY = 0.99
_MOST, _HALF = 0.75, 0.5
_RESOLUTIONS = (0.05, 0.2, 0.4, 0.7, 1.0, 1.5, 2.2)
_FINEST = 40.0  # for many classes: beyond the last of these it is doubled up to here
_COARSE = (0.01, 0.02)  # large classes that lie far apart
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
    graphs: Mapping[str, sparse.csr_array] | None = None,
    embeddings: Mapping[str, np.ndarray] | None = None,
    random_state: int = 0,
) -> Closest:
    """Sweep k-means, louvain and leiden settings for the clustering most like the labels.

    Parameters
    ----------
    X
        Cells x genes log values.
    codes
        Class of each cell, none negative.
    graphs
        Weighted neighbour graphs of these cells that exist already, tried besides our own.
    embeddings
        Representations of these cells (cells x dimensions) that exist already, likewise.
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
    rows = _sampled(len(codes), random_state)
    codes = codes[rows]
    stored = {name: graph[rows][:, rows] for name, graph in (graphs or {}).items()}
    known = {name: Z[rows] for name, Z in (embeddings or {}).items()}
    best = Closest(-1.0, "none")
    for setting, labels in _clusterings(_spaces(X[rows], random_state), codes, stored, known):
        ari = float(adjusted_rand_score(codes, labels))
        if ari > best.ari:
            best = Closest(ari, setting)
        if best.ari >= REPRODUCED:
            break
    return best


def is_easy(X: Matrix, codes: np.ndarray, *, random_state: int = 0) -> bool:
    """Whether k-means and communities find exactly these classes whatever their settings.

    Three quarters of the k-means settings, on the components of all genes or of the variable ones, and
    half of our own neighbour graphs must come to the classes with an adjusted Rand index of 0.99.
    Nothing that is stored with the cells is used: a graph that labels were clustered on gives them
    back by itself. Communities alone would not do for the same reason, as clusters of a graph are
    found again in most graphs; k-means seldom finds them.

    Parameters
    ----------
    X
        Cells x genes log values.
    codes
        Class of each cell, none negative.
    random_state
        Seed.
    """
    rows = _sampled(len(codes), random_state)
    codes = codes[rows]
    n_classes = len(np.unique(codes))
    spaces = _spaces(X[rows], random_state)
    if not any(
        np.mean([_is(codes, _k_means(Z[:, :n], n_classes, 0)) for n in (30, 10, 20, 40)]) >= _MOST
        for Z in spaces.values()
    ):
        return False
    networks = [_network(neighbour_graph(Z[:, :n])) for Z in spaces.values() for n in (30, 10)]
    found = [
        any(
            _is(codes, communities(network, method, resolution))
            for method in ("leiden", "louvain")
            for resolution in (*_COARSE, *_RESOLUTIONS)
        )
        for network in networks
    ]
    return bool(np.mean(found) >= _HALF)


def _is(codes: np.ndarray, labels: np.ndarray) -> bool:
    return bool(adjusted_rand_score(codes, labels) >= _EXACTLY)


def _sampled(n_cells: int, random_state: int) -> np.ndarray:
    """Rows of the cells that are clustered."""
    return np.sort(generator(random_state, 4).permutation(n_cells)[:_MOST_CELLS])


def _spaces(cells: Matrix, random_state: int) -> dict[str, np.ndarray]:
    """Principal components of these cells, of all genes and of the variable ones."""
    spaces = {"all genes": components(cells, random_state=random_state)}
    chosen = dispersed_genes(cells)
    if _FEWEST_GENES <= len(chosen) < cells.shape[1]:
        spaces["variable genes"] = components(cells[:, chosen], random_state=random_state)
    return spaces


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
    spaces: dict[str, np.ndarray],
    codes: np.ndarray,
    graphs: dict[str, sparse.csr_array],
    embeddings: dict[str, np.ndarray],
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield settings and their clusters, the most telling first."""
    n_classes = len(np.unique(codes))
    for seed in range(2):  # solutions differ where clusters are not clear
        for space, Z in spaces.items():
            for n_components in (30, 10, 20, 40)[: 4 - 2 * seed]:
                labels = _k_means(Z[:, :n_components], n_classes, seed)
                yield f"k-means, {n_classes} clusters, {n_components} components of {space}", labels
        for name, Z in embeddings.items():
            yield f"k-means, {n_classes} clusters, {name}", _k_means(Z, n_classes, seed)
    for name, Z in embeddings.items():
        for n_neighbors in _NEIGHBORS_STORED:
            graphs[f"{n_neighbors} neighbours in {name}"] = neighbour_graph(Z, n_neighbors)
    for space, Z in spaces.items():
        for n_components in (30, 10):
            graphs[f"{n_components} components of {space}"] = neighbour_graph(Z[:, :n_components])
    networks = {name: _network(connectivities) for name, connectivities in graphs.items()}
    scores = []
    for name, network in networks.items():
        for method in ("leiden", "louvain"):
            for resolution, labels in _by_resolution(network, method, n_classes):
                scores.append((adjusted_rand_score(codes, labels), method, resolution, name))
                yield f"{method}, resolution {resolution:g}, {name}", labels
    for ari, method, resolution, name in sorted(scores, reverse=True)[: 2 * len(networks)]:
        for seed in range(_SEEDS) if ari > _PROMISING else ():
            for factor in _REFINED:
                labels = communities(networks[name], method, resolution * factor, seed)
                yield f"{method}, resolution {resolution * factor:.3g}, {name}", labels


def _by_resolution(
    network: ig.Graph, method: str, n_classes: int
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield resolutions and their communities, until these are as many as the classes."""
    resolution, n_found = 0.0, 0
    for resolution in _RESOLUTIONS:
        labels = communities(network, method, resolution)
        n_found = len(np.unique(labels))
        yield resolution, labels
    while n_found < n_classes and 2 * resolution <= _FINEST:
        resolution *= 2
        labels = communities(network, method, resolution)
        n_found = len(np.unique(labels))
        yield resolution, labels


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
