"""Contestants whose predictions do not depend on the cells they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._result import CheckResult, fault, passed

NAME = "input_ignored"
LEAST_STIR = 1e-6  # beyond rounding
LEAST_CHANGE = 0.01  # mean total variation distance between two predictions for a cell


def input_ignored(probes: Sequence[Mapping[str, float]], *, model: str = "") -> CheckResult:
    """Look whether predictions change when the cells do.

    Parameters
    ----------
    probes
        What ``cross_validate(..., probes=True)`` found in each fold.
    model
        Name of the contestant.

    Returns
    -------
    CheckResult
        Severity ``'exclude'``; fires if predictions for cells in another order, or for such cells
        with their genes exchanged, differ from those for the cells themselves by no more than
        predictions for the same cells differ when asked for twice, or by less than 0.01; or if
        predictions do not move along with the rows. Evidence, all as mean total variation distance:
        ``change_again``, ``change_rows``, ``change_noise``, ``change_following``.

    Examples
    --------
    >>> probe = {"again": 0.0, "rows": 0.6, "noise": 0.4, "following": 0.0}
    >>> input_ignored([probe]).fired
    False
    >>> input_ignored([probe | {"rows": 0.0, "noise": 0.0}]).fired
    True
    """
    names = ("again", "rows", "noise", "following")
    change = {name: float(np.mean([probe[name] for probe in probes])) for name in names}
    evidence: dict[str, Any] = {f"change_{name}": value for name, value in change.items()}
    least = LEAST_CHANGE + 2 * change["again"]
    is_flat = change["again"] == 0 and LEAST_STIR < change["rows"] < LEAST_CHANGE
    stay = "stay nearly as they are" if is_flat else "stay as they are"
    reasons = []
    if change["rows"] < least:
        reasons.append(f"{stay} when the rows are put in another order")
    elif change["following"] > 0.5 * change["rows"] + LEAST_CHANGE:
        reasons.append("do not move along when the rows are put in another order")
    if change["noise"] < least:
        reasons.append(f"{stay} when genes are exchanged at random")
    if not reasons:
        what = (
            f"Predictions of {model!r} change with the cells (by {change['noise']:.2f} on noise)."
        )
        return passed(NAME, "exclude", what, subject=model, **evidence)
    why = "It does not look at the expression of a cell, so its score is none of a classifier."
    if is_flat:
        why = (
            "It hardly looks at the expression of a cell, so its probabilities tell nothing of one."
        )
    return fault(
        NAME,
        "exclude",
        f"Predictions of {model!r} {', and '.join(reasons)}.",
        why,
        "check that predict_proba uses its argument; if so, train longer or with a weaker penalty; if "
        "it calibrates itself, look at how.",
        subject=model,
        evidence=evidence,
    )
