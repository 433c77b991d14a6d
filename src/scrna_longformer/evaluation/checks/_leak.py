"""Leak: the answer reaches a model by a way that new cells do not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from ...features._counts import has_counts, recover_counts
from ...features._ranking import Matrix, is_sparse, rank_f_test, rank_markers
from .._split import Split
from ._result import CheckResult, fault, passed

NAME = "leak"
N_CANDIDATES = 20  # genes looked at: those that differ most between classes
TREE_ACCURACY = 0.98  # balanced, of one gene alone, on three classes or more
LONE_ACCURACY, NEXT_ACCURACY = 0.995, 0.9  # on two classes: of one gene, and of the next best
COUNT_GAP = 20.0  # gap over spread within classes: counts of any real gene vary more than this
LOG_GAP = 40.0  # the same for logarithms
KNOWN = 0.25  # agreement with the true labels, between chance and perfect
_WHY = "A score that rests on this says nothing about new cells."


def leak(
    X: Matrix,
    codes: np.ndarray,
    splits: Sequence[Split],
    *,
    groups: np.ndarray | None = None,
    gene_names: Sequence[str] | np.ndarray | None = None,
    known: dict[str, float] | None = None,
) -> CheckResult:
    """Look for test cells among training cells, genes that are labels, models that know them.

    Parameters
    ----------
    X
        Cells x genes log values, dense or sparse.
    codes
        Class of each cell.
    splits
        Rows that are trained on and tested.
    groups
        Groups (donors) that must not be on both sides of a split.
    gene_names
        Names of the genes, for the text.
    known
        Per contestant, how well it told the *true* labels after it had been trained on permuted
        ones (:func:`trained_on_permuted`): 0 for nothing, 1 for all.

    Returns
    -------
    CheckResult
        Severity ``'void'``. Evidence: ``n_shared_rows``, ``n_shared_groups``, ``n_label_genes``,
        ``most_known``.

    Notes
    -----
    A gene is taken for a label in disguise if it tells three classes or more apart on its own
    (balanced accuracy of a small tree at least 0.98), or two where no other gene comes near, or if
    it separates one class from the rest with less spread within it than counting molecules leaves
    any real gene.

    Examples
    --------
    >>> from scrna_longformer.evaluation import make_splits
    >>> codes = np.repeat([0, 1, 2], 30)
    >>> X = np.random.default_rng(0).gamma(1.0, size=(90, 20))
    >>> leak(X, codes, make_splits(codes)).fired
    False
    >>> X[:, 3] = codes
    >>> leak(X, codes, make_splits(codes)).what
    'Gene 3 holds the labels.'
    """
    shared_rows = sum(len(np.intersect1d(s.train, s.test)) for s in splits)
    shared_groups = _shared_groups(splits, groups)
    genes = label_genes(X, codes)
    knowing = {name: share for name, share in (known or {}).items() if share > KNOWN}
    found = []
    if shared_rows:
        found.append(f"{shared_rows} test cells were trained on in the same fold.")
    if shared_groups:
        found.append(f"{shared_groups} groups were trained and tested on in the same fold.")
    if len(genes):
        names = [str(g) if gene_names is None else repr(str(gene_names[g])) for g in genes[:3]]
        verb = "holds" if len(genes) == 1 else "hold"
        found.append(f"Gene {', '.join(names)} {verb} the labels.")
    for name, share in knowing.items():
        found.append(
            f"{name!r} told {share:.0%} of what can be known of the true labels although it was "
            "trained on permuted ones."
        )
    evidence: dict[str, Any] = {
        "n_shared_rows": shared_rows,
        "n_shared_groups": shared_groups,
        "n_label_genes": len(genes),
        "most_known": max((known or {}).values(), default=0.0),
    }
    if not found:
        return passed(NAME, "void", "No way was found by which labels reach a model.", **evidence)
    mend = (
        "make the splits with evaluation.make_splits; take columns that were made from the labels "
        "out of the matrix; hand over estimators that learn only from what fit() is given."
    )
    return fault(NAME, "void", " ".join(found), _WHY, mend, evidence=evidence)


def label_genes(X: Matrix, codes: np.ndarray) -> np.ndarray:
    """Columns of ``X`` that are labels rather than genes.

    Parameters
    ----------
    X
        Cells x genes.
    codes
        Class of each cell.

    Returns
    -------
    Column indices, ascending.
    """
    cells = np.flatnonzero(codes >= 0)
    codes = codes[cells]
    n_classes = int(codes.max()) + 1
    per_class = rank_markers(X[cells], codes, n_classes)[: 2 * n_classes]
    candidates = np.unique([*rank_f_test(X[cells], codes)[:N_CANDIDATES], *per_class])
    values = _dense(X[cells][:, candidates])
    counts = _counts(X[cells], candidates)
    is_label = _tell_all(values, codes)
    for j in range(len(candidates)):
        is_label[j] |= _too_even(values[:, j], codes, n_classes, LOG_GAP)
        if counts is not None:
            is_label[j] |= _too_even(counts[:, j], codes, n_classes, COUNT_GAP)
    return candidates[is_label]


def _counts(X: Matrix, columns: np.ndarray) -> np.ndarray | None:
    """Counts behind log values; ``None`` where there are none."""
    if not has_counts(X):
        return None
    try:
        return _dense(recover_counts(X)[:, columns])
    except ValueError:  # other cells than those that were sampled
        return None


def _tell_all(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Whether a small tree on one gene (columns) tells all classes."""
    sizes = np.bincount(codes)
    n_classes = int((sizes >= 3).sum())
    if n_classes < 2:
        return np.zeros(values.shape[1], dtype=bool)
    usable = sizes[codes] >= 3
    x, y = values[usable], codes[usable]
    tree = DecisionTreeClassifier(max_leaf_nodes=3 * n_classes, random_state=0)
    # on the same cells first: it bounds what held-out cells can give, and most genes fail here
    reached = np.array(
        [balanced_accuracy_score(y, tree.fit(g, y).predict(g)) for g in x.T[:, :, None]]
    )
    least = TREE_ACCURACY
    if n_classes == 2:
        least = LONE_ACCURACY
        if np.sort(reached)[-2:][0] > NEXT_ACCURACY:  # real markers come in numbers
            return np.zeros(values.shape[1], dtype=bool)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    for j in np.flatnonzero(reached >= least):
        held_out = cross_val_predict(tree, x[:, [j]], y, cv=folds)
        reached[j] = balanced_accuracy_score(y, held_out)
    return reached >= least


def _too_even(values: np.ndarray, codes: np.ndarray, n_classes: int, least_gap: float) -> bool:
    """Whether one class stands apart from the rest further than noise within classes allows.

    Only molecules that are there are counted with noise: a class without any has no spread, and
    where it is the lower one, the cells that have some are looked at as well.
    """
    for code in range(n_classes):
        inside, outside = values[codes == code], values[codes != code]
        if len(inside) < 5 or len(outside) < 5:
            continue
        gap = max(inside.min() - outside.max(), outside.min() - inside.max())
        is_lower = inside.max() < outside.min()
        spread = max(inside.std(), outside.std()) if is_lower else inside.std()
        if gap > 0 and gap > least_gap * spread:
            return True
    return False


def _shared_groups(splits: Sequence[Split], groups: np.ndarray | None) -> int:
    if groups is None:
        return 0
    groups = np.asarray(groups)
    return sum(len(np.intersect1d(groups[s.train], groups[s.test])) for s in splits)


def _dense(X: Matrix) -> np.ndarray:
    return np.asarray(X.toarray() if is_sparse(X) else X, dtype=np.float64)
