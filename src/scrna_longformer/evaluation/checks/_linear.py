"""A linear classifier so cheap that it can be fitted to hundreds of permuted labels.

Ridge regression on indicator variables: its solution is one matrix product per label vector, so
199 permutations cost about as much as one fit of a logistic regression, which it resembles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...features._ranking import Matrix, rank_variance
from ...features._transform import GeneScaler
from .._split import Split
from .._steps import TrainingPCA

N_COMPONENTS = 50
N_GENES = 2000
_BLOCK = 5_000_000  # indicators held at once
_PENALTY = 0.02  # of the mean squared component, per training cell


def components(
    X: Matrix,
    *,
    n_components: int = N_COMPONENTS,
    n_genes: int = N_GENES,
    random_state: int = 0,
) -> np.ndarray:
    """Principal components of the most variable genes, standardised; no label is looked at.

    Returns
    -------
    Cells x components, float64, the first component with unit variance.
    """
    genes = np.sort(rank_variance(X)[:n_genes])
    dense = GeneScaler().fit_transform(X[:, genes])
    found = TrainingPCA(n_components, random_state).fit(dense).transform(dense)
    return np.asarray(found / max(float(found[:, 0].std()), 1e-12), dtype=np.float64)


def ridge_scores(
    Z: np.ndarray, targets: np.ndarray, split: Split, *, weights: np.ndarray | None = None
) -> np.ndarray:
    """Fit every column of ``targets`` on the training cells and predict it for the test cells.

    Parameters
    ----------
    Z
        Cells x features.
    targets
        Cells x columns, such as indicators of classes.
    split
        Rows to train on and to test.
    weights
        Weight of each cell; all alike by default.

    Returns
    -------
    Test cells x columns.
    """
    train, test = split.train, split.test
    w = np.ones(len(train)) if weights is None else weights[train]
    w = w / w.sum()
    centre, offset = w @ Z[train], w @ targets[train]
    inputs = Z[train] - centre
    weighted = inputs * w[:, None]
    gram = weighted.T @ inputs
    gram[np.diag_indices_from(gram)] += _PENALTY * max(np.trace(gram) / len(gram), 1e-12)
    coefficients = np.linalg.solve(gram, weighted.T @ (targets[train] - offset))
    return (Z[test] - centre) @ coefficients + offset


def linear_proba(
    Z: np.ndarray, codes: np.ndarray, splits: Sequence[Split], *, balanced: bool = True
) -> list[np.ndarray]:
    """Out-of-fold class scores (test cells x classes) of the linear classifier.

    Balanced it is the one that finds most; with the classes as common as they are it is on the terms of
    contestants, whose probabilities are scaled to the shares.
    """
    n_classes = int(codes.max()) + 1
    sizes = np.maximum(np.bincount(codes[codes >= 0], minlength=n_classes), 1)
    weights = np.where(codes >= 0, 1 / sizes[codes] if balanced else 1.0, 0.0)
    return [ridge_scores(Z, one_hot(codes, n_classes), s, weights=weights) for s in splits]


def permuted_scores(
    Z: np.ndarray,
    codes: np.ndarray,
    splits: Sequence[Split],
    *,
    n_permutations: int,
    rng: np.random.Generator,
    groups: np.ndarray | None = None,
) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Fit the linear classifier to permuted labels in every fold.

    With ``groups`` it is their classes that are permuted, and their cells follow; no code may then be
    negative.

    Yields
    ------
    The permuted codes (cells with a negative code keep it), and scores of the test cells of each
    fold (test cells x classes).
    """
    n_classes = int(codes.max()) + 1
    if groups is None:
        rows = np.flatnonzero(codes >= 0)
        classes, place = codes[rows], np.arange(len(rows))
    else:
        rows, (classes, place) = np.arange(len(codes)), class_of_groups(codes, groups)
    block = max(1, _BLOCK // (len(codes) * n_classes))
    for start in range(0, n_permutations, block):
        n = min(block, n_permutations - start)
        permuted = np.tile(codes, (n, 1))
        permuted[:, rows] = rng.permuted(np.tile(classes, (n, 1)), axis=1)[:, place]
        targets = one_hot(permuted, n_classes).transpose(1, 0, 2).reshape(len(codes), -1)
        folds = [ridge_scores(Z, targets, s).reshape(len(s.test), n, n_classes) for s in splits]
        for i in range(n):
            yield permuted[i], [fold[:, i] for fold in folds]


def class_of_groups(codes: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the commonest class of each group, and of each cell the place of its group among them."""
    levels, place = np.unique(groups, return_inverse=True)
    table = np.zeros((len(levels), int(codes.max()) + 1))
    np.add.at(table, (place, codes), 1)
    return table.argmax(axis=1), place


def one_hot(codes: np.ndarray, n_classes: int) -> np.ndarray:
    """Cells x classes indicators."""
    return np.eye(n_classes)[codes]
