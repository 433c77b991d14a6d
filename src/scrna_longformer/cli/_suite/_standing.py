"""Who stands where: transformers against the best simple model of every set, from the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...evaluation import LOWER_IS_BETTER, holm
from ._plan import HYBRID, PURE, RIVALS
from ._sets import FOLDS as BY_FOLDS
from ._tables import DIFFERENCES, FOLDS, SCORES

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVEL = 0.05
FEWEST_FOLDS = 10  # for a test over folds: with five it has four degrees of freedom
JUDGED = ("macro_f1", "log_loss")  # what a transformer may be better in
SHOWN = (*JUDGED, "ece")
LINEAR = "logistic_regression"
_RUN = ["repeat", "fold", "seed"]


def standings(tables: Mapping[str, pd.DataFrame], manifest: Mapping[str, Any]) -> pd.DataFrame:
    """Compare both transformers with the best simple model, contest by contest.

    Parameters
    ----------
    tables
        Of a run of the suite.
    manifest
        Of the same run.

    Returns
    -------
    One row per contest, metric and transformer:

    ``contest``, ``set``, ``regime``, ``kind``, ``metric``, ``model``
        What is compared; ``contest`` numbers sets and regimes.
    ``rival``
        The best of the simple models by this metric, on the folds that all of them finished. It is
        chosen on the very folds it is compared on, which favours it.
    ``difference``, ``low``, ``high``
        Transformer minus rival on the folds of both, and the 95 % interval over test cells.
    ``p_value``
        Over folds (Nadeau and Bengio) from two repeats of five on; with fewer, and where groups are
        held out, over test cells.
    ``p_over``
        ``'folds'`` or ``'cells'``, accordingly.
    ``p_holm``
        The same adjusted by Holm over all contests and ``JUDGED`` of the transformer; NaN for
        other metrics.
    ``is_better``
        Whether the transformer is better after the adjustment.
    """
    rows = [
        row
        for contest, about in enumerate(manifest["contests"])
        for metric in SHOWN
        for row in _rows(tables, contest, about, metric)
    ]
    table = pd.DataFrame(rows)
    judged = table["metric"].isin(JUDGED)
    table["p_holm"] = np.nan
    for _, of_model in table[judged].groupby("model"):
        table.loc[of_model.index, "p_holm"] = holm(of_model["p_value"].to_numpy())
    sign = np.where(table["metric"].isin(list(LOWER_IS_BETTER)), -1, 1)
    table["is_better"] = (table["p_holm"] < LEVEL) & (sign * table["difference"] > 0)
    return table


def _rows(
    tables: Mapping[str, pd.DataFrame], contest: int, about: Mapping[str, Any], metric: str
) -> list[dict[str, Any]]:
    rival = best_rival(of_contest(tables[FOLDS], about), metric)
    against = of_contest(tables[DIFFERENCES], about).query("metric == @metric")
    against = against[against["model_b"] == rival]
    row_of = {model: against[against["model_a"] == model].iloc[0] for model in (HYBRID, PURE)}
    return [
        {
            "contest": contest,
            **{name: about[name] for name in ("set", "regime", "kind")},
            "metric": metric,
            "model": model,
            "rival": rival,
            **{name: row[name] for name in ("difference", "low", "high")},
            **_p_value(row, about["regime"]),
        }
        for model, row in row_of.items()
    ]


def _p_value(row: pd.Series, regime: str) -> dict[str, Any]:
    by_folds = regime == BY_FOLDS and row["n"] >= FEWEST_FOLDS
    return {
        "p_value": row["p_value" if by_folds else "p_cells"],
        "p_over": "folds" if by_folds else "cells",
    }


def best_rival(folds: pd.DataFrame, metric: str) -> str:
    """Simple model with the best mean over the folds that all of them finished."""
    scores = folds[(folds["metric"] == metric) & folds["model"].isin(RIVALS)]
    by_fold = scores.pivot_table(index=_RUN, columns="model", values="value").dropna()
    means = by_fold.mean()[[name for name in RIVALS if name in by_fold]]
    return str(means.idxmin() if metric in LOWER_IS_BETTER else means.idxmax())


def score(
    tables: Mapping[str, pd.DataFrame], about: Mapping[str, Any], model: str, metric: str
) -> pd.Series:
    """Mean of a contestant in a contest, and the ends of its interval."""
    scores = of_contest(tables[SCORES], about)
    return scores[(scores["model"] == model) & (scores["metric"] == metric)].iloc[0]


def of_hybrid(
    tables: Mapping[str, pd.DataFrame], about: Mapping[str, Any], metric: str
) -> pd.Series:
    """What the hybrid has in every fold of a contest: its gate, say."""
    folds = of_contest(tables[FOLDS], about)
    return folds.loc[(folds["model"] == HYBRID) & (folds["metric"] == metric), "value"]


def of_contest(table: pd.DataFrame, about: Mapping[str, Any]) -> pd.DataFrame:
    """Rows of one contest."""
    return table[(table["set"] == about["set"]) & (table["regime"] == about["regime"])]
