"""Who is ranked, in which order, and who does as well as the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._metrics import LOWER_IS_BETTER
from .._summary import COSTS
from ..checks import REFERENCES
from ._pairs import Pair, Pairs

RANKED, FLOOR, EXCLUDED, TOO_FEW = "ranked", "floor", "excluded", "too few folds"
COPY = "copy of the simple mean"
SIMPLE_MEAN = "simple_mean"
PROPER = "log_loss"  # a model that is right as often, but wrongly sure of itself, is not as good
ONE_ERROR = 0.317  # two-sided p of a difference of one standard error
FEW_GROUPS = (
    6  # held-out groups below which an interval that counts them is too wide to ask much of
)
DEAR = 2.0  # times the cheapest: beyond, a model is the more expensive one
MOSTLY = 0.5  # share of fits with the gate closed above which a hybrid is its simple model


def ranking_table(record: Mapping[str, Any], metric: str) -> pd.DataFrame:
    """Rank the contestants that may be ranked.

    Parameters
    ----------
    record
        Tables of a comparison: ``summary``, ``pairwise``, ``models``, ``excluded``, ``params``.
    metric
        Score to rank by.

    Returns
    -------
    One row per contestant, those ranked first, the best on top:

    ``model``, ``kind`` (``'simple'`` or ``'transformer'``), ``status``
        ``'ranked'``; ``'floor'``, a contestant without skill by design; ``'excluded'`` by a check;
        ``'too few folds'``, less than half of what others finished; ``'copy of the simple mean'``, a
        hybrid whose gate was closed in most fits, beside the simple mean itself.
    ``score``, ``low``, ``high``, ``n``
        Mean, its interval and the finished folds, from the summary.
    ``gain``, ``gain_low``, ``gain_high``, ``p_holm``, ``p_equivalent``
        Against the best, on shared folds; negative gains are behind.
    ``as_good``
        Whether it is as good as the best: at most one standard error behind, or its interval within
        the region of practical equivalence, and in log-loss too.
    ``floor``, ``floor_gain``, ``floor_low``, ``floor_high``
        The best floor that took part (empty without), and the gain over it, on shared folds.
    ``above_floor``
        Whether the interval of that gain is above 0. Of fewer than six held-out groups it seldom is:
        there the gain need only matter. Without a floor nothing speaks against it.
    costs
        Means, those that were measured.
    """
    summary = record["summary"]
    scores = summary[summary["metric"] == metric].set_index("model")
    scores.index = scores.index.astype(str)
    table = pd.DataFrame({"model": scores.index})
    models = record["models"]
    table["kind"] = [kind_of(models, name) for name in table["model"]]
    table["status"] = _statuses(record, scores["n"].to_dict())
    for column in ("score", "low", "high", "n"):
        table[column] = scores["mean" if column == "score" else column].to_numpy()
    pairs = Pairs(record["pairwise"], metric)
    rivals = list(table.loc[table["status"] == RANKED, "model"])
    table = _in_order(table, rivals, pairs, falling=metric not in LOWER_IS_BETTER)
    best = best_of(table)
    rope = float(record["params"]["rope"])
    found = [pairs.between(name, best) if best and name != best else None for name in table.model]
    for column, of in (
        ("gain", "gain"),
        ("gain_low", "low"),
        ("gain_high", "high"),
        ("p_holm", "p_holm"),
        ("p_equivalent", "p_equivalent"),
    ):
        table[column] = [np.nan if pair is None else getattr(pair, of) for pair in found]
    ranked = table["status"] == RANKED
    proper = Pairs(record["pairwise"], PROPER)
    in_loss = [proper.between(name, best) for name in table.model]
    near = [
        name == best
        or (pair is not None and all(near_enough(p, rope) for p in (pair, loss) if p is not None))
        for name, pair, loss in zip(table.model, found, in_loss, strict=True)
    ]
    table["as_good"] = ranked & np.array(near, dtype=bool)
    _add_floor(table, pairs, falling=metric not in LOWER_IS_BETTER)
    shown = table["floor_low"] > 0
    if 0 < record["params"].get("n_groups", 0) < FEW_GROUPS:
        shown |= table["floor_gain"] > rope
    table["above_floor"] = shown | table["floor_low"].isna() & ~(table["floor_gain"] <= 0)
    costs = summary[summary["metric"].isin(COSTS)]
    wide = costs.pivot_table(index="model", columns="metric", values="mean", observed=True)
    wide.index, wide.columns = wide.index.astype(str), wide.columns.astype(str)
    return table.join(wide, on="model")


def _add_floor(table: pd.DataFrame, pairs: Pairs, *, falling: bool) -> None:
    """Add how far each contestant is above the best of those without skill."""
    floors = table[table["status"] == FLOOR].sort_values("score", ascending=not falling)
    floor = str(floors["model"].iloc[0]) if len(floors) else ""
    found = [pairs.between(name, floor) if floor != name else None for name in table.model]
    table["floor"] = floor
    for column, of in (("floor_gain", "gain"), ("floor_low", "low"), ("floor_high", "high")):
        table[column] = [np.nan if pair is None else getattr(pair, of) for pair in found]


def near_enough(pair: Pair, rope: float) -> bool:
    """Whether the first of a pair is as good as the second, for choosing between them.

    It is at most one standard error behind (Breiman et al. 1984: the rule for choosing the simplest
    of several models), or so little that it does not matter.
    """
    if pair.gain >= 0 or pair.p_cells >= ONE_ERROR:
        return True
    if np.isnan(pair.p_cells):  # a single fold of few cells has no error to measure by
        return bool(pair.gain >= -rope)
    return bool(pair.low >= -rope)


def best_of(table: pd.DataFrame) -> str:
    """Name the best of the ranked contestants; empty if there is none."""
    ranked = table.loc[table["status"] == RANKED, "model"]
    return str(ranked.iloc[0]) if len(ranked) else ""


def cheapest_as_good(table: pd.DataFrame) -> str:
    """Name the contestant to use: of those as good as the best, the best that is not expensive.

    Who is not above the floor is not named. Expensive is what takes more than twice as long to fit
    as the cheapest of them; smaller differences are those of machines.
    """
    good = table[table["as_good"] & table["above_floor"]]
    if good.empty:
        return ""
    if "fit_seconds" in good and good["fit_seconds"].notna().any():
        good = good[~(good["fit_seconds"] > DEAR * good["fit_seconds"].min())]
    return str(good["model"].iloc[0])


def kind_of(models: pd.DataFrame, name: str) -> str:
    """Whether a contestant is a transformer, or a hybrid that was mostly its simple model."""
    row = models[models["model"].astype(str) == name]
    kind = "transformer" if name.startswith("longformer") else "simple"
    if "kind" in row and len(row):
        kind = str(row["kind"].iloc[0])
    return "simple" if is_mostly_closed(models, name) else kind


def built_in(models: pd.DataFrame, name: str) -> str:
    """Built-in contestant that one is, by whatever name it takes part; its name if it is none."""
    row = models[models["model"].astype(str) == name]
    return (str(row["built_in"].iloc[0]) if "built_in" in row and len(row) else "") or name


def is_mostly_closed(models: pd.DataFrame, name: str) -> bool:
    """Whether a contestant is a hybrid that used no correction in more than half of its fits."""
    row = models[models["model"].astype(str) == name]
    return bool(len(row) and "gate_closed" in row and row["gate_closed"].iloc[0] > MOSTLY)


def _statuses(record: Mapping[str, Any], folds: Mapping[str, float]) -> list[str]:
    excluded = {str(name) for name in record["excluded"]}
    most = max(folds.values(), default=0)
    means = {name for name in folds if built_in(record["models"], name) == SIMPLE_MEAN}

    def status(name: str) -> str:
        if built_in(record["models"], name) in REFERENCES:
            return FLOOR
        if name in excluded:
            return EXCLUDED
        if folds[name] < most / 2:
            return TOO_FEW
        closed = is_mostly_closed(record["models"], name)
        return COPY if closed and means - excluded else RANKED

    return [status(name) for name in folds]


def _in_order(
    table: pd.DataFrame, rivals: Sequence[str], pairs: Pairs, *, falling: bool
) -> pd.DataFrame:
    """Sort by how many others a contestant is ahead of on the folds that both finished.

    Where all finished all folds that is the order of the means.
    """
    wins = [
        sum(pairs.gain(name, other) > 0 for other in rivals if other != name)
        if name in rivals
        else -1
        for name in table["model"]
    ]
    order = table.assign(wins=wins, value=table["score"] if falling else -table["score"])
    order = order.sort_values(["wins", "value"], ascending=False, kind="stable")
    return order.drop(columns=["wins", "value"]).reset_index(drop=True)
