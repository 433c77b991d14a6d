"""A decision in three sentences that quote only numbers of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ._decide import Decision
from ._limits import what_it_does_not_show
from ._more_cells import more_cells
from ._numbers import amount, clause, costs, listed, metric_named, named, p_value, percent, score
from ._pairs import Pair, Pairs
from ._ranking import EXCLUDED, RANKED, TOO_FEW
from ._transformers import best_simple


def sentences(
    decision: Decision,
    record: Mapping[str, Any],
    *,
    curve: Mapping[str, Any] | None = None,
    requirement: Mapping[str, Any] | None = None,
) -> list[str]:
    """Say in three sentences which model to use, what it costs, and what was found on the way.

    Parameters
    ----------
    decision
        Of :func:`decide`.
    record
        The comparison it is about.
    curve, requirement
        Records of a learning curve for the same labels, if there are any.
    """
    more = more_cells(decision.model, record["params"], curve, requirement)
    if decision.reason:
        first, second = _no_winner(decision)
        return [first, second, _sentence([*_found(decision, record), more])]
    return [
        _use(decision, record) + ".",
        _sentence([_cost(decision), _transformer(decision, record)]),
        _sentence([*_found(decision, record), more]),
    ]


def headline(decision: Decision) -> str:
    """Return the answer in a few words."""
    if decision.reason:
        return "No winner is named."
    row = _row(decision.ranking, decision.model)
    if row["kind"] == "transformer":
        return f"Use {named(decision.model)} here."
    needed = ": no transformer is needed" if len(decision.transformers) else ""
    return f"Use {spoken(decision, decision.model)} here{needed}."


def spoken(decision: Decision, model: str) -> str:
    """Words for a contestant; a hybrid with its gate closed is what it was."""
    of_it = decision.transformers[decision.transformers["model"] == model]
    kind = _row(decision.ranking, model)["kind"]
    if (kind == "simple" and model.startswith("longformer")) or (
        len(of_it) and (of_it["counts_as"] == "simple mean").all()
    ):
        return f"{named('simple_mean')} (all that {model} was in most fits)"
    return named(model)


def _no_winner(decision: Decision) -> tuple[str, str]:
    """The reason first, then what mends it."""
    if decision.reason == "unchecked":
        return (
            "No winner is named, because the comparison was interrupted before its checks were run.",
            "Call sl.tl.baseline_compare again, with a checkpoint_dir if it takes long.",
        )
    if decision.reason == "nobody":
        return (
            "No winner is named, because no contestant is left to rank.",
            "Call sl.tl.baseline_compare with models='default'.",
        )
    void = decision.faults[decision.faults["severity"] == "void"]
    first = void.iloc[0]
    return (
        f"No winner is named, because {clause(str(first['what']))}: {clause(str(first['why']))}.",
        f"To mend it, {clause(str(first['mend']))}.",
    )


def _use(decision: Decision, record: Mapping[str, Any]) -> str:
    """Which model, and how sure."""
    model, ranking = decision.model, decision.ranking
    row = _row(ranking, model)
    ranked = list(ranking.loc[ranking["status"] == RANKED, "model"])
    opening = what_it_does_not_show(decision.faults, model)
    text = (
        f"{f'{opening}; within these limits, use' if opening else 'Use'} {spoken(decision, model)}: "
        f"{metric_named(decision.metric)} {score(row['score'])}"
        f"{_interval(row['low'], row['high'])}{_where(record['params'])}"
    )
    if len(ranked) == 1:
        text += ", the only contestant that could be ranked, so that nothing says how good that is"
    else:
        rival = ranked[1] if model == decision.best else decision.best
        pair = Pairs(record["pairwise"], decision.metric).between(model, rival)
        text += f", {_standing(decision, rival)}" + (_compared(pair, record) if pair else "")
    return text + _final(decision, record)


def _standing(decision: Decision, rival: str) -> str:
    """How it stands to the best, or as the best to the next."""
    if decision.model != decision.best:
        return f"cheaper than and as good as the best, {spoken(decision, rival)}"
    near = bool(_row(decision.ranking, rival)["as_good"])
    return f"the best, {'level with' if near else 'ahead of'} {spoken(decision, rival)}"


def _compared(pair: Pair, record: Mapping[str, Any]) -> str:
    """The paired difference and its tests."""
    text = (
        f" (difference {score(pair.gain)}, 95 % interval {score(pair.low)} to {score(pair.high)}"
        if pair.low == pair.low
        else f" (difference {score(pair.gain)}"
    )
    if pair.p_holm == pair.p_holm:
        text += f"; corrected t-test after Holm p {p_value(pair.p_holm)}"
    if pair.p_equivalent == pair.p_equivalent:
        text += (
            f"; probability {score(pair.p_equivalent)} of a difference within "
            f"{record['params']['rope']:g}, {score(pair.p_better)} of being better, "
            f"{score(pair.p_worse)} of being worse"
        )
    return text + ")"


def _interval(low: float, high: float, *, of: str = "") -> str:
    """An interval in brackets, where there is one."""
    return f" (95 % interval{of} {score(low)} to {score(high)})" if low == low else ""


def _where(params: Mapping[str, Any]) -> str:
    """On which cells, if not simply on others of the same samples."""
    group = str(params.get("group_key", ""))
    return f" on groups of {group!r} that were never trained on" if group else ""


def _final(decision: Decision, record: Mapping[str, Any]) -> str:
    """Score on the final test set, if there was one."""
    if "held_out" not in record:
        return ""
    table = record["held_out"]
    rows = table[(table["model"] == decision.model) & (table["metric"] == decision.metric)]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    return f"; on the final test set it scores {score(row['value'])}{_interval(row['low'], row['high'])}"


def _cost(decision: Decision) -> str:
    """What the model costs, and what the best would."""
    row = _row(decision.ranking, decision.model)
    text = (
        f"a fit of {named(decision.model)} takes {costs(row)}, and a prediction "
        f"{amount(row['predict_ms_per_cell'])} ms per cell"
    )
    if decision.model != decision.best:
        best = _row(decision.ranking, decision.best)
        text += f" (a fit of {named(decision.best)} {costs(best)})"
    return text


def _transformer(decision: Decision, record: Mapping[str, Any]) -> str:
    """Whether a transformer is needed."""
    table = decision.transformers
    true = table[table["counts_as"] == "transformer"]
    closed = table[table["counts_as"] == "simple mean"].drop_duplicates("model")
    said = [
        f"the gate of {row['model']} was 0 in {percent(row['gate_closed'])} of its fits, so that it "
        "is the simple mean and says nothing for transformers"
        for row in closed.to_dict("records")
    ]
    ranking = decision.ranking
    known = ranking[ranking["status"] == RANKED]["model"]
    true = true[true["model"].isin(known)]
    if _row(ranking, decision.model)["kind"] == "transformer":
        rival = best_simple(ranking)
        row = true[(true["model"] == decision.model) & (true["rival"] == rival)]
        said.append(
            "it is a transformer"
            if row.empty
            else f"a transformer is worth it here: {_against(row.iloc[0], spoken(decision, rival))}"
        )
    elif len(true):
        best = next(m for m in known if m in set(true["model"]))
        rivals = set(true.loc[true["model"] == best, "rival"])
        rival = decision.model if decision.model in rivals else best_simple(ranking)
        row = true[(true["model"] == best) & (true["rival"] == rival)].iloc[0]
        said.append(f"no transformer is needed here: {_against(row, spoken(decision, rival))}")
    elif not said:
        said.append(_absent(decision, record))
    return "; ".join(said)


def _against(row: pd.Series, rival: str) -> str:
    """One transformer against one rival."""
    name = str(row["model"])
    if row["gate"] == row["gate"]:
        name += f" (its gate 0 in {percent(row['gate_closed'])} of the fits)"
    side = "above" if row["gain"] > 0 else "below"
    if row["gain"] == 0:
        return f"{name} scores what {rival} does"
    ends = _interval(row["gain_low"], row["gain_high"], of=" of the difference")
    return f"{name} is {score(abs(row['gain']))} {side} {rival}{ends}"


def _absent(decision: Decision, record: Mapping[str, Any]) -> str:
    """Why nothing is said for or against transformers."""
    names = [str(name) for name in record["models"]["model"]]
    ran = [name for name in names if name.startswith("longformer")]
    if ran:
        return f"nothing is said of transformers, because {listed(ran)} could not be ranked"
    return "whether a transformer is needed was not asked (models='longformer_pure' takes part in 'default')"


def _found(decision: Decision, record: Mapping[str, Any]) -> list[str]:
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
    most = max(done.values(), default=0)
    parts = []
    for name in models:
        if name not in done:
            parts.append(f"{name} finished no fold and is not ranked")
        elif done[name] < most:
            rest = " and is not ranked" if _row(ranking, name)["status"] == TOO_FEW else ""
            parts.append(f"{name} finished {int(done[name])} folds of {int(most)}{rest}")
    return parts or ["the comparison is not complete"]


def _row(ranking: pd.DataFrame, model: str) -> dict[str, Any]:
    return dict(ranking[ranking["model"] == model].iloc[0])


def _sentence(parts: list[str]) -> str:
    text = "; ".join(part for part in parts if part)
    return f"{text[0].upper()}{text[1:]}."
