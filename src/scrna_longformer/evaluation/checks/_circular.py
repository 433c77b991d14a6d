"""Labels that were made from the matrix they are predicted from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from ...features._ranking import Matrix
from ._result import CheckResult
from ._sweep import REPRODUCED, closest_clustering, is_easy

NAME = "circular"
YES, SUSPECTED, NO = "yes", "suspected", "no evidence"
# kinds of labels (see sl.datasets.available) that cannot have come from the matrix
INDEPENDENT = frozenset({"sorted", "genotype", "proteins", "design", "planted", "stated"})
CLUSTERED = "clustered"
# such labels may be clusters of other measurements, which are rightly recorded beside them
_MAY_BE_CLUSTERS = frozenset({"proteins", "stated"})
_COVER = 0.9  # of the cells must have a label in another column, for it to speak for them all
_MERGED = 0.98  # of the cells are where their cluster went; the rest may be corrected by hand


@dataclass(frozen=True)
class Provenance:
    """What is known of how labels came about.

    Attributes
    ----------
    kind
        One word: ``'clustered'``, one of ``INDEPENDENT``, or anything else; empty if not known.
    origin
        The sentence behind it.
    is_clustering
        Where it is recorded that the label column is a clustering; empty if nowhere.
    clusterings
        Recorded clusterings of the same cells by column name: cluster of each cell, negative for
        none.
    renamed
        Those of them whose names the classes still carry, such as ``'type 3'`` for cluster ``'3'``.
    is_prediction
        Where it is recorded that a model of this package predicted the labels; empty if nowhere.
    independent
        Other columns that come from elsewhere, by name: the sentence behind it, and class of each
        cell, negative for none.
    graphs
        Neighbour graphs that are stored with the cells, by where they are.
    embeddings
        Representations that are stored with the cells (cells x dimensions), by where they are.
    """

    kind: str = ""
    origin: str = ""
    is_clustering: str = ""
    clusterings: Mapping[str, np.ndarray] = field(default_factory=dict)
    renamed: frozenset[str] = frozenset()
    is_prediction: str = ""
    independent: Mapping[str, tuple[str, np.ndarray]] = field(default_factory=dict)
    graphs: Mapping[str, sparse.csr_array] = field(default_factory=dict)
    embeddings: Mapping[str, np.ndarray] = field(default_factory=dict)


def circular(
    X: Matrix,
    codes: np.ndarray,
    provenance: Provenance | None = None,
    *,
    random_state: int = 0,
) -> CheckResult:
    """Judge whether the labels were clustered from the matrix that they are predicted from.

    Parameters
    ----------
    X
        Cells x genes log values.
    codes
        Class of each cell.
    provenance
        What is known of the labels.
    random_state
        Seed of the sweep.

    Returns
    -------
    CheckResult
        Severity ``'limits'``. ``evidence['answer']`` is ``'yes'``: a record of the labels says that
        they are clusters or predictions, or they equal clusters with a record up to their names;
        ``'suspected'``: nothing says so, but a usual clustering of this matrix, or clusters with a
        record, come to them with an adjusted Rand index of at least 0.9; ``'no evidence'``: neither,
        or the labels, or a column that they equal, are known to come from elsewhere, which outweighs
        any likeness. Further evidence: ``basis``, ``ari``, ``setting``.

    Notes
    -----
    Likeness alone cannot tell circular labels from easy ones: cell lines told by genotype are
    clustered without a fault too. So it never makes a ``'yes'``. Nor does equality with a clustering
    where k-means and communities come to the same classes at most settings without it: then labels
    from elsewhere would equal it too. Classes that carry the names of the clusters are a copy.

    A record may outlive its labels: where it says that they were sorted, genotyped, designed or planted,
    and they equal recorded clusters that are not so easy to find, the column was most likely written
    over, and the answer is ``'suspected'``. Clusters of which fewer than 90 % of the cells have one, as of a
    subset, say nothing.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes = rng.integers(3, size=90)
    >>> X = np.log1p(rng.poisson(1.0, size=(90, 30)))
    >>> circular(X, codes, Provenance(clusterings={"leiden": codes})).evidence["answer"]
    'yes'
    >>> circular(X, codes, Provenance(kind="genotype")).evidence["answer"]
    'no evidence'
    """
    known = provenance or Provenance()
    if known.is_clustering:
        return _yes(known.is_clustering)
    if known.is_prediction:
        return _result(
            YES, f"The labels were predicted from this matrix. {known.is_prediction}", basis="model"
        )
    if known.kind == CLUSTERED:
        return _yes(f"The data set says of the labels: {known.origin or CLUSTERED}.")
    if known.kind in INDEPENDENT:
        stale = _written_over(X, codes, known, random_state)
        said = f"{known.kind}: {known.origin or 'recorded'}"
        if stale:
            what = (
                f"Written over or not: nothing here can tell which. A record says that the labels come "
                f"from elsewhere ({said}), but they equal the clusters of obs[{stale!r}] up to their "
                "names, which k-means and communities do not find at most settings."
            )
            return _result(SUSPECTED, what, basis="stale", ari=1.0, setting=f"obs[{stale!r}]")
        what = f"The labels come from elsewhere ({said})."
        return _result(NO, what, basis=known.kind)
    kept = np.asarray(codes) >= 0
    codes = np.asarray(codes)[kept]
    for name, (origin, classes) in known.independent.items():
        classes = np.asarray(classes)[kept]
        if _speaks_for(codes, classes) and same_partition(codes, classes):
            what = f"The labels equal obs[{name!r}], which comes from elsewhere ({origin})."
            return _result(NO, what, basis="equal")
    ari, setting = -1.0, "none"
    for name, clusters in known.clusterings.items():
        clusters = np.asarray(clusters)[kept]
        if not _speaks_for(codes, clusters):
            continue
        if same_partition(codes, clusters):
            equal = f"The labels equal the clusters of obs[{name!r}] up to their names"
            if name in known.renamed or not is_easy(X[kept], codes, random_state=random_state):
                return _yes(f"{equal}.")
            what = (
                f"Easy or circular: this matrix cannot tell which. {equal}, but k-means and "
                "communities find them at most settings without that column, so labels from "
                "elsewhere would equal it too; nothing says how these came about."
            )
            return _result(SUSPECTED, what, basis="easy", ari=1.0, setting=f"obs[{name!r}]")
        both = clusters >= 0
        likeness = float(adjusted_rand_score(codes[both], clusters[both]))
        if likeness > ari:
            ari, setting = likeness, f"the clusters of obs[{name!r}]"
        if likeness < REPRODUCED and _is_merged(codes, clusters):
            ari, setting = 1.0, f"the clusters of obs[{name!r}], some of them merged"
    if ari < REPRODUCED:
        found = closest_clustering(
            X[kept],
            codes,
            graphs={name: graph[kept][:, kept] for name, graph in known.graphs.items()},
            embeddings={name: Z[kept] for name, Z in known.embeddings.items()},
            random_state=random_state,
        )
        if found.ari > ari:
            ari, setting = found.ari, found.setting
    if ari < REPRODUCED:
        what = (
            f"No usual clustering reproduces the labels (closest, ARI {ari:.2f}: {setting}); that "
            "is no proof that they came from elsewhere."
        )
        return _result(NO, what, basis="sweep", ari=ari, setting=setting)
    what = (
        f"Easy or circular: this matrix cannot tell which. Nothing says how the labels came about, "
        f"and {setting} reproduces them (ARI {ari:.2f})."
    )
    return _result(SUSPECTED, what, basis="likeness", ari=ari, setting=setting)


def _written_over(X: Matrix, codes: np.ndarray, known: Provenance, random_state: int) -> str:
    """Recorded clustering that labels with a record from elsewhere equal; empty without, or if it is easy."""
    if known.kind in _MAY_BE_CLUSTERS:
        return ""
    kept = np.asarray(codes) >= 0
    codes = np.asarray(codes)[kept]
    for name, clusters in known.clusterings.items():
        clusters = np.asarray(clusters)[kept]
        if _speaks_for(codes, clusters) and same_partition(codes, clusters):
            return "" if is_easy(X[kept], codes, random_state=random_state) else str(name)
    return ""


def _speaks_for(codes: np.ndarray, other: np.ndarray) -> bool:
    """Whether nearly all cells have a label in the other column too, and both have two classes there."""
    both = (codes >= 0) & (other >= 0)
    if both.mean() < _COVER:
        return False
    return len(np.unique(codes[both])) > 1 and len(np.unique(other[both])) > 1


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two labellings are the same up to names, where both have a label."""
    both = (a >= 0) & (b >= 0)
    if both.sum() < 2:
        return False
    pairs = np.unique(np.column_stack([a[both], b[both]]), axis=0)
    n_a, n_b = len(np.unique(pairs[:, 0])), len(np.unique(pairs[:, 1]))
    return bool(len(pairs) == n_a == n_b and n_a > 1)


