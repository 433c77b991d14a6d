"""Leak: the answer reaches a model by a way that new cells do not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...features._ranking import Matrix
from .._split import Split
from ._label_genes import label_genes, total_is_label
from ._result import CheckResult, fault, passed

NAME = "leak"
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
        ``total_is_label``, ``most_known``.

    Notes
    -----
    A gene is taken for a label in disguise if it is one of at most four that tell all classes on
    their own (balanced accuracy of a small tree at least 0.98 on three classes or more, 0.995 on
    two) and no other gene comes near, for real markers come in numbers, or its three levels or more
    lie six standard deviations apart; or if it separates one class, or several, from the rest with
    less spread within classes than counting molecules leaves any real gene. Labels with errors are
    seen where one to three genes have a skill (balanced accuracy, 0 at chance) of 0.85 on three
    classes or more and the next has 0.6 of it at most.

    The total that each cell was scaled to is held to the last of these rules: where classes were
    scaled to different totals, every log value spells the class a little.

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
    is_total = total_is_label(X, codes)
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
    if is_total:
        found.append("The normalised total holds labels: classes were scaled to different totals.")
    for name, share in knowing.items():
        found.append(
            f"{name!r} told {share:.0%} of what can be known of the true labels although it was "
            "trained on permuted ones."
        )
    evidence: dict[str, Any] = {
        "n_shared_rows": shared_rows,
        "n_shared_groups": shared_groups,
        "n_label_genes": len(genes),
        "total_is_label": is_total,
        "most_known": max((known or {}).values(), default=0.0),
    }
    if not found:
        return passed(NAME, "void", "No way was found by which labels reach a model.", **evidence)
    mend = (
        "make the splits with evaluation.make_splits; take columns that were made from the labels "
        "out of the matrix; scale all cells to one total; hand over estimators that learn only from "
        "what fit() is given."
    )
    return fault(NAME, "void", " ".join(found), _WHY, mend, evidence=evidence)


def _shared_groups(splits: Sequence[Split], groups: np.ndarray | None) -> int:
    if groups is None:
        return 0
    groups = np.asarray(groups)
    return sum(len(np.intersect1d(groups[s.train], groups[s.test])) for s in splits)
