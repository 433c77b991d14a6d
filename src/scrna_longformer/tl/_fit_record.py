"""What a fit leaves in ``uns``, in types that h5ad and zarr can store, and what it says of itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .._settings import log

if TYPE_CHECKING:
    import numpy as np

    from .._keys import LongformerKeys
    from ..get._labels import Labels
    from ..train import FittedLongformer, LongformerClassifier, Prediction


def fit_record(
    classifier: LongformerClassifier,
    fitted: FittedLongformer,
    labels: Labels,
    prediction: Prediction,
    validation: np.ndarray,
    *,
    params: dict[str, Any],
    store_model: bool,
) -> dict[str, Any]:
    """Everything about the fit that is worth keeping, in types that h5ad and zarr can store."""
    from dataclasses import asdict
    from importlib.metadata import version

    from ..evaluation import score
    from ..train import TrainConfig

    result = classifier.result_
    record: dict[str, Any] = {
        "params": params,
        "train_config": asdict(TrainConfig.from_options(classifier.train_options)),
        "classes": fitted.classes,
        "history": dict(result.history),
        "metrics": score(labels.codes[validation], prediction.proba[validation]),
        "training": {
            "n_parameters": classifier.n_parameters_,
            "n_tokens": len(fitted.token_genes),
            "n_linear": len(fitted.linear),
            "n_pairs": fitted.model.config.n_pairs,
            "n_genes": len(fitted.genes),
            "n_cells": len(labels.codes),
            "n_validation": len(validation),
            "gate": float(classifier.gate_),
            "n_gate_cells": classifier.n_gate_cells_,
            "predictions_of": whose(float(classifier.gate_)),
            "n_steps": result.n_steps,
            "best_step": result.best_step,
            "stopped_by": result.stopped_by,
            "prior_loss": result.prior_loss,
            "initial_loss": result.initial_loss,
            "device": str(next(fitted.model.parameters()).device),
        },
        "versions": {name: version(name) for name in ("scrna-longformer", "torch", "anndata")},
    }
    if store_model:
        record["model"] = store_fitted(fitted)
    return record


def whose(gate: float) -> str:
    """Whose the predictions are: a hybrid with its gate shut says nothing for transformers."""
    if math.isnan(gate):  # there is no simple model to correct
        return "transformer"
    return "simple model, corrected by transformer" if gate else "simple model"


def store_fitted(fitted: FittedLongformer) -> dict[str, Any]:
    """Return the model as a dictionary that h5ad and zarr can store."""
    from ..train._fitted import FORMAT_VERSION

    return {
        "config": fitted.model.config.to_json(),
        "weights": fitted.to_arrays(),
        "genes": fitted.genes,
        "classes": fitted.classes,
        "expression": fitted.expression,
        "format_version": FORMAT_VERSION,
    }


def log_outcome(caller: str, keys: LongformerKeys, record: dict[str, Any]) -> None:
    """Say in the log how a fit went, what it wrote, and what to call next."""
    params, training, metrics = (record[part] for part in ("params", "training", "metrics"))
    kept = f"weights of update {training['best_step']}"
    if not training["best_step"]:
        kept = "no update improved on the start"
    gate = training["gate"]
    if gate == 0:
        why = "" if training["n_gate_cells"] else " (too few cells to decide it by)"
        kept += f"; the gate is 0{why}: predictions are those of logistic regression and LDA"
    elif gate > 0:
        kept += f"; its correction of logistic regression and LDA has weight {gate:.2f}"
    pairs = training["n_pairs"]
    log.info(
        "%s: %s parameters, %d gene tokens (mask from %s)%s, %d updates (%s; %s), %.1f s on %s with "
        "%s attention. Held-out macro-F1 %.3f, accuracy %.3f (%d cells).\n"
        "    wrote obsm[%r], obs[%r], uns[%r]; compare with simple models: "
        "sl.tl.baseline_compare(adata)",
        caller,
        f"{training['n_parameters']:,}",
        training["n_tokens"],
        params["mask_source"],
        f" and products of {pairs:,} linked pairs, which say more than the genes"
        if pairs and gate
        else "",
        training["n_steps"],
        training["stopped_by"],
        kept,
        training["seconds"],
        training["device"],
        params["attention_backend"],
        metrics["macro_f1"],
        metrics["accuracy"],
        training["n_validation"],
        keys.embedding,
        keys.prediction,
        keys.record,
    )
