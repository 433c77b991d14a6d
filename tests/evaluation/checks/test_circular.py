from __future__ import annotations

import random

import igraph as ig
import numpy as np
import pytest
from sklearn.cluster import KMeans

from scrna_longformer.evaluation.checks import Provenance, circular, components
from scrna_longformer.evaluation.checks._circular import same_partition
from scrna_longformer.evaluation.checks._sweep import _network, communities, neighbour_graph


@pytest.fixture
def X(rng: np.random.Generator) -> np.ndarray:
    """Cells of overlapping types: no clustering finds the types."""
    types = np.arange(240) % 4
    rate = np.where(np.arange(60) % 15 == types[:, None], 2.2, 1.5)
    return np.log1p(rng.poisson(rate))


def answer(X, codes, **known) -> str:
    return str(circular(X, codes, Provenance(**known)).evidence["answer"])


def test_records_make_a_yes(X) -> None:
    codes = np.arange(240) % 4
    assert answer(X, codes, is_clustering="uns['leiden']") == "yes"
    assert answer(X, codes, kind="clustered") == "yes"
    renamed = np.array([7, 2, 5, 1])[codes]
    assert answer(X, codes, clusterings={"leiden": renamed}) == "yes"


def test_likeness_makes_a_suspicion_only(rng: np.random.Generator) -> None:
    rate = np.where(np.arange(60) % 12 == (np.arange(240) % 3)[:, None], 6.0, 1.5)
    X = np.log1p(rng.poisson(rate))
    codes = KMeans(3, n_init=2, random_state=0).fit_predict(components(X)[:, :10])
    found = circular(X, codes, None)
    assert found.evidence["answer"] == "suspected"
    assert "cannot tell which" in found.what
    assert "count_split" in found.mend
    nearly = codes.copy()
    nearly[0] = (nearly[0] + 1) % 3
    assert answer(X, nearly, clusterings={"leiden": codes}) == "suspected"


def test_merged_clusters_are_suspected(X) -> None:
    clusters = np.arange(240) % 6
    assert answer(X, clusters // 2, clusterings={"leiden": clusters}) == "suspected"


@pytest.mark.parametrize("kind", ["genotype", "sorted", "design", "proteins"])
def test_labels_from_elsewhere_are_never_circular(X, kind) -> None:
    codes = np.arange(240) % 4
    assert answer(X, codes, kind=kind, clusterings={"leiden": codes}) == "no evidence"


def test_types_that_no_clustering_finds_pass(X) -> None:
    found = circular(X, np.arange(240) % 4, Provenance(kind="assigned"))
    assert not found.fired
    assert found.evidence["ari"] < 0.9


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ([0, 0, 1, 1], [3, 3, 2, 2], True),
        ([0, 0, 1, -1], [3, 3, 2, 2], True),  # compared where both have a label
        ([0, 0, 1, 1], [0, 0, 1, 2], False),
        ([0, 0, 0, 0], [0, 0, 0, 0], False),
    ],
)
def test_same_partition(a, b, same) -> None:
    assert same_partition(np.array(a), np.array(b)) is same


def test_sweep_leaves_the_generators_of_others_alone(X) -> None:
    network = _network(neighbour_graph(components(X)[:, :10]))
    random.seed(1)
    expected = random.random()
    random.seed(1)
    a, b = (communities(network, "leiden", 1.0, seed=3) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert random.random() == expected
    random.seed(5)
    drawn = ig.Graph.Erdos_Renyi(30, p=0.2).get_edgelist()
    random.seed(5)
    assert ig.Graph.Erdos_Renyi(30, p=0.2).get_edgelist() == drawn
