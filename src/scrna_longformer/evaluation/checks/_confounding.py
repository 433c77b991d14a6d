"""Labels that go together with batch or donor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._random import generator
from ._result import CheckResult, fault, passed

NAME = "confounding"
MOST_ASSOCIATION = 0.5
MOST_PURITY = 0.95
_LEAST_CELLS = 10
ALPHA = 0.01
_N_DRAWS = 2000


def confounding(
    codes: np.ndarray,
    groups: np.ndarray,
    *,
    key: str = "batch",
    class_names: Sequence[str] | None = None,
    held_out: bool = False,
    random_state: int = 0,
) -> CheckResult:
    """Measure how far the group of a cell gives its label away.

    Parameters
    ----------
    codes
        Class of each cell; cells with a negative code are left out.
    groups
        Batch or donor of each cell.
    key
        What the groups are, for the text.
    class_names
        Names of the classes.
    held_out
        Whether these are the groups that were tested on and never trained on.
    random_state
        Seed of the draws.

    Returns
    -------
    CheckResult
        Severity ``'limits'``; fires if Cramér's V (corrected for bias) is at least 0.5, or if a
        class of ten cells or more is found almost only (95 %) in groups that hold less than half of
        the cells of the other classes, and fewer than as many cells drawn from all groups by their
        shares would lie with (1 % of 2,000 draws, shared between classes). Evidence: ``cramers_v``,
        ``n_one_sided``.

    Notes
    -----
    The draws are asked because a class of twelve cells lies in few of twenty donors by chance.

    References
    ----------
    Bergsma (2013), A bias-correction for Cramér's V and Tschuprow's T, Journal of the Korean
    Statistical Society 42, 323-328.

    Examples
    --------
    >>> codes = np.repeat([0, 1], 50)
    >>> confounding(codes, np.tile(["a", "b"], 50)).fired
    False
    >>> confounding(codes, np.repeat(["a", "b"], 50)).fired
    True
    """
    kept = np.asarray(codes) >= 0
    codes = np.asarray(codes)[kept]
    levels, group = np.unique(np.asarray(groups)[kept], return_inverse=True)
    table = np.zeros((int(codes.max()) + 1, len(levels)))
    np.add.at(table, (codes, group), 1)
    association = cramers_v(table)
    one_sided = _one_sided(table, generator(random_state, 6))
    names = [str(i) if class_names is None else str(class_names[i]) for i in one_sided]
    evidence: dict[str, Any] = {"cramers_v": association, "n_one_sided": len(names), "key": key}
    what = f"Cramér's V between label and {key!r} is {association:.2f}."
    if names:
        listed = ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
        what += f" Found (almost) only where few others are: {listed}."
    if association < MOST_ASSOCIATION and not names:
        return passed(NAME, "limits", what, **evidence)
    why = f"Scores do not show that a model tells classes: it may tell {key!r} instead."
    mend = (
        f"test on groups that were never trained on (`group_key`={key!r}), and use data in which "
        "every class occurs in several groups."
    )
    if held_out:
        why = (
            f"No {key!r} was trained and tested on, but what else differs between those of one class "
            f"and those of another cannot be told from the class, and they are {len(levels)} at most."
        )
        mend = f"more of {key!r}, of every class, and such as hold several classes, where there are any."
    return fault(
        NAME,
        "limits",
        f"Label and {key!r} go together. {what}",
        why,
        mend,
        evidence=evidence,
    )


def cramers_v(table: np.ndarray) -> float:
    """Cramér's V of a contingency table, corrected for bias; 0 for a single row or column."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n = table.sum()
    r, k = table.shape
    if min(r, k) < 2 or n < 2:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi2 = float(((table - expected) ** 2 / expected).sum() / n)
    corrected = max(0.0, phi2 - (r - 1) * (k - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    return float(np.sqrt(corrected / max(min(rows, columns) - 1, 1e-12)))


def _one_sided(table: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Classes that are found almost only in groups where the rest is rare, and not by chance."""
    found = []
    sizes = table.sum(axis=1).astype(int)
    asked = np.flatnonzero(sizes >= _LEAST_CELLS)
    for code in asked:
        rest = table.sum(axis=0) - table[code]
        if rest.sum() == 0:
            continue
        share = float(_share_of_rest(table[code], rest)[0])
        if share >= 0.5:
            continue
        drawn = rng.multinomial(sizes[code], table.sum(axis=0) / table.sum(), size=_N_DRAWS)
        if share < np.quantile(_share_of_rest(drawn, rest), ALPHA / len(asked)):
            found.append(int(code))
    return found


def _share_of_rest(counts: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Share of other cells in the fewest groups that hold 95 % of those counted, for each row of counts."""
    counts = np.atleast_2d(counts)
    by_size = np.argsort(-counts, axis=1, kind="stable")
    cover = np.cumsum(np.take_along_axis(counts, by_size, axis=1), axis=1)
    before = np.column_stack([np.zeros(len(counts)), cover[:, :-1]])
    is_used = before < (MOST_PURITY - 1e-9) * counts.sum(axis=1, keepdims=True)
    return np.asarray((rest[by_size] * is_used).sum(axis=1) / rest.sum())
