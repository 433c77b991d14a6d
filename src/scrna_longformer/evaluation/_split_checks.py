"""Whether folds are possible, and what is wrong where they are not."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._split import Split


def check_folds(
    codes: np.ndarray,
    groups: np.ndarray | None,
    n_splits: int,
    n_repeats: int,
    names: Sequence[str],
    stacklevel: int,
) -> None:
    """Raise where folds are impossible and warn where classes are too small for them."""
    if n_repeats < 1 or (n_splits < 2 and groups is None):
        msg = f"Needs `n_splits` >= 2 and `n_repeats` >= 1, not {n_splits!r} and {n_repeats!r}."
        raise ValueError(msg)
    classes, sizes = np.unique(codes, return_counts=True)
    if len(classes) < 2:
        found = ", ".join(repr(names[code]) for code in classes) or "no labelled cell"
        msg = f"A comparison needs at least two classes, but there is only {found}."
        raise ValueError(msg)
    what = "cells"
    if groups is not None:
        what = "groups"
        sizes = _groups_of_classes(codes, groups, classes, n_splits)
    elif n_splits > sizes.max():
        msg = (
            f"`n_splits`={n_splits} is more than the {sizes.max()} cells of the largest class "
            f"({names[classes[sizes.argmax()]]!r}). Choose fewer folds."
        )
        raise ValueError(msg)
    small = [
        f"{names[code]!r} ({n})" for code, n in zip(classes, sizes, strict=True) if n < n_splits
    ]
    if small:
        each_left_out = groups is not None and n_splits == len(np.unique(groups))
        msg = (
            f"Classes in fewer {what} than the {n_splits} folds are not tested in every fold: "
            f"{', '.join(small)}. Scores are then those of all folds together, and theirs rest on "
            f"few {what}: merge or drop them{'' if each_left_out else ', or lower `n_splits`'}."
        )
        warnings.warn(msg, UserWarning, stacklevel=stacklevel)


def _groups_of_classes(
    codes: np.ndarray, groups: np.ndarray, classes: np.ndarray, n_splits: int
) -> np.ndarray:
    """Count the groups that each class lies in, and raise where they do not allow folds."""
    found = np.unique(groups)
    if len(found) < 2:
        msg = (
            f"All labelled cells are in the same group ({str(found[0])!r}); keeping groups whole leaves "
            "nothing to train on. Choose another `group_key`, or leave it out."
        )
        raise ValueError(msg)
    if n_splits < 2 or len(found) < n_splits:
        msg = (
            f"`n_splits`={n_splits} does not go with {len(found)} groups: choose "
            f"{'2' if len(found) == 2 else f'2 to {len(found)}'} folds."
        )
        raise ValueError(msg)
    sizes = np.array([len(np.unique(groups[codes == code])) for code in classes])
    if sizes.max() == 1:
        msg = (
            "Every class lies in a single group: groups and labels are confounded, and a model that "
            "has not seen a group has never seen its classes. Choose another `group_key`, or leave "
            "it out and read the scores as those of groups rather than of cell types."
        )
        raise ValueError(msg)
    return sizes


def check_training(codes: np.ndarray, splits: Sequence[Split]) -> None:
    """Raise where a fold has a single class to train on."""
    for split in splits:
        if len(np.unique(codes[split.train])) < 2:
            where = f" (group {split.group!r} left out)" if split.group else ""
            msg = (
                f"Fold {split.fold}{where} would train on a single class, because groups and "
                "classes nearly coincide. Choose another grouping or fewer folds."
            )
            raise ValueError(msg)
