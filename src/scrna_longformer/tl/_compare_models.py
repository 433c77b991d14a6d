"""The contestants of a comparison: names resolved into estimators."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ._compare_inputs import CALLER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

_TRANSFORMER = "longformer"


def resolve_contestants(
    models: str | Iterable[str] | Mapping[str, Any],
    transformer_settings: dict[str, Any],
    *,
    caller: str = CALLER,
) -> dict[str, Any]:
    """Resolve names into estimators or functions that make them."""
    from ..evaluation import BASELINES

    known = [*BASELINES, _TRANSFORMER]

    def named(name: str) -> Any:
        if name not in known:
            msg = (
                f"{caller}: `models` has no contestant {name!r}. Known are {known}; others are "
                "given as a dictionary from a name to a scikit-learn classifier."
            )
            raise ValueError(msg)
        if name in BASELINES:
            return BASELINES[name]
        from ..train import LongformerClassifier

        return LongformerClassifier(**transformer_settings)

    if isinstance(models, str):
        models = known if models == "default" else [models]
    pairs = models.items() if hasattr(models, "items") else ((name, name) for name in models)
    resolved = {n: named(model) if isinstance(model, str) else model for n, model in pairs}
    if not resolved:
        msg = f"{caller}: `models` is empty. Known contestants are {known}."
        raise ValueError(msg)
    return resolved


def transformer_settings(fit: Mapping[str, Any] | None) -> dict[str, Any]:
    """Arguments of the classifier that repeat a fit; none without a fit."""
    if fit is None:
        return {}
    from ..train import TrainConfig

    params, config = fit["params"], fit["train_config"]
    kinds = {name: type(value) for name, value in asdict(TrainConfig()).items()}
    n_tokens = str(params["n_tokens"])
    options = {
        "preset": str(params["preset"]),
        "n_tokens": n_tokens if n_tokens == "all" else int(n_tokens),
        "n_neighbors": int(params["n_neighbors"]),
        "metric": str(params["metric"]),
        "center": bool(params["center"]),
        "min_cells": int(params["min_cells"]),
        "accelerator": str(params["accelerator"]),
        # files give NumPy scalars back
        "train_options": {name: kinds[name](value) for name, value in config.items()},
    }
    if "model" in fit:
        architecture = json.loads(str(fit["model"]["config"]))
        own = {"preset", "n_genes", "n_classes"}
        options["model_options"] = {k: v for k, v in architecture.items() if k not in own}
    return options


def descriptions(contestants: Mapping[str, Any]) -> pd.DataFrame:
    """One line on each contestant: what a named one does, the settings of another."""
    import inspect

    import pandas as pd

    described = [
        (inspect.getdoc(model) or repr(model)).splitlines()[0]
        if inspect.isfunction(model)
        else " ".join(repr(model).split())
        for model in contestants.values()
    ]
    frame = pd.DataFrame({"model": list(contestants), "description": described})
    return frame.astype(
        {"model": pd.CategoricalDtype(list(contestants)), "description": "category"}
    )
