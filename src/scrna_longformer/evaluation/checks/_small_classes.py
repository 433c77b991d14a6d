"""Classes too small for their scores to mean much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._result import CheckResult, fault, passed

NAME = "small_classes"
LEAST_CELLS = 20
LEAST_GROUPS = 2


def small_classes(
    codes: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
) -> CheckResult:
    """List the classes with fewer than 20 cells, or in a single group if groups are held out.

    Parameters
    ----------
    codes
        Class of each cell; cells with a negative code are left out.
    groups
        Groups that are held out whole, if there are any.
    class_names
        Names of the classes.

    Returns
    -------
    CheckResult
        Severity ``'limits'``. Evidence: ``smallest``, ``n_small``, ``n_in_one_group``.

    Notes
    -----
    Of a class with 20 cells, 18 of them recognised, the 95 % interval of the recall (Wilson) still
    reaches from 0.70 to 0.97; macro-F1 counts such a class as much as the largest.

    Examples
    --------
    >>> small_classes(np.repeat([0, 1, 2], [100, 50, 7]), class_names=["T", "B", "DC"]).what
    "Of 3 classes, 1 have fewer than 20 cells: 'DC' (7)."
    """
    codes = np.asarray(codes)
    sizes = np.bincount(codes[codes >= 0])
    names = [str(i) for i in range(len(sizes))] if class_names is None else list(class_names)
    small = [i for i in np.flatnonzero(sizes) if sizes[i] < LEAST_CELLS]
    alone = []
    if groups is not None:
        spread = [len(np.unique(np.asarray(groups)[codes == i])) for i in range(len(sizes))]
        alone = [i for i in np.flatnonzero(sizes) if spread[i] < LEAST_GROUPS]
    present = sizes[sizes > 0]
    evidence: dict[str, Any] = {
        "smallest": int(present.min()),
        "n_small": len(small),
        "n_in_one_group": len(alone),
    }
    found = []
    if small:
        listed = ", ".join(f"{str(names[i])!r} ({sizes[i]})" for i in small[:5])
        listed += ", ..." if len(small) > 5 else ""
        found.append(
            f"Of {len(present)} classes, {len(small)} have fewer than {LEAST_CELLS} cells: {listed}."
        )
    if alone:
        listed = ", ".join(repr(str(names[i])) for i in alone[:5]) + (
            ", ..." if len(alone) > 5 else ""
        )
        found.append(f"In one group only, so never trained and tested on: {listed}.")
    if not found:
        what = f"The smallest class has {present.min()} cells."
        return passed(NAME, "limits", what, **evidence)
    return fault(
        NAME,
        "limits",
        " ".join(found),
        "The ranking does not show how well these classes are told: their scores rest on a few "
        "cells, and move macro-F1 as much as the largest class does.",
        "merge or drop them, label more cells, or read accuracy and the scores per class.",
        evidence=evidence,
    )
