"""What a verdict calls its contestants."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ._decide import Decision
from ._numbers import named


def spoken(decision: Decision, model: str) -> str:
    """Words for a contestant; a hybrid with its gate closed is what it was."""
    of_it = decision.transformers[decision.transformers["model"] == model]
    kind = row_of(decision.ranking, model)["kind"]
    if (kind == "simple" and model.startswith("longformer")) or (
        len(of_it) and (of_it["counts_as"] == "simple mean").all()
    ):
        return f"{named('simple_mean')} (all that {model} was in most fits)"
    return named(model)


def row_of(ranking: pd.DataFrame, model: str) -> dict[str, Any]:
    """Row of a contestant in the ranking."""
    return dict(ranking[ranking["model"] == model].iloc[0])
