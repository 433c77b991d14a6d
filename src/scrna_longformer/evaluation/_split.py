"""Index splits: the same folds for every contestant."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold, StratifiedKFold

from .._random import generator
from ._split_checks import check_folds, check_training

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SPLITS = ("stratified", "grouped", "leave_one_group_out")


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows to test on, of one fold of one repeat.

    Attributes
    ----------
    repeat
        Number of the repeat.
    fold
        Number of the fold in it.
    train
        Rows of the training cells.
    test
        Rows of the test cells.
    group
        The group left out, where a fold is one group; else empty.
    unlabelled
        Rows of cells without a label, or whose label may not be looked at, which contestants that
        say so are given as well (:class:`~scrna_longformer.evaluation.Terms`).
    """

    repeat: int
    fold: int
    train: np.ndarray
    test: np.ndarray
    group: str = ""
    unlabelled: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def make_splits(
    codes: np.ndarray,
    *,
    split: str | None = None,
    n_splits: int = 5,
    n_repeats: int = 1,
    groups: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    random_state: int = 0,
    stacklevel: int = 3,
) -> list[Split]:
    """Split cells into folds.

    Parameters
    ----------
    codes
        Class of each cell; cells with a negative code are in no fold.
    split
        ``'stratified'``: every fold has the class shares of the whole. ``'grouped'``: the same as
        far as possible with groups kept whole (scikit-learn's ``StratifiedGroupKFold``).
        ``'leave_one_group_out'``: one fold per group, in sorted order. By default ``'grouped'``
        where there are groups, else ``'stratified'``.
    n_splits
        Folds per repeat; leaving one group out makes as many folds as groups.
    n_repeats
        Number of repeats, each with its own shuffle.
    groups
        Group of each cell (a donor, a batch).
    class_names
        Names of the classes, for messages; their codes by default.
    random_state
        Seed of the shuffles.
    stacklevel
        How many calls above a warning is reported: 3 is the caller's caller.

    Returns
    -------
    ``n_repeats * n_splits`` splits; row indices ascend and refer to ``codes``.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or more folds than cells of the largest class or than
        groups; if groups and ``split`` do not go together; if no class lies in more than one group,
        or a fold leaves fewer than two classes to train on.

    Warns
    -----
    UserWarning
        If a class has fewer cells (with groups: lies in fewer groups) than there are folds: it is
        missing from the test cells of some folds, perhaps from their training cells.

    Examples
    --------
    >>> codes = np.array([0, 0, 0, 1, 1, 1])
    >>> [len(split.test) for split in make_splits(codes, n_splits=3)]
    [2, 2, 2]
    >>> donors = np.array(["a", "b", "b", "a", "b", "b"])
    >>> [split.group for split in make_splits(codes, split="leave_one_group_out", groups=donors)]
    ['a', 'b']
    """
    codes = np.asarray(codes)
    rows = np.flatnonzero(codes >= 0)
    labels = None if groups is None else np.asarray(groups)[rows].astype(str)
    split = _resolve(split, labels, n_repeats)
    alone = labels if split == "leave_one_group_out" else None
    if alone is not None:
        n_splits = len(np.unique(alone))
    names = _names(codes, class_names)
    check_folds(codes[rows], labels, n_splits, n_repeats, names, stacklevel + 1)
    splits = []
    for repeat in range(n_repeats):
        seed = int(generator(random_state, repeat).integers(2**32))
        for fold, (train, test) in enumerate(_folds(split, codes[rows], labels, n_splits, seed)):
            group = "" if alone is None else str(alone[test[0]])
            splits.append(Split(repeat, fold, rows[train], rows[test], group))
    check_training(codes, splits)
    return splits


def _folds(
    split: str, codes: np.ndarray, groups: np.ndarray | None, n_splits: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Training and test rows of the folds of one repeat."""
    options = {"n_splits": n_splits, "shuffle": True, "random_state": seed}
    if split == "leave_one_group_out":
        folder = LeaveOneGroupOut()
    else:
        folder = (StratifiedKFold if split == "stratified" else StratifiedGroupKFold)(**options)
    with warnings.catch_warnings():
        # told before, with the names of the classes
        warnings.filterwarnings("ignore", message="The least populated class")
        yield from folder.split(codes, codes, groups)


def _resolve(split: str | None, groups: np.ndarray | None, n_repeats: int) -> str:
    """Check that the kind of split, groups and repeats go together."""
    if split is None:
        return "stratified" if groups is None else "grouped"
    if split not in SPLITS:
        msg = f"`split`={split!r} is unknown; choose one of {list(SPLITS)}."
        raise ValueError(msg)
    if split == "stratified" and groups is not None:
        msg = (
            "`split`='stratified' would tear the groups of `group_key` apart. Leave `group_key` out, "
            "or choose `split`='grouped' or 'leave_one_group_out'."
        )
        raise ValueError(msg)
    if split != "stratified" and groups is None:
        msg = (
            f"`split`={split!r} needs to know the groups: give `group_key`, a column of obs (donor, "
            "batch)."
        )
        raise ValueError(msg)
    if split == "leave_one_group_out" and n_repeats > 1:
        msg = (
            f"`split`='leave_one_group_out' draws nothing at random, so that `n_repeats`={n_repeats} "
            "would repeat the same folds. Leave it at 1; `n_seeds` repeats with other seeds."
        )
        raise ValueError(msg)
    return split


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
