"""A decision in three sentences that quote only numbers of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._decide import Decision
from ._found import found, planned_folds
from ._limits import what_it_does_not_show
from ._more_cells import more_cells
from ._names import row_of, spoken
from ._numbers import (
    amount,
    clause,
    costs,
    interval,
    metric_named,
    named,
    p_value,
    score,
    skill_named,
)
from ._pairs import Pair, Pairs
from ._ranking import RANKED, best_of
from ._transformer_words import is_undertrained, transformer_answer, true_transformers


def sentences(
    decision: Decision,
    record: Mapping[str, Any],
    *,
    curve: Mapping[str, Any] | None = None,
    requirement: Mapping[str, Any] | None = None,
    stale: bool = False,
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
    stale
        Whether there is a learning curve of the same column that is not known to be of the same labels.
    """
    more = more_cells(decision.model, record["params"], curve, requirement, stale=stale)
    if decision.reason:
        first, second = _no_winner(decision, record)
        return [first, second, _sentence([*found(decision, record), more])]
    return [
        _use(decision, record) + ".",
        _sentence([_cost(decision), transformer_answer(decision, record)]),
        _sentence([*found(decision, record), more]),
    ]


def headline(decision: Decision) -> str:
    """Return the answer in a few words."""
    if decision.reason:
        return "No winner is named."
    row = row_of(decision.ranking, decision.model)
    if row["kind"] == "transformer":
        return f"Use {named(decision.model)} here."
    true = true_transformers(decision)["model"]
    answered = len(true) and not is_undertrained(decision, str(true.iloc[0]))
    needed = ": no transformer is needed" if answered else ""
    return f"Use {spoken(decision, decision.model)} here{needed}."


def _no_winner(decision: Decision, record: Mapping[str, Any]) -> tuple[str, str]:
    """The reason first, then what mends it."""
    if decision.reason == "unchecked":
        return (
            "No winner is named, because the comparison was interrupted before its checks were run.",
            "Call sl.tl.baseline_compare again, with a checkpoint_dir if it takes long.",
        )
    if decision.reason == "nobody":
        return _nobody(decision)
    if decision.reason == "floor":
        return (
            f"No winner is named, because {_no_skill(decision)}{_where(record['params'])}.",
            _towards_skill(decision, record["params"]),
        )
    void = decision.faults[decision.faults["severity"] == "void"]
    first = void.iloc[0]
    return (
        f"No winner is named, because {clause(str(first['what']))}: {clause(str(first['why']))}.",
        f"To mend it, {clause(str(first['mend']))}.",
    )


def _nobody(decision: Decision) -> tuple[str, str]:
    """Why no contestant is left, by the check that took out the first; floors leave for no fault."""
    faults = decision.faults
    out = faults[faults["severity"] == "exclude"] if len(faults) else faults
    if out.empty:
        return (
            "No winner is named, because no contestant is left to rank.",
            "Call sl.tl.baseline_compare with models='default'.",
        )
    first = out.iloc[0]
    return (
        f"No winner is named, because no contestant is left to rank: {clause(str(first['what']))}.",
        f"To mend it, {clause(str(first['mend']))}.",
    )


def _no_skill(decision: Decision) -> str:
    """Nobody is clearly better than the best floor."""
    row = row_of(decision.ranking, best_of(decision.ranking))
    floor = row_of(decision.ranking, str(row["floor"]))
    beats = "beats" if row["floor_gain"] <= 0 else "is shown to beat"
    return (
        f"nothing here {beats} {skill_named(str(floor['model']))}: {metric_named(decision.metric)} of "
        f"{spoken(decision, str(row['model']))}, the best that could be ranked, is {score(row['score'])}"
        f"{interval(row['low'], row['high'])}, that of {floor['model']} {score(floor['score'])}, a "
        f"difference of {score(row['floor_gain'])}{interval(row['floor_low'], row['floor_high'])}"
    )