def _is_merged(codes: np.ndarray, clusters: np.ndarray) -> bool:
    """Whether clusters lie within classes, but for a few cells, and are few: classes are clusters merged."""
    both = (codes >= 0) & (clusters >= 0)
    pairs, counts = np.unique(
        np.column_stack([clusters[both], codes[both]]), axis=0, return_counts=True
    )
    sizes = np.bincount(clusters[both])
    largest = np.zeros(len(sizes))
    np.maximum.at(largest, pairs[:, 0], counts)
    n_clusters = len(np.unique(pairs[:, 0]))
    n_classes = len(np.unique(pairs[:, 1]))
    return bool(largest.sum() >= _MERGED * both.sum() and n_clusters <= 4 * n_classes)


def _yes(reason: str) -> CheckResult:
    return _result(YES, f"The labels are clusters of this matrix. {reason}", basis="record")


def _result(answer: str, what: str, **evidence: float | str) -> CheckResult:
    fired = answer != NO
    why = {
        YES: "The ranking shows which model is best at reproducing this clustering; it says nothing "
        "about cell types.",
        SUSPECTED: "If the labels were clustered from this matrix, the ranking shows which model is "
        "best at reproducing that; it then says nothing about cell types.",
        NO: "",
    }[answer]
    if evidence.get("basis") == "model":
        why = (
            "The ranking shows which model is best at reproducing these predictions; it says nothing "
            "about cell types."
        )
    mend = (
        "split the counts with sl.pp.count_split(adata), cluster on layers['counts_a'] and compare "
        "on layers['counts_b'] after normalising it; or use labels from elsewhere (sorting, "
        "proteins, genotypes), and record their origin: adata.uns['dataset'] = {'label_columns': "
        "[key], 'label_kinds': ['sorted']}, or 'genotype', 'proteins', 'design'."
    )
    return CheckResult(
        NAME,
        "limits",
        fired,
        what,
        why,
        mend if fired else "",
        evidence={"answer": answer, **evidence},
    )
