"""Is a transformer needed? Every transformer against logistic regression and the best simple model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ._pairs import Pairs
from ._ranking import RANKED, is_mostly_closed, kind_of

LOGISTIC_REGRESSION = "logistic_regression"
_COLUMNS = (
    *("model", "gate", "gate_closed", "counts_as", "rival"),
    *("gain", "gain_low", "gain_high", "p_holm", "p_better", "p_equivalent", "p_worse", "n"),
)


def transformer_table(
    record: Mapping[str, Any], ranking: pd.DataFrame, metric: str
) -> pd.DataFrame:
    """Compare every transformer with logistic regression and with the best simple model.

    Parameters
    ----------
    record
        Tables of a comparison.
    ranking
        Of :func:`ranking_table`.
    metric
        Score to compare.

    Returns
    -------
    One row per transformer and rival: ``model``; ``gate``, ``gate_closed`` (NaN for transformers
    alone); ``counts_as``, ``'transformer'``, or ``'simple mean'`` for a hybrid whose gate was closed
    in most fits; ``rival``; ``gain`` over it with its interval ``gain_low`` and ``gain_high`` and
    the tests of the pairwise table; ``n`` shared folds.
    """
    pairs = Pairs(record["pairwise"], metric)
    gates = record["models"].assign(model=record["models"]["model"].astype(str)).set_index("model")
    rows = []
    for model in ranking["model"]:
        closed = is_mostly_closed(record["models"], model)
        if kind_of(record["models"], model) != "transformer" and not closed:
            continue
        gate, share = (
            float(gates.at[model, c]) if c in gates else np.nan for c in ("gate", "gate_closed")
        )
        counts_as = "simple mean" if closed else "transformer"
        for rival in rivals_of(ranking, model):
            pair = pairs.between(model, rival)
            if pair is not None:
                ends = (pair.gain, pair.low, pair.high, pair.p_holm)
                odds = (pair.p_better, pair.p_equivalent, pair.p_worse, pair.n)
                rows.append((model, gate, share, counts_as, rival, *ends, *odds))
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def rivals_of(ranking: pd.DataFrame, model: str) -> list[str]:
    """Best simple model of the ranking, and logistic regression if it took part."""
    best = best_simple(ranking, but=model)
    names = set(ranking.loc[ranking["status"] == RANKED, "model"])
    rivals = [best] if best else []
    if LOGISTIC_REGRESSION in names - {best}:
        rivals.append(LOGISTIC_REGRESSION)
    return rivals


def best_simple(ranking: pd.DataFrame, *, but: str = "") -> str:
    """Name the best ranked simple model, other than one; empty if there is none."""
    simple = ranking[(ranking["status"] == RANKED) & (ranking["kind"] == "simple")]
    return next((str(name) for name in simple["model"] if name != but), "")
