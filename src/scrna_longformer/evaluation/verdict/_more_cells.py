"""What more cells would change, where a learning curve has been measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ._numbers import cells, listed, metric_named, named, score


def more_cells(
    model: str,
    params: Mapping[str, Any],
    curve: Mapping[str, Any] | None,
    requirement: Mapping[str, Any] | None,
    *,
    stale: bool = False,
) -> str:
    """Say what more labelled cells would change, or which call measures it.

    Parameters
    ----------
    model
        Contestant to use; empty if none is named.
    params
        Of the comparison.
    curve, requirement
        Records of ``learning_curve`` and ``data_requirement``; ``None`` where there are none, or
        none for these labels.
    stale
        Whether there is a curve of the same column, of other labels or of a version that did not
        keep their fingerprint.
    """
    key = str(params["key"])
    if stale:
        return (
            f"the learning curve in uns is not known to be of the labels compared here, and is not quoted "
            f"(sl.tl.learning_curve(adata, {key!r}) measures it anew)"
        )
    if curve is None:
        return f"what more cells would change has not been measured (sl.tl.learning_curve(adata, {key!r}) does)"
    parts = _expected(model, curve)
    if requirement is not None:
        parts += _level(requirement)
    else:
        parts.append(
            "from how many cells on a transformer would be level has not been asked "
            "(sl.tl.data_requirement(adata) does)"
        )
    return listed(parts)


def _expected(model: str, curve: Mapping[str, Any]) -> list[str]:
    """Score of the model at the largest measured size and at the end of its curve."""
    laws = pd.DataFrame(curve.get("laws", {}))
    lawless = laws[~laws["holds"].astype(bool)] if "holds" in laws else laws.iloc[:0]
    if len(lawless) and model in set(lawless["model"].astype(str)):
        return [f"the curve of {named(model)} follows no law that could be continued"]
    frame = pd.DataFrame(curve.get("curve", {}))
    rows = frame[frame["model"].astype(str) == model] if len(frame) else frame
    if rows.empty or not rows["measured"].astype(bool).any():
        return []
    rows = rows.sort_values("n_cells")
    here, there = rows[rows["measured"].astype(bool)].iloc[-1], rows.iloc[-1]
    return [
        f"with {cells(there['n_cells'])} instead of {cells(here['n_cells'])} labelled cells "
        f"{named(model)} would go from {metric_named(str(curve['params']['metric']))} "
        f"{score(here['value'])} to about {score(there['value'])} "
        f"(interval {score(there['low'])} to {score(there['high'])})"
    ]


def _level(requirement: Mapping[str, Any]) -> list[str]:
    """From how many cells on each transformer matches the best simple model."""
    table, params = requirement["table"], requirement["params"]
    limit = cells(float(params["horizon"]))
    rows = table[table["goal"].astype(str) == "match"]
    return [
        f"for {row['model']} to match the best simple model {_words(row, limit)}"
        for row in rows.to_dict("records")
    ]


def _words(row: Mapping[Any, Any], limit: str) -> str:
    low, high, status = float(row["low"]), float(row["high"]), str(row["status"])
    if status == "none in sight":
        return f"no number of cells up to {limit} is in sight"
    if status == "open":
        return f"no number of cells up to {limit} is expected, nor excluded"
    ends = f"{cells(low) if low > 0 else 'the smallest measured'} to "
    ends += cells(high) if high < float("inf") else f"more than {limit}"
    return f"it takes about {cells(float(row['n_cells']))} labelled cells (interval {ends})"
