"""Which model, and which size of the transformer, the learning curves support."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._arguments import check_key_added, check_random_state
from .._keys import LEARNING_CURVE_RECORD, RECOMMENDATION_RECORD
from .._settings import log
from ._data_requirement import SAMPLES_PER_PARAMETER, cost

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from ..evaluation import CurveDraws
    from ..get import LearningCurve, Recommendation

_CALLER = "recommend_architecture"
_RULE_PRESETS = ("tiny", "small", "base", "large")


def recommend_architecture(
    adata: AnnData,
    *,
    n_cells: int | None = None,
    metric: str | None = None,
    margin: float = 0.01,
    level: float = 0.9,
    random_state: int = 0,
    key: str = LEARNING_CURVE_RECORD,
    key_added: str = RECOMMENDATION_RECORD,
) -> Recommendation:
    """Recommend the model that the measured learning curves support at a number of cells.

    A transformer is recommended where it is ahead of the best simple model and the interval of the
    difference excludes zero; else the best simple model is. Of several transformers it is the one
    with the fewest parameters that is within the margin of the best.

    Parameters
    ----------
    adata
        Annotated data with learning curves (:func:`~scrna_longformer.tl.learning_curve`).
    n_cells
        Number of labelled training cells to decide for, up to ten times the measured ones; by
        default the largest measured.
    metric
        Score to compare; by default that of the learning curve.
    margin
        Difference that does not matter.
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
    Recommendation
        The answer: ``model``, ``preset``, ``rule_preset``, ``table``, ``sentence``, ``params``.
        Slots written (read them with :func:`scrna_longformer.get.recommend_architecture`):

    ``uns['recommend_architecture']`` : dict
        The same fields.

    Raises
    ------
    KeyError
        If there is no learning curve.
    ValueError
        If it has no simple model, too few sizes, `n_cells` is outside its reach, `level` is no share, or
        ``uns[key_added]`` holds something else than a result of this call.

    Warns
    -----
    UserWarning
        If the labels, or the cells, are not those that the curve was measured on.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> models = ["majority", "nearest_centroid", "knn_pca"]
    >>> sl.tl.learning_curve(adata, "bulk_labels", models=models, sizes=[60, 120, 240, 480])
    >>> sl.tl.recommend_architecture(adata).model
    'nearest_centroid'
    """
    from ..get import Recommendation
    from ..get._frames_curve import curve_digest, read_curve, read_draws
    from ..get._records import check_free, is_recommendation
    from ._curve_labels import warn_of_other_labels

    check_key_added(key_added, caller=_CALLER)
    check_free(adata.uns, key_added, is_recommendation, caller=_CALLER)
    random_state = check_random_state(random_state, caller=_CALLER)
    if not 0 < level < 1:  # NaN is neither
        msg = f"{_CALLER}: `level`={level!r} must lie between 0 and 1: 0.9 for intervals at 90 %."
        raise ValueError(msg)
    curve = read_curve(adata, key, caller=_CALLER)
    warn_of_other_labels(adata, curve, caller=_CALLER, stacklevel=2)
    metric = metric or curve.metric
    errors, draws = read_draws(curve, metric, random_state=random_state, caller=_CALLER)
    size = _size(n_cells, draws)
    table = _table(curve, errors.models, draws, size, metric, level)
    model, supported = _choose(table, margin)
    preset = "" if supported is None else str(supported["preset"])
    allowed = _allowed(curve, size)
    result = Recommendation(
        model=model,
        preset=preset,
        rule_preset=allowed,
        table=table.astype(dict.fromkeys(("model", "kind", "preset"), "category")),
        sentence=_sentence(table, model, supported, allowed, metric, size),
        params={
            "metric": metric,
            "margin": float(margin),
            "level": float(level),
            "n_cells": size,
            "curve": key,
            "curve_digest": curve_digest(curve.scores),
        },
    )
    adata.uns[key_added] = dict(vars(result))
    log.info("%s: %s", _CALLER, result.sentence)
    return result


def _size(n_cells: int | None, draws: CurveDraws) -> float:
    smallest, largest = float(draws.sizes.min()), float(draws.sizes.max())
    size = largest if n_cells is None else float(n_cells)
    if not smallest <= size <= 10 * largest:
        msg = (
            f"{_CALLER}: `n_cells`={n_cells!r} is out of reach of curves measured from "
            f"{smallest:,.0f} to {largest:,.0f} cells; they may say something up to ten times that."
        )
        raise ValueError(msg)
    return size


def _table(
    curve: LearningCurve,
    fitted: list[str],
    draws: CurveDraws,
    size: float,
    metric: str,
    level: float,
) -> pd.DataFrame:
    """Expected score of each model and its distance from the best simple one, best first."""
    import numpy as np
    import pandas as pd

    from ..evaluation import to_error, within_range

    simple = [name for name in curve.of_kind("simple") if name in fitted]
    names = [name for name in [*simple, *curve.of_kind("transformer")] if name in fitted]
    if not simple:
        msg = (
            f"{_CALLER}: the learning curve has no simple model that was run at three sizes; it "
            f"has {fitted}. Call sl.tl.learning_curve(adata, models=['logistic_regression', ...])."
        )
        raise ValueError(msg)
    here = np.array([size])
    law, drawn = draws.fitted(here)[:, 0], draws.drawn(here)[..., 0]
    best = min(simple, key=lambda name: law[fitted.index(name)])
    known = curve.models.astype(str).set_index("model")
    tails = [(1 - level) / 2, (1 + level) / 2]
    rows = []
    for name in names:
        m, rival = fitted.index(name), fitted.index(best)
        ends = sorted(within_range(to_error(np.quantile(drawn[:, m], tails), metric), metric))
        gap_low, gap_high = np.quantile(drawn[:, m] - drawn[:, rival], tails)
        n_parameters = cost(curve, name, "n_parameters")
        rows.append(
            {
                "model": name,
                "kind": known.loc[name, "kind"],
                "preset": known.loc[name, "preset"],
                "value": float(within_range(to_error(law[m], metric), metric)),
                "low": ends[0],
                "high": ends[1],
                "gap": law[m] - law[rival],
                "gap_low": gap_low,
                "gap_high": gap_high,
                "n_parameters": n_parameters,
                "rule_cells": SAMPLES_PER_PARAMETER * n_parameters,
                "fit_seconds": cost(curve, name, "fit_seconds"),
            }
        )
    return pd.DataFrame(rows).sort_values("gap", kind="stable", ignore_index=True)


def _choose(table: pd.DataFrame, margin: float) -> tuple[str, pd.Series | None]:
    """Model to use, and the row of the transformer that the curves support, if one was measured."""
    best_simple = table.loc[table["kind"] == "simple", "model"].iloc[0]
    transformers = table[table["kind"] == "transformer"]
    if transformers.empty:
        return str(best_simple), None
    near = transformers[transformers["gap"] <= transformers["gap"].min() + margin]
    supported = near.sort_values("n_parameters", kind="stable").iloc[0]
    ahead = supported["gap_high"] < 0
    return str(supported["model"] if ahead else best_simple), supported


def _allowed(curve: LearningCurve, size: float) -> str:
    """Largest preset that the rule of 15 samples per parameter allows; empty for none."""
    from ..train import linear_count, token_count
    from ._count_parameters import count_parameters

    n_genes, n_classes = int(curve.params["n_genes"]), int(curve.params["n_classes"])
    n_tokens = token_count("auto", n_genes)
    sizes = {
        "n_tokens": n_tokens,
        "n_linear": linear_count(n_tokens, n_genes),
        "n_classes": n_classes,
    }
    fitting = [
        preset
        for preset in _RULE_PRESETS
        if SAMPLES_PER_PARAMETER * count_parameters(preset, **sizes) <= size
    ]
    return fitting[-1] if fitting else ""


def _sentence(
    table: pd.DataFrame,
    model: str,
    supported: pd.Series | None,
    allowed: str,
    metric: str,
    size: float,
) -> str:
    """Quote the table."""
    rows: Any = table.set_index("model").to_dict("index")
    chosen = rows[model]
    text = (
        f"At {size:,.0f} labelled cells, use {model}: {metric} {chosen['value']:.3f} "
        f"({chosen['low']:.3f} to {chosen['high']:.3f})."
    )
    if supported is None:
        text += " No transformer was measured."
    else:
        place = "behind" if supported["gap"] >= 0 else "ahead of"
        told = supported["gap_low"] * supported["gap_high"] > 0
        text += (
            f" Of the transformers measured, the curves support {supported['model']} (preset "
            f"{str(supported['preset'])!r}), {abs(supported['gap']):.3f} {place} the best simple model"
            + ("." if told else ", a difference that these curves cannot tell from none.")
        )
    rule = f"up to preset {allowed!r}" if allowed else "no preset at all"
    return (
        text + f" The old rule of {SAMPLES_PER_PARAMETER} samples per parameter would allow {rule}."
    )
