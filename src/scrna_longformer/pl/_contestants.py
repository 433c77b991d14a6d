"""Names of contestants and of what was measured, for axes."""

from __future__ import annotations

from ._plain_text import plain

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
