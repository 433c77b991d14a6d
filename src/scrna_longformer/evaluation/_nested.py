"""Nested training subsets: the same cells for every contestant of a learning curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._random import generator
from ._split import Split, holdout
from ._test_set import draw_test_set

if TYPE_CHECKING:
    from collections.abc import Sequence


def nested_splits(
    codes: np.ndarray,
    sizes: Sequence[int],
    *,
    n_seeds: int = 5,
    test_fraction: float = 0.25,
    groups: np.ndarray | None = None,
    random_state: int = 0,
) -> list[Split]:
    """Set test cells aside and train on growing subsets of the rest, for each of several seeds.

    The test cells of a seed are the same at every size, and a subset contains every smaller one:
    what differs between two sizes of a seed is the cells added, nothing else.

    Parameters
    ----------
    codes
        Class of each labelled cell, 0 to ``n_classes - 1``.
    sizes
        Numbers of training cells, ascending.
    n_seeds
        Number of draws of test cells and subsets.
    test_fraction
        Share of each class to test on; with groups, of whole groups
        (:func:`~scrna_longformer.evaluation.draw_test_set`).
    groups
        Group of each cell (a donor): cells of a group that is tested on are never trained on.
    random_state
        Seed of the draws.

    Returns
    -------
    One split per size and seed; ``repeat`` counts the seeds and ``fold`` the sizes. Small sizes
    come first, for all seeds: whatever stops the work (a time limit) costs the largest sizes. Cells
    that are neither trained nor tested on are its ``unlabelled``.

    Raises
    ------
    ValueError
        If a size is smaller than the number of classes or larger than what the test cells leave, or
        there are too few groups.

    Examples
    --------
    >>> splits = nested_splits(np.repeat([0, 1], 20), [4, 10], n_seeds=2)
    >>> [(split.fold, split.repeat, len(split.train), len(split.test)) for split in splits]
    [(0, 0, 4, 10), (0, 1, 4, 10), (1, 0, 10, 10), (1, 1, 10, 10)]
    """
    codes = np.asarray(codes)
    draws = draw_pools(
        codes, n_seeds, test_fraction=test_fraction, groups=groups, random_state=random_state
    )
    _check_sizes(sizes, n_classes=len(np.unique(codes)), n_pool=min(len(pool) for pool, _ in draws))
    return [
        Split(seed, i, np.sort(order[:size]), test, unlabelled=np.sort(order[size:]))
        for i, size in enumerate(sizes)
        for seed, (order, test) in enumerate(draws)
    ]


def draw_pools(
    codes: np.ndarray,
    n_seeds: int,
    *,
    test_fraction: float,
    groups: np.ndarray | None,
    random_state: int,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cells to train on, in the order in which subsets grow, and test cells, of each seed."""
    draws = []
    for seed in range(n_seeds):
        state = int(generator(random_state, seed).integers(2**32))
        pool, test = (
            holdout(codes, test_fraction, random_state=state)
            if groups is None
            else draw_test_set(codes, test_fraction, groups=groups, random_state=state)
        )
        draws.append((pool[stratified_order(codes[pool], random_state=state)], test))
    return draws


def stratified_order(codes: np.ndarray, *, random_state: int = 0) -> np.ndarray:
    """Order cells so that every beginning has the class shares of the whole.

    One cell of each class comes first, so that a subset of at least as many cells as there are
    classes can tell all of them.

    Examples
    --------
    >>> codes = np.array([0] * 6 + [1] * 3)
    >>> codes[stratified_order(codes)].tolist()
    [0, 1, 0, 0, 0, 1, 0, 0, 1]
    """
    rng = generator(random_state, 1)
    place = np.empty(len(codes))
    for code in np.unique(codes):
        cells = rng.permutation(np.flatnonzero(codes == code))
        # evenly through the order, from a random start
        place[cells] = (np.arange(len(cells)) + rng.random()) / len(cells)
        place[cells[0]] -= 1
    return np.argsort(place, kind="stable")


def _check_sizes(sizes: Sequence[int], *, n_classes: int, n_pool: int) -> None:
    wrong = [int(size) for size in sizes if not n_classes <= size <= n_pool]
    if wrong:
        msg = (
            f"`sizes` holds {wrong}, but a training set has at least one cell of each of the "
            f"{n_classes} classes and at most the {n_pool} labelled cells that the test cells leave."
        )
        raise ValueError(msg)
