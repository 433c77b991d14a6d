"""How much of its correction a hybrid contestant used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ._benchmark import OK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._benchmark import FoldResult


def gate_table(results: Sequence[FoldResult]) -> pd.DataFrame:
    """Mean gate of every contestant, and how often it was closed.

    With the gate at 0 a hybrid predicts what its simple model predicts: its score is then that
    model's, whatever its name.

    Parameters
    ----------
    results
        Results of :func:`cross_validate`.

    Returns
    -------
    Index ``model``; columns ``gate``, the mean over finished folds (and seeds), and ``gate_closed``,
    the share of them in which it was 0. NaN for contestants without a gate.
    """
    names = list(dict.fromkeys(result.model for result in results))
    rows = []
    for name in names:
        gates = np.array([r.gate for r in results if r.model == name and r.status == OK])
        gates = gates[~np.isnan(gates)]
        rows.append((gates.mean(), (gates == 0).mean()) if len(gates) else (np.nan, np.nan))
    return pd.DataFrame(rows, index=names, columns=["gate", "gate_closed"], dtype=float)
