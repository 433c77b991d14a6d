"""Index splits: the same folds for every contestant."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from .._random import generator

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows to test on, of one fold of one repeat."""

    repeat: int
    fold: int
    train: np.ndarray
    test: np.ndarray


def make_splits(
    codes: np.ndarray,
    *,
    n_splits: int = 5,
    n_repeats: int = 1,
    groups: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    random_state: int = 0,
) -> list[Split]:
    """Split cells into stratified folds, keeping groups whole if there are any.

    Parameters
    ----------
    codes
        Class of each cell; cells with a negative code are in no fold.
    n_splits
        Folds per repeat.
    n_repeats
        Number of repeats, each with its own shuffle.
    groups
        Group of each cell (a donor, a batch); all cells of a group are tested in the same fold.
    class_names
        Names of the classes, for messages; their codes by default.
    random_state
        Seed of the shuffles.

    Returns
    -------
    ``n_repeats * n_splits`` splits; row indices ascend and refer to ``codes``.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or more folds than cells of the largest class or than
        groups, or if a fold leaves fewer than two classes to train on.

    Warns
    -----
    UserWarning
        If a class has fewer cells (with ``groups``: lies in fewer groups) than there are folds: it
        is missing from the test cells of some folds, perhaps from their training cells.

    Examples
    --------
    >>> splits = make_splits(np.array([0, 0, 0, 1, 1, 1]), n_splits=3)
    >>> [len(split.test) for split in splits]
    [2, 2, 2]
    """
    codes = np.asarray(codes)
    rows = np.flatnonzero(codes >= 0)
    names = _names(codes, class_names)
    units = None if groups is None else np.unique(np.asarray(groups)[rows], return_inverse=True)[1]
    _check_folds(codes[rows], units, n_splits, n_repeats, names)
    splits = []
    for repeat in range(n_repeats):
        seed = int(generator(random_state, repeat).integers(2**32))
        folder = StratifiedKFold if units is None else StratifiedGroupKFold
        folds = folder(n_splits=n_splits, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            # told above, with the names of the classes
            warnings.filterwarnings("ignore", message="The least populated class")
            for fold, (train, test) in enumerate(folds.split(rows, codes[rows], units)):
                splits.append(Split(repeat, fold, rows[train], rows[test]))
    _check_training(codes, splits)
    return splits


def holdout(
    codes: np.ndarray, fraction: float, *, min_cells: int = 2, random_state: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Set a stratified fraction of the labelled cells aside, for stopping or calibration.

    Parameters
    ----------
    codes
        Class of each cell; cells with a negative code are in neither part.
    fraction
        Share of each class to set aside, between 0 and 1; at least one cell per class.
    min_cells
        Classes with fewer cells stay in training altogether.
    random_state
        Seed of the draw.

    Returns
    -------
    Ascending row indices of the training cells and of the cells set aside.

    Examples
    --------
    >>> train, aside = holdout(np.array([0] * 10 + [1] * 10 + [2]), 0.2)
    >>> len(train), len(aside)
    (17, 4)
    """
    if not 0 < fraction < 1:
        msg = f"`fraction` must lie between 0 and 1, not {fraction!r}."
        raise ValueError(msg)
    codes = np.asarray(codes)
    rng = generator(random_state)
    aside = np.zeros(len(codes), dtype=bool)
    for code in np.unique(codes[codes >= 0]):
        cells = np.flatnonzero(codes == code)
        if len(cells) < max(min_cells, 2):
            continue
        n_aside = min(max(round(fraction * len(cells)), 1), len(cells) - 1)
        aside[rng.choice(cells, n_aside, replace=False)] = True
    return np.flatnonzero((codes >= 0) & ~aside), np.flatnonzero(aside)


def _names(codes: np.ndarray, class_names: Sequence[str] | None) -> list[str]:
    n_classes = int(codes.max(initial=-1)) + 1
    return (
        [str(i) for i in range(n_classes)] if class_names is None else [str(n) for n in class_names]
    )


def _check_folds(
    codes: np.ndarray, units: np.ndarray | None, n_splits: int, n_repeats: int, names: list[str]
) -> None:
    """Raise where folds are impossible and warn where classes are too small for them."""
    if n_splits < 2 or n_repeats < 1:
        msg = f"Needs `n_splits` >= 2 and `n_repeats` >= 1, not {n_splits!r} and {n_repeats!r}."
        raise ValueError(msg)
    classes, sizes = np.unique(codes, return_counts=True)
    if len(classes) < 2:
        found = ", ".join(repr(names[code]) for code in classes) or "no labelled cell"
        msg = f"A comparison needs at least two classes, but there is only {found}."
        raise ValueError(msg)
    if n_splits > sizes.max():
        msg = (
            f"`n_splits`={n_splits} is more than the {sizes.max()} cells of the largest class "
            f"({names[classes[sizes.argmax()]]!r}). Choose fewer folds."
        )
        raise ValueError(msg)
    what = "cells"
    if units is not None:
        n_groups = len(np.unique(units))
        if n_groups < n_splits:
            msg = f"`n_splits`={n_splits} is more than the {n_groups} groups. Choose fewer folds."
            raise ValueError(msg)
        what = "groups"
        sizes = np.array([len(np.unique(units[codes == code])) for code in classes])
    small = [
        f"{names[code]!r} ({n})" for code, n in zip(classes, sizes, strict=True) if n < n_splits
    ]
    if small:
        msg = (
            f"Classes in fewer {what} than the {n_splits} folds are not tested in every fold: "
            f"{', '.join(small)}. Their scores rest on few cells: merge or drop them, or lower "
            "`n_splits`."
        )
        warnings.warn(msg, UserWarning, stacklevel=4)


def _check_training(codes: np.ndarray, splits: list[Split]) -> None:
    for split in splits:
        if len(np.unique(codes[split.train])) < 2:
            msg = (
                f"Fold {split.fold} would train on a single class, because the groups coincide "
                "with the classes. Choose another grouping or fewer folds."
            )
            raise ValueError(msg)
