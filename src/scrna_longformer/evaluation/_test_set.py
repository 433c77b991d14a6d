"""A final test set, drawn once and scored once."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from .._random import generator
from ._split import holdout

_STREAM = 97  # apart from the streams of the folds, which are numbered by repeat


def draw_test_set(
    codes: np.ndarray,
    fraction: float,
    *,
    groups: np.ndarray | None = None,
    random_state: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the cells, or the whole groups, that no fold may see.

    Parameters
    ----------
    codes
        Class of each cell; cells with a negative code are in neither part.
    fraction
        Share of each class to draw, above 0 and at most 1/2. With groups it is met as nearly as
        whole groups allow: the groups are dealt into ``round(1 / fraction)`` stratified parts, and
        one of them is the test set.
    groups
        Group of each cell.
    random_state
        Seed of the draw.

    Returns
    -------
    Ascending rows of the cells that remain and of the test set.

    Raises
    ------
    ValueError
        If ``fraction`` is out of range, there are too few groups, or no choice of groups leaves
        every class something to train on.

    Examples
    --------
    >>> rest, test = draw_test_set(np.repeat([0, 1], 20), 0.25)
    >>> len(rest), len(test)
    (30, 10)
    """
    if not 0 < fraction <= 0.5:
        msg = f"`test_fraction` must lie above 0 and be at most 0.5, not {fraction!r}."
        raise ValueError(msg)
    codes = np.asarray(codes)
    seed = int(generator(random_state, _STREAM).integers(2**32))
    if groups is None:
        return holdout(codes, fraction, random_state=seed)
    n_parts = max(round(1 / fraction), 2)
    rows = np.flatnonzero(codes >= 0)
    labels = np.asarray(groups)[rows].astype(str)
    n_groups = len(np.unique(labels))
    if n_groups <= n_parts:
        enough = (
            "Choose another `group_key`"
            if n_groups < 3
            else f"Choose a fraction of at least {np.ceil(100 / (n_groups - 1)) / 100:g}, another `group_key`"
        )
        msg = (
            f"`test_fraction`={fraction!r} by whole groups needs more than {n_parts} groups; there "
            f"are {n_groups}. {enough}, or a comparison in which each group is a test set in its turn: "
            "sl.tl.baseline_compare(..., split='leave_one_group_out'), without a test set."
        )
        raise ValueError(msg)
    folder = StratifiedGroupKFold(n_parts, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")  # told by the folds
        for rest, test in folder.split(rows, codes[rows], labels):
            if len(np.unique(codes[rows[rest]])) == len(np.unique(codes[rows])):
                return rows[rest], rows[test]
    msg = (
        f"`test_fraction`={fraction!r}: whichever groups are held out, some class lies in them alone "
        "and could not be trained on. Choose another `group_key`, or drop such classes."
    )
    raise ValueError(msg)
