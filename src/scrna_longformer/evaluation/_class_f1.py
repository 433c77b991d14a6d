"""F1 of each class over the folds of a repeat, and what each cell, or group, does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._jackknife import Influence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._benchmark import FoldResult

F1 = "f1"


def class_influences(
    results: Iterable[FoldResult],
    codes: np.ndarray,
    n_classes: int,
    groups: np.ndarray | None = None,
) -> list[Influence]:
    """Leave each unit out of the F1 of each class.

    Hits, true cells and predicted cells of a class are added up over the folds of a repeat before
    they are divided. A class has few cells in one fold, and the mean of ratios of small numbers is
    off to one side (Forman and Scholz), and jumps where a fold has none.

    Parameters
    ----------
    results
        Finished folds of one contestant.
    codes
        Class of each cell.
    n_classes
        Number of classes.
    groups
        Group of each cell, if the folds kept groups whole.

    Returns
    -------
    One per class, with the only metric ``'f1'``: its mean over repeats (NaN for a class without test
    cells) and the effect of each unit. The degrees of freedom count units with a cell that is, or
    was taken to be, of the class: no other unit says anything about it.

    References
    ----------
    Forman and Scholz (2010), Apples-to-apples in cross-validation studies: pitfalls in classifier
    performance measurement, ACM SIGKDD Explorations 12, 49-57.
    """
    repeats: dict[int, list[FoldResult]] = {}
    for result in results:
        repeats.setdefault(result.repeat, []).append(result)
    rows = [np.concatenate([r.test for r in folds]) for folds in repeats.values()]
    guesses = [np.concatenate([r.proba.argmax(axis=1) for r in f]) for f in repeats.values()]
    names = np.arange(len(codes)) if groups is None else np.unique(groups, return_inverse=True)[1]
    tested, unit = np.unique(names[np.concatenate(rows)], return_inverse=True)
    ends = np.cumsum([len(of_repeat) for of_repeat in rows])[:-1]
    tables = list(zip(np.split(unit, ends), rows, guesses, strict=True))
    return [
        _of_class(
            [(u, codes[r] == code, guess == code) for u, r, guess in tables], n_units=len(tested)
        )
        for code in range(n_classes)
    ]


def _of_class(repeats: list[tuple[np.ndarray, np.ndarray, np.ndarray]], n_units: int) -> Influence:
    """Influence on one class: unit, truth and prediction of each test cell, by repeat."""
    touched = np.zeros(n_units, dtype=bool)
    f1, effects = [], []
    for unit, is_true, is_guess in repeats:
        hits = np.bincount(unit, weights=is_true & is_guess, minlength=n_units)
        sizes = np.bincount(unit, weights=is_true.astype(float) + is_guess, minlength=n_units)
        whole = 2 * hits.sum() / sizes.sum() if is_true.any() else np.nan
        left = sizes.sum() - sizes
        without = np.full(n_units, np.nan)  # where a unit is all there is of the class
        np.divide(2 * (hits.sum() - hits), left, out=without, where=left > 0)
        f1.append(whole)
        effects.append(np.where(sizes > 0, whole - without, 0.0))
        touched |= sizes > 0
    n = max(int(touched.sum()), 1)
    return Influence(
        mean={F1: float(np.mean(f1))},
        values={F1: np.array(effects) * np.sqrt((n - 1) / n)},
        df=max(n - 1, 1),
        n_units=n,
        n_cells=len(repeats[0][0]),
    )
