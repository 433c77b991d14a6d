"""Is a transformer needed? In words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ._decide import Decision
from ._names import row_of, spoken
from ._numbers import interval, listed, percent, score
from ._ranking import RANKED, kind_of
from ._transformers import best_simple


def transformer_answer(decision: Decision, record: Mapping[str, Any]) -> str:
    """Say whether a transformer is needed, and what became of hybrids with a closed gate."""
    table = decision.transformers
    closed = table[table["counts_as"] == "simple mean"].drop_duplicates("model")
    said = [
        f"the gate of {row['model']} was 0 in {percent(row['gate_closed'])} of its fits, so that it "
        "is the simple mean and says nothing for transformers"
        for row in closed.to_dict("records")
    ]
    return "; ".join([*said, *_of_true_ones(decision, record, has_said=bool(said))])


def true_transformers(decision: Decision) -> pd.DataFrame:
    """Rows of ranked transformers that are some: not of hybrids with a closed gate."""
    ranking, table = decision.ranking, decision.transformers
    ranked = ranking.loc[ranking["status"] == RANKED, "model"]
    return table[(table["counts_as"] == "transformer") & table["model"].isin(ranked)]


def is_undertrained(decision: Decision, model: str) -> bool:
    """Whether the check of under-fitting fired for a contestant."""
    faults = decision.faults
    if len(faults) == 0:
        return False
    return bool(((faults["check"] == "underfitting") & (faults["subject"] == model)).any())


def _of_true_ones(decision: Decision, record: Mapping[str, Any], *, has_said: bool) -> list[str]:
    """Speak of transformers that are some."""
    ranking = decision.ranking
    ranked = [str(name) for name in ranking.loc[ranking["status"] == RANKED, "model"]]
    true = true_transformers(decision)
    if row_of(ranking, decision.model)["kind"] == "transformer":
        rows = true[true["model"] == decision.model]
        if rows.empty:
            return [f"{decision.model} is a transformer, and no simple model was there to compare"]
        row = rows.iloc[0]
        opening = (
            "a transformer is worth it here"
            if row["gain_low"] > 0
            else "whether a transformer is worth it here is not settled"
        )
        return [f"{opening}: {_against(decision, row)}"]
    if true.empty:
        return [] if has_said else [_absent(record)]
    best = next(name for name in ranked if name in set(true["model"]))
    rows = true[true["model"] == best]
    chosen = rows[rows["rival"].isin([decision.model, best_simple(ranking)])]
    to_it = chosen[chosen["rival"] == decision.model]
    row = (to_it if len(to_it) else chosen if len(chosen) else rows).iloc[0]
    if is_undertrained(decision, best):
        return [
            f"whether a transformer is needed is open, because {best} was trained too little (check "
            f"underfitting): {_against(decision, row)}"
        ]
    return [f"no transformer is needed here: {_against(decision, row)}"]


def _against(decision: Decision, row: pd.Series) -> str:
    """One transformer against one rival."""
    name, rival = str(row["model"]), spoken(decision, str(row["rival"]))
    if row["gate"] == row["gate"]:
        name += f" (its gate 0 in {percent(row['gate_closed'])} of the fits)"
    if row["gain"] == 0:
        return f"{name} scores what {rival} does"
    side = "above" if row["gain"] > 0 else "below"
    ends = interval(row["gain_low"], row["gain_high"], of=" of the difference")
    return f"{name} is {score(abs(row['gain']))} {side} {rival}{ends}"


def _absent(record: Mapping[str, Any]) -> str:
    """Why nothing is said for or against transformers."""
    models = record["models"]
    names = [str(name) for name in models["model"]]
    ran = [name for name in names if kind_of(models, name) == "transformer"]
    if ran:
        return f"nothing is said of transformers, because {listed(ran)} could not be ranked"
    return (
        "whether a transformer is needed was not asked (models='longformer_pure' takes part in "
        "'default')"
    )
