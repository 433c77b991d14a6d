"""The decision behind a verdict: which model to use, or why none is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..checks import REFERENCES
from ._ranking import RANKED, best_of, built_in, cheapest_as_good, ranking_table
from ._transformers import transformer_table


@dataclass(frozen=True)
class Decision:
    """What the tables of a comparison support.

    Attributes
    ----------
    metric
        Score that was ranked by.
    model
        Contestant to use: the cheapest that is as good as the best. Empty if none is named.
    best
        Contestant with the best score; empty if none is named.
    reason
        Why none is named; empty if one is.
    ranking
        :func:`ranking_table`.
    transformers
        :func:`transformer_table`.
    faults
        Checks that fired, without those on contestants that are a floor by design.
    """

    metric: str
    model: str
    best: str
    reason: str
    ranking: pd.DataFrame
    transformers: pd.DataFrame
    faults: pd.DataFrame


def decide(record: Mapping[str, Any], metric: str = "macro_f1") -> Decision:
    """Draw the conclusion from the tables of a comparison.

    Parameters
    ----------
    record
        What :func:`scrna_longformer.tl.baseline_compare` leaves in ``uns``.
    metric
        Score to rank by.

    Notes
    -----
    A void check forbids a winner, an excluded contestant is not ranked, and so is one that finished
    less than half of the folds of others. Nor is there a winner where none is above the best floor
    (:func:`ranking_table`) by more than the interval of the difference allows. Of the others the
    best is the one ahead of most on shared folds. As good as it is whoever is at most one standard
    error of the paired difference behind, or so little that it does not matter, in this score and in
    log-loss; of these the best is named that takes no more than twice as long to fit as the cheapest.

    References
    ----------
    Breiman, Friedman, Olshen and Stone (1984), Classification and Regression Trees, section 3.4.3.
    """
    ranking = ranking_table(record, metric)
    transformers = transformer_table(record, ranking, metric)
    checks = record["checks"]
    fired = checks[checks["fired"].astype(bool)] if "fired" in checks else checks
    floors = {n for n in ranking["model"] if built_in(record["models"], n) in REFERENCES}
    subjects = fired["subject"].astype(str) if len(fired) else fired
    faults = fired[~subjects.isin(REFERENCES | floors)] if len(fired) else fired
    reason = _reason(record, ranking, faults)
    model, best = ("", "") if reason else (cheapest_as_good(ranking), best_of(ranking))
    return Decision(metric, model, best, reason, ranking, transformers, faults)


def _reason(record: Mapping[str, Any], ranking: pd.DataFrame, faults: pd.DataFrame) -> str:
    """Why no winner may be named; empty if one may."""
    if len(record["checks"]) == 0:
        return "unchecked"
    if len(faults) and (faults["severity"] == "void").any():
        return "void"
    ranked = ranking[ranking["status"] == RANKED]
    if ranked.empty:
        return "nobody"
    # with the best alone above it, its rivals are none that may be used instead
    return "" if (ranked["as_good"] & ranked["above_floor"]).any() else "floor"
