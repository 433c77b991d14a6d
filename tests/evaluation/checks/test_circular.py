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
    codes = clusters // 2
    assert answer(X, codes, clusterings={"leiden": clusters}) == "suspected"
    for n_corrected, expected in ((3, "suspected"), (30, "no evidence")):
        corrected = np.r_[(codes[:n_corrected] + 1) % 3, codes[n_corrected:]]
        assert answer(X, corrected, clusterings={"leiden": clusters}) == expected


@pytest.mark.parametrize("kind", ["genotype", "sorted", "design", "proteins"])
def test_labels_from_elsewhere_outweigh_any_likeness(X, kind) -> None:
    codes = np.arange(240) % 4
    nearly = np.r_[1, codes[1:]]
    assert answer(X, codes, kind=kind, clusterings={"leiden": nearly}) == "no evidence"


@pytest.mark.parametrize("kind", ["genotype", "sorted", "design", "planted"])
def test_a_record_may_outlive_its_labels(X, lines, kind) -> None:
    codes = np.arange(240) % 4
    found = circular(X, codes, Provenance(kind=kind, clusterings={"leiden": codes[::-1]}))
    assert found.evidence["answer"] == "suspected"
    assert "Written over" in found.what
    few = np.where(np.arange(240) < 200, codes, -1)
    assert answer(X, codes, kind=kind, clusterings={"leiden": few}) == "no evidence"
    cells, types = lines  # that any clustering finds: equality says nothing
    assert answer(cells, types, kind=kind, clusterings={"leiden": types}) == "no evidence"


@pytest.mark.parametrize("kind", ["proteins", "stated"])
def test_clusters_of_other_measurements_may_have_a_record(X, kind) -> None:
    codes = np.arange(240) % 4
    assert answer(X, codes, kind=kind, clusterings={"leiden": codes}) == "no evidence"


def test_clusters_of_a_subset_do_not_speak_for_all(X) -> None:
    codes, place = np.arange(240) % 4, np.arange(240)
    for clusters in (codes, codes + 4 * (place % 8 > 3)):  # equal, and merged
        of_subset = np.where(place < 120, clusters, -1)
        assert answer(X, codes, clusterings={"leiden": of_subset}) == "no evidence"
        of_most = np.where(place < 220, clusters, -1)
        assert answer(X, codes, clusterings={"leiden": of_most}) in ("yes", "suspected")
    # of one class, and nearly all cells of that
    rare = (place < 12).astype(int)
    assert answer(X, rare, clusterings={"leiden": np.where(place < 12, -1, 0)}) == "no evidence"


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


@pytest.fixture
def lines(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Cells of three lines that no clustering can miss, and the lines."""
    codes = np.arange(180) % 3
    return np.log1p(rng.poisson(np.where(np.arange(60) % 3 == codes[:, None], 9.0, 0.5))), codes


def test_easy_labels_that_equal_clusters_are_suspected_only(lines) -> None:
    X, codes = lines
    found = circular(X, codes, Provenance(clusterings={"leiden": codes}))
    assert found.evidence["answer"] == "suspected"
    assert "at most settings without that column" in found.what
    assert answer(X, codes, clusterings={"leiden": codes}, renamed=frozenset({"leiden"})) == "yes"


def test_labels_that_equal_a_column_from_elsewhere_come_from_there(lines) -> None:
    X, codes = lines
    known = {"clusterings": {"leiden": codes}, "independent": {"line": ("genotype", codes[::-1])}}
    assert answer(X, codes[::-1], **known) == "no evidence"
    few = np.where(np.arange(180) < 12, codes, -1)
    assert answer(X, codes, independent={"line": ("genotype", few)}) == "suspected"
    other = known | {"independent": {"line": ("genotype", np.arange(180) % 2)}}
    assert answer(X, codes, **other) == "suspected"


def test_predictions_are_circular_and_no_clusters(X) -> None:
    found = circular(X, np.arange(240) % 4, Provenance(is_prediction="A model wrote them."))
    assert found.evidence["answer"] == "yes"
    assert "predicted from this matrix" in found.what
    assert "clusters" not in found.what
    assert "reproducing these predictions" in found.why


def test_stored_graphs_and_embeddings_are_swept(X, rng: np.random.Generator) -> None:
    Z = rng.normal(size=(240, 6))  # has nothing to do with the matrix
    codes = communities(_network(neighbour_graph(Z, 30)), "leiden", 1.0, seed=1)
    assert answer(X, codes) == "no evidence"
    found = circular(X, codes, Provenance(graphs={"obsp['b']": neighbour_graph(Z, 30)}))
    assert "obsp['b']" in found.what
    found = circular(X, codes, Provenance(embeddings={"obsm['X_b']": Z}))
    assert "obsm['X_b']" in found.what


def test_many_clusters_are_swept_too(rng: np.random.Generator) -> None:
    Z = rng.normal(size=(400, 6))
    graph = neighbour_graph(Z, 15)
    codes = communities(_network(graph), "leiden", 17.6)
    finest = communities(_network(graph), "leiden", 2.2 * 1.32)  # of those tried for few classes
    assert len(np.unique(codes)) > len(np.unique(finest))
    X = np.log1p(rng.poisson(1.5, size=(400, 60)))
    assert answer(X, codes) == "no evidence"
    assert answer(X, codes, graphs={"obsp['a']": graph}) == "suspected"
