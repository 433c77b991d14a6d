"""What a learning curve leaves in ``uns``, in types that h5ad and zarr can store, and in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._settings import log
from ._compare_models import descriptions, preset_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from ..evaluation import FoldResult, Split

_CALLER = "learning_curve"


def curve_record(
    results: Sequence[FoldResult],
    splits: Sequence[Split],
    sizes: Sequence[int],
    contestants: Mapping[str, Any],
    params: Mapping[str, Any],
) -> dict[str, Any]:
    """Tables of the finished sizes."""
    import numpy as np

    from ..evaluation import size_run_table, size_score_table

    scores = size_score_table(results, sizes)
    shares = [len(s.test) / (params["n_cells"] - len(s.test)) for s in splits]
    test_share = float(np.mean(shares))  # groups differ in size
    n_finished = sum(result.status == "ok" for result in results)
    return {
        "params": {**params, "sizes": np.asarray(sizes), "test_share": test_share},
        "complete": n_finished == len(splits) * len(contestants),
        "scores": scores,
        **_laws(scores, params["metric"], test_share, params["random_state"]),
        "runs": size_run_table(results, sizes),
        "models": _models(contestants, results),
    }


def _laws(
    scores: pd.DataFrame, metric: str, test_share: float, random_state: int
) -> dict[str, pd.DataFrame]:
    """Fitted laws, their curves, and their extrapolation from the smaller sizes to the larger."""
    from ..evaluation import curve_errors, curve_table, extrapolation_table, law_table

    errors = curve_errors(scores, metric)
    if not errors.models:
        log.warning("%s: no model was run at three sizes, so there is no law to fit.", _CALLER)
        return {}
    draws = errors.draws(test_share=test_share, random_state=random_state)
    return {
        "laws": law_table(errors.models, draws),
        "curve": curve_table(errors, draws, metric),
        "extrapolation": extrapolation_table(
            errors, metric, test_share=test_share, random_state=random_state
        ),
    }


def _models(contestants: Mapping[str, Any], results: Sequence[FoldResult]) -> pd.DataFrame:
    """Contestants: ``model``, ``description``, ``kind``, ``preset`` (of transformers), ``gate_closed``.

    A hybrid whose gate stayed closed is the simple model inside, by whatever name.
    """
    from ..evaluation.verdict._ranking import MOSTLY

    frame = descriptions(contestants)
    presets = [preset_of(model) for model in contestants.values()]
    closed = [_gate_closed(name, results) for name in contestants]
    kinds = [
        "transformer" if preset and not share > MOSTLY else "simple"
        for preset, share in zip(presets, closed, strict=True)
    ]
    return frame.assign(kind=kinds, preset=presets, gate_closed=closed).astype(
        {"kind": "category", "preset": "category"}
    )


def _gate_closed(name: str, results: Sequence[FoldResult]) -> float:
    """Share of the fits with the most cells whose gate was 0; NaN for those without a gate."""
    import numpy as np

    gates = {
        (result.n_train, result.repeat): result.gate
        for result in results
        if result.model == name and result.status == "ok"
    }
    most = max((n_train for n_train, _ in gates), default=0)
    largest = np.array([gate for (n_train, _), gate in gates.items() if n_train == most])
    return float((largest == 0).mean()) if len(largest) and not np.isnan(largest).any() else np.nan


def log_curve(record: Mapping[str, Any], key_added: str) -> None:
    """Log the means at each size."""
    metric = record["params"]["metric"]
    scores = record["scores"].query("metric == @metric")
    table = scores.pivot_table(index="model", columns="n_cells", values="value", observed=True)
    late = record["runs"].query("status != 'ok'")["model"].astype(str).value_counts()
    note = "".join(f"\n{n} runs of {name} not begun (time limit)." for name, n in late.items())
    log.info(
        "%s: %s at each number of training cells (means over seeds); wrote uns[%r].\n%s%s",
        _CALLER,
        metric,
        key_added,
        table.to_string(float_format="%.3f", index_names=False),
        note,
    )
