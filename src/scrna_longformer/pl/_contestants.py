"""Names, colours and choice of the contestants of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..get._frames_curve import NO_SKILL_MODELS
from ._canvas import CYCLE, LONGFORMER, NO_SKILL, SIMPLE
from ._plain_text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..get import BaselineComparison

_MODELS = {
    "depth_only": "sequencing depth only",
    "knn_pca": "kNN on principal components",
    "hist_gradient_boosting": "gradient boosting",
    "mlp": "perceptron (MLP)",
}
LEVEL = 0.05  # of p values
METRIC_NAMES = {
    "macro_f1": "macro-F1",
    "weighted_f1": "weighted F1",
    "mcc": "Matthews correlation",
    "log_loss": "log-loss (nats)",
    "brier": "Brier score",
    "ece": "expected calibration error",
    "fit_seconds": "seconds to fit",
    "predict_ms_per_cell": "milliseconds per cell to predict",
    "peak_memory_mb": "MB of memory on top of the data",
    "energy_wh": "watt-hours per fit",
    "n_parameters": "fitted parameters",
}


def label_of(model: str) -> str:
    """Name of a contestant, for an axis."""
    return plain(_MODELS.get(model, model.replace("_", " ")))


def metric_name(metric: str) -> str:
    """Name of a score or cost, for an axis."""
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def colour_of(model: str) -> str:
    """Orange for transformers, blue for simple models, grey for those without skill."""
    if model in NO_SKILL_MODELS:
        return NO_SKILL
    return LONGFORMER if model.startswith("longformer") else SIMPLE


def colours_of(models: Sequence[str]) -> list[str]:
    """One colour each: what :func:`colour_of` says where that tells them apart."""
    usual = [colour_of(model) for model in models]
    return usual if len(set(usual)) == len(models) else list(CYCLE[: len(models)])


def chosen_models(
    comparison: BaselineComparison, models: str | Sequence[str] | None, *, caller: str, most: int
) -> list[str]:
    """Return the models asked for; by default the best transformer and the best simple model.

    Raises
    ------
    ValueError
        A name is not in the comparison, or there are more than can be told apart.
    """
    ranked = [str(model) for model in comparison.table.index]
    if models is None:
        skilled = [model for model in ranked if model not in NO_SKILL_MODELS] or ranked
        kinds = [model.startswith("longformer") for model in skilled]
        firsts = [skilled[kinds.index(kind)] for kind in (True, False) if kind in kinds]
        return sorted(firsts[:most], key=ranked.index)
    wanted = [models] if isinstance(models, str) else list(models)
    unknown = [model for model in wanted if model not in ranked]
    if unknown:
        msg = f"{caller}: `models` has {unknown}, which the comparison has not; it has {ranked}."
        raise ValueError(msg)
    if not 0 < len(wanted) <= most:
        msg = (
            f"{caller}: {len(wanted)} `models` in one figure cannot be read; choose 1 to {most} of "
            f"{ranked}."
        )
        raise ValueError(msg)
    return wanted
