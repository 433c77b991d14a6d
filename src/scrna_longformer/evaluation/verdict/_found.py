"""What was found on the way: checks that fired, who left the ranking, what did not finish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._decide import Decision
from ._names import row_of
from ._numbers import listed
from ._ranking import EXCLUDED, TOO_FEW


def found(decision: Decision, record: Mapping[str, Any]) -> list[str]:
    """Checks that fired, who is not ranked, and what did not finish."""
    faults = decision.faults
    by_check: dict[str, list[str]] = {}
    for check, subject in zip(faults.get("check", []), faults.get("subject", []), strict=True):
        by_check.setdefault(str(check), []).append(str(subject))
    fired = [
        name + (f" ({', '.join(filter(None, subjects))})" if any(subjects) else "")
        for name, subjects in by_check.items()
    ]
    parts = [f"checks that fired: {listed(fired)}" if fired else "no check fired"]
    if decision.reason == "unchecked":
        parts = ["no check was run"]
    ranking = decision.ranking
    out = list(ranking.loc[ranking["status"] == EXCLUDED, "model"])
    if out:
        parts.append(f"{listed(out)} left the ranking")
    return parts + _unfinished(decision, record)


def _unfinished(decision: Decision, record: Mapping[str, Any]) -> list[str]:
    """Contestants that did not finish all folds."""
    if record["complete"]:
        return []
    ranking, models = decision.ranking, [str(name) for name in record["models"]["model"]]
    done = dict(zip(ranking["model"], ranking["n"], strict=True))
    most = int(max(done.values(), default=0))
    planned = planned_folds(record) or most
    parts = []
    if most < planned and len(set(done.values())) == 1 and len(done) == len(models):
        return [f"only {most} of {planned} folds {'was' if most == 1 else 'were'} run"]
    for name in models:
        if name not in done:
            parts.append(f"{name} finished no fold and is not ranked")
        elif done[name] < planned:
            rest = " and is not ranked" if row_of(ranking, name)["status"] == TOO_FEW else ""
            parts.append(f"{name} finished {int(done[name])} of {planned} folds{rest}")
    return parts or ["the comparison is not complete"]


def planned_folds(record: Mapping[str, Any]) -> int:
    """Folds that each contestant was to run; 0 where the record does not tell."""
    params = record["params"]
    return int(params.get("n_splits", 0)) * int(params.get("n_repeats", 1))