def _towards_skill(decision: Decision, params: Mapping[str, Any]) -> str:
    """What would show that a contestant is better than a floor, or that none is."""
    row = row_of(decision.ranking, best_of(decision.ranking))
    group = str(params.get("group_key", ""))
    if row["floor"] == "depth_only" and row["floor_gain"] <= 0:
        return (
            "Ask what these labels have to do with sequencing depth (total counts per class tell), and "
            "bring all cells to the same depth (sc.pp.downsample_counts) before comparing again."
        )
    if group and row["floor_gain"] > 0:
        return (
            f"Intervals count groups of {group!r}, so that more of them would tell; without `group_key` the "
            "scores are those of further cells of the same groups."
        )
    return (
        "Label more cells, above all of the small classes (sl.get.baseline_compare(adata).per_class has "
        "the score of each), or ask whether these values can tell the classes apart."
    )


def _use(decision: Decision, record: Mapping[str, Any]) -> str:
    """Which model, and how sure."""
    model, ranking = decision.model, decision.ranking
    row = row_of(ranking, model)
    ranked = list(ranking.loc[ranking["status"] == RANKED, "model"])
    group_key = str(record["params"].get("group_key", ""))
    opening = what_it_does_not_show(decision.faults, model, group_key)
    text = (
        f"{f'{opening}; within these limits, use' if opening else 'Use'} {spoken(decision, model)}: "
        f"{metric_named(decision.metric)} {score(row['score'])}"
        f"{interval(row['low'], row['high'])}{_where(record['params'])}"
        f"{_part(row['n'], record)}"
    )
    if len(ranked) == 1:
        text += f", the only contestant that could be ranked, {_alone(row)}"
    else:
        rival = ranked[1] if model == decision.best else decision.best
        pair = Pairs(record["pairwise"], decision.metric).between(model, rival)
        text += f", {_standing(decision, rival, pair)}" + (_compared(pair, record) if pair else "")
    return text + _final(decision, record)


def _alone(row: Mapping[str, Any]) -> str:
    """What there is to hold a single contestant against."""
    if row["floor_gain"] != row["floor_gain"]:
        return "so that nothing says how good that is"
    return (
        f"{score(row['floor_gain'])} above {row['floor']}"
        f"{interval(row['floor_low'], row['floor_high'], of=' of the difference')}"
    )


def _standing(decision: Decision, rival: str, pair: Pair | None) -> str:
    """How it stands to the best, or as the best to the next; ahead only with an interval above 0."""
    if decision.model != decision.best:
        return f"cheaper than and as good as the best, {spoken(decision, rival)}"
    if row_of(decision.ranking, rival)["as_good"]:
        place = "level with"
    elif pair is not None and pair.low > 0:
        place = "ahead of"
    else:
        place = "though not clearly ahead of"
    return f"the best, {place} {spoken(decision, rival)}"


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


def _where(params: Mapping[str, Any]) -> str:
    """On which cells, if not simply on others of the same samples."""
    group = str(params.get("group_key", ""))
    return f" on groups of {group!r} that were never trained on" if group else ""


def _part(finished: float, record: Mapping[str, Any]) -> str:
    """On how many folds, if not on all."""
    planned = planned_folds(record)
    return f" on {int(finished)} of {planned} folds" if finished < planned else ""


def _final(decision: Decision, record: Mapping[str, Any]) -> str:
    """Score on the final test set, if there was one."""
    if "held_out" not in record:
        return ""
    table = record["held_out"]
    rows = table[(table["model"] == decision.model) & (table["metric"] == decision.metric)]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    return f"; on the final test set it scores {score(row['value'])}{interval(row['low'], row['high'])}"


def _cost(decision: Decision) -> str:
    """What the model costs, and what the best would."""
    row = row_of(decision.ranking, decision.model)
    text = (
        f"a fit of {named(decision.model)} takes {costs(row)}, and a prediction "
        f"{amount(row['predict_ms_per_cell'])} ms per cell"
    )
    if decision.model != decision.best:
        best = row_of(decision.ranking, decision.best)
        text += f" (a fit of {named(decision.best)} {costs(best)})"
    return text


def _sentence(parts: list[str]) -> str:
    text = "; ".join(part for part in parts if part)
    return f"{text[0].upper()}{text[1:]}."
