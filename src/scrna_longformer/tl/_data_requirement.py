"""How many labelled cells until the transformer pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._arguments import check_key_added, check_random_state
from .._keys import DATA_REQUIREMENT_RECORD, LEARNING_CURVE_RECORD
from .._settings import log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from ..evaluation import BreakEven
    from ..get import DataRequirement, LearningCurve

_CALLER = "data_requirement"
SAMPLES_PER_PARAMETER = 15


def data_requirement(
    adata: AnnData,
    *,
    metric: str | None = None,
    margin: float = 0.01,
    horizon: float = 10.0,
    level: float = 0.9,
    random_state: int = 0,
    key: str = LEARNING_CURVE_RECORD,
    key_added: str = DATA_REQUIREMENT_RECORD,
) -> DataRequirement:
    """Say how many labelled cells it takes until a transformer matches or beats simple models.

    Reads the learning curves. The rival at each number of cells is the simple model that is best
    there (models that see no gene do not count).

    Parameters
    ----------
    adata
        Annotated data with learning curves (:func:`~scrna_longformer.tl.learning_curve`).
    metric
        Score to compare; by default that of the learning curve.
    margin
        A transformer that is no more than this behind *matches*; it *beats* once it is ahead.
    horizon
        How far to extrapolate, in multiples of the largest measured number of cells.
    level
        Coverage of the intervals.
    random_state
        Seed of the draws behind the intervals.
    key
        Name of the learning curve in ``uns``.
    key_added
        Name of the record in ``uns``.

    Returns
    -------
    DataRequirement
        The answer: ``table``, ``sentence``, ``params``. Slots written (read them with
        :func:`scrna_longformer.get.data_requirement`):

    ``uns['data_requirement']`` : dict
        ``'table'``, ``'sentence'``, ``'params'``.

    Raises
    ------
    KeyError
        If there is no learning curve.
    ValueError
        If it has no transformer, no simple model, or too few sizes; the metric is unknown; or
        ``uns[key_added]`` holds something else than a result of this call.

    Warns
    -----
    UserWarning
        If the labels, or the cells, are not those that the curve was measured on.

    Notes
    -----
    On simulated pairs of learning curves with a known crossing, or none, fitted on the lower half
    of the sizes, the 90 % interval holds the truth in the share of cases that
    ``benchmarks/learning_curve.py`` prints.

    The rule of 15 samples per parameter is given beside it for comparison. It has no source, and
    the number of parameters does not order the learning curves of these models.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> from scrna_longformer.train import LongformerClassifier
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> short = {"n_tokens": 32, "offset": None, "train_options": {"max_steps": 300}}
    >>> models = {"centroid": "nearest_centroid", "tiny": LongformerClassifier("tiny", **short)}
    >>> sl.tl.learning_curve(adata, "bulk_labels", models=models, sizes=[60, 120, 240], n_seeds=2)
    >>> list(sl.tl.data_requirement(adata).table["goal"])
    ['match', 'beat']
    """
    import numpy as np
    import pandas as pd

    from ..evaluation import break_even
    from ..get import DataRequirement
    from ..get._frames_curve import curve_digest, read_curve, read_draws
    from ..get._records import check_free, is_requirement
    from ._curve_labels import warn_of_other_labels

    check_key_added(key_added, caller=_CALLER)
    check_free(adata.uns, key_added, is_requirement, caller=_CALLER)
    random_state = check_random_state(random_state, caller=_CALLER)
    curve = read_curve(adata, key, caller=_CALLER)
    warn_of_other_labels(adata, curve, caller=_CALLER, stacklevel=2)
    metric = metric or curve.metric
    errors, draws = read_draws(curve, metric, random_state=random_state, caller=_CALLER)
    transformers, simple = _sides(curve, errors.models)
    rivals = [errors.models.index(name) for name in simple]
    rows, sentences = [], []
    for name in transformers:
        index = errors.models.index(name)
        goals = {
            goal: break_even(draws, index, rivals, margin=allowed, horizon=horizon, level=level)
            for goal, allowed in (("match", margin), ("beat", 0.0))
        }
        at = float(draws.sizes[draws.used[index]].max())
        best = rivals[int(draws.fitted(np.array([at]))[rivals, 0].argmin())]
        own: dict[str, Any] = {
            "at_cells": at,
            "rival": errors.models[best],
            "n_parameters": cost(curve, name, "n_parameters"),
        }
        own["rule_cells"] = SAMPLES_PER_PARAMETER * own["n_parameters"]
        rows += [_row(name, goal, found, own) for goal, found in goals.items()]
        sentences.append(_sentence(name, goals, own, metric, margin))
    table = pd.DataFrame(rows)
    texts = ["model", "goal", "status", "rival"]
    result = DataRequirement(
        table=table.astype(dict.fromkeys(texts, "category")),
        sentence="\n".join(sentences),
        params={
            "metric": metric,
            "margin": float(margin),
            "horizon": float(horizon * draws.sizes.max()),
            "level": float(level),
            "curve": key,
            "curve_digest": curve_digest(curve.scores),
        },
    )
    adata.uns[key_added] = {
        "table": result.table,
        "sentence": result.sentence,
        "params": result.params,
    }
    log.info("%s: %s", _CALLER, result.sentence)
    return result


def _sides(curve: LearningCurve, fitted: list[str]) -> tuple[list[str], list[str]]:
    """Transformers and simple models that have a law."""
    sides = [
        [name for name in curve.of_kind(kind) if name in fitted]
        for kind in ("transformer", "simple")
    ]
    for kind, names, example in zip(
        ("transformer", "simple model"),
        sides,
        ("longformer_pure", "logistic_regression"),
        strict=True,
    ):
        if not names:
            msg = (
                f"{_CALLER}: the learning curve has no {kind} that was run at three sizes; it has "
                f"{fitted}. Call sl.tl.learning_curve(adata, models=[..., {example!r}]) first. (A "
                "hybrid whose gate was 0 in most fits is the simple model inside, and counts as one.)"
            )
            raise ValueError(msg)
    return sides[0], sides[1]


def cost(curve: LearningCurve, model: str, name: str) -> float:
    """Mean cost of a model at the largest size it was run at; NaN where there is none."""
    rows = curve.scores[(curve.scores["metric"] == name) & (curve.scores["model"] == model)]
    return float(rows.loc[rows["n_cells"] == rows["n_cells"].max(), "value"].mean())


def _row(model: str, goal: str, found: BreakEven, own: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model": model,
        "goal": goal,
        "n_cells": found.n_cells,
        "low": found.low,
        "high": found.high,
        "status": _status(found, own["at_cells"]),
        "gap": found.gap,
        "gap_low": found.gap_low,
        "gap_high": found.gap_high,
        **own,
    }


def _status(found: BreakEven, measured: float) -> str:
    if found.low == float("inf"):
        return "none in sight"
    if found.n_cells == float("inf"):
        return "open"
    return "measured" if found.n_cells <= measured else "extrapolated"


def _sentence(
    model: str, goals: Mapping[str, BreakEven], own: Mapping[str, Any], metric: str, margin: float
) -> str:
    """Everything that the row says, in words."""
    match, beat = goals["match"], goals["beat"]
    percent = f"{100 * beat.level:.0f} %"
    side = "behind" if beat.gap >= 0 else "ahead of"
    ends = sorted([abs(beat.gap_low), abs(beat.gap_high)])
    told = beat.gap_low * beat.gap_high > 0
    spread = (
        f"{ends[0]:.3f} to {ends[1]:.3f}"
        if told
        else f"from {max(beat.gap_high, 0):.3f} behind to {max(-beat.gap_low, 0):.3f} ahead"
    )
    text = (
        f"At {_cells(own['at_cells'])} labelled cells, {model} is {abs(beat.gap):.3f} {metric} "
        f"{side} the best simple model, {own['rival']} ({percent} interval: {spread}). "
        f"To match it (within {margin:g}): {_words(match)}. To beat it: {_words(beat)}."
    )
    if beat.n_cells < float("inf") and beat.lasting < 0.5:
        text += f" A lead is not expected to last to {_cells(beat.horizon)}."
    if own["rule_cells"] == own["rule_cells"]:
        times = own["rule_cells"] / own["at_cells"]
        text += (
            f" The old rule of {SAMPLES_PER_PARAMETER} samples per parameter would have asked for "
            f"{_cells(own['rule_cells'])} cells ({times:,.0f} times these) whatever the curves show."
        )
    return text


def _words(found: BreakEven) -> str:
    """A number of cells with its interval."""
    percent, limit = f"{100 * found.level:.0f} %", _cells(found.horizon)
    if found.low == float("inf"):
        return f"none in sight up to {limit} cells"
    start = f"at least {_cells(found.low)}" if found.low > 0 else "any number"
    if found.n_cells == float("inf"):
        return f"not expected up to {limit} cells, nor excluded ({percent} interval: {start})"
    if found.low == 0 and found.high == float("inf"):
        return f"cannot be told (the curves are too close or too noisy up to {limit} cells)"
    low = _cells(found.low) if found.low > 0 else "the smallest size"
    high = _cells(found.high) if found.high < float("inf") else f"more than {limit}"
    return f"about {_cells(found.n_cells)} cells ({percent} interval: {low} to {high})"


def _cells(number: float) -> str:
    """Round to three digits: no curve knows more."""
    return f"{float(f'{number:.3g}'):,.0f}"
