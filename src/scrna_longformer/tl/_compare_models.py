"""The contestants of a comparison: names resolved into estimators."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .._settings import log
from ._compare_inputs import CALLER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from ..evaluation import Terms

# what each transformer changes in the settings of the last fit: it corrects a simple model, or
# stands alone; 'all' also has other sizes
_TRANSFORMERS: dict[str, dict[str, Any]] = {
    "longformer": {"offset": "simple"},
    "longformer_pure": {"offset": None},
}
_OURS = "longformer"  # how names of transformers begin
_PRESETS = {f"longformer_{preset}": preset for preset in ("tiny", "small", "base")}


def resolve_contestants(
    models: str | Iterable[str] | Mapping[str, Any],
    transformer_settings: dict[str, Any],
    *,
    caller: str = CALLER,
    with_counts: bool = True,
) -> dict[str, Any]:
    """Resolve names into estimators or functions that make them.

    Parameters
    ----------
    models
        As :func:`baseline_compare` takes them.
    transformer_settings
        Arguments of the transformer.
    caller
        Function that asks, for messages.
    with_counts
        Whether counts can be found behind the values. Without, ``'default'`` and ``'all'`` leave out
        the contestants that need them.
    """
    simple = _simple()
    transformers = [*_TRANSFORMERS, *_PRESETS]
    known = [*simple, *transformers]

    def named(name: str) -> Any:
        if name in simple:
            return simple[name]
        if name in transformers:
            return _transformer(name, transformer_settings)
        msg = (
            f"{caller}: `models` has no contestant {name!r}. Known are {known}, and 'default' and "
            "'all'; others are given as a dictionary from a name to a scikit-learn classifier."
        )
        raise ValueError(msg)

    if isinstance(models, str):
        lists = {"default": [*_default(), *_TRANSFORMERS], "all": known}
        models = (
            _possible(lists[models], simple, caller, with_counts=with_counts)
            if models in lists
            else [models]
        )
    pairs = models.items() if hasattr(models, "items") else ((name, name) for name in models)
    given = {str(name): model for name, model in pairs}
    for name, model in given.items():
        _check_name(name, model, known, caller)
    resolved = {n: named(model) if isinstance(model, str) else model for n, model in given.items()}
    if not resolved:
        msg = f"{caller}: `models` is empty. Known contestants are {known}."
        raise ValueError(msg)
    return resolved


def _check_name(name: str, model: Any, known: Sequence[str], caller: str) -> None:
    """Refuse a name that says something else than the contestant is: verdict and plots go by it."""
    from ..evaluation.checks import REFERENCES

    is_taken = name in {*known, *REFERENCES} or name.startswith(_OURS)
    if not is_taken or (isinstance(model, str) and model == name):
        return
    if not isinstance(model, str) and (
        built_in_of(model) == name or (name.startswith(_OURS) and is_transformer(model))
    ):
        return
    what = repr(model) if isinstance(model, str) else type(model).__name__
    whose = "of transformers" if name.startswith(_OURS) else "of a contestant of ours"
    msg = (
        f"{caller}: `models` calls {what} {name!r}, which is a name {whose}, and the verdict would "
        f"take it for one. Give it another name, such as {'my_' + name!r}."
    )
    raise ValueError(msg)


def _default() -> list[str]:
    from ..evaluation import BASELINES

    return list(BASELINES)


def _simple() -> dict[str, Any]:
    """All contestants with a name but the transformers: functions that make them."""
    from ..evaluation import BASELINES, MORE_BASELINES
    from ._contestants._registry import CONTESTANTS

    return {**BASELINES, **MORE_BASELINES, **CONTESTANTS}


def _transformer(name: str, settings: dict[str, Any]) -> Any:
    """Transformer with the settings of the last fit, or of a preset (``'longformer_tiny'``)."""
    from ..train import LongformerClassifier

    if name in _PRESETS:
        return LongformerClassifier(_PRESETS[name], offset=None)
    return LongformerClassifier(**{**settings, **_TRANSFORMERS[name]})


def _possible(
    names: list[str], simple: Mapping[str, Any], caller: str, *, with_counts: bool
) -> list[str]:
    """Names of what can run here; the log says what is left out, and why."""
    from importlib.util import find_spec

    from ..evaluation import terms_of

    needed = {name: terms_of(simple.get(name)) for name in names}
    without = [n for n in names if needed[n].needs_counts and not with_counts]
    absent = [n for n in names if (package := needed[n].package) and find_spec(package) is None]
    if without:
        log.info("%s: no counts behind these values; leaves out %s.", caller, ", ".join(without))
    if absent:
        log.info(
            "%s: leaves out %s: pip install 'scrna-longformer[baselines]'",
            caller,
            ", ".join(absent),
        )
    blocked = {n: why for n in names if (ask := needed[n].obstacle) and (why := ask())}
    for name, why in blocked.items():
        log.info("%s: leaves out %s: %s", caller, name, why)
    return [name for name in names if name not in {*without, *absent, *blocked}]


def transformer_settings(fit: Mapping[str, Any] | None) -> dict[str, Any]:
    """Arguments of the classifier that repeat a fit; none without a fit."""
    if fit is None:
        return {}
    from ..train import TrainConfig

    params, config = fit["params"], fit["train_config"]
    if "input_transform" not in params:
        msg = (
            "`adata.uns['longformer']` is the record of an earlier version. Call "
            "sl.tl.longformer_fit(adata, key=...) again, or delete it."
        )
        raise ValueError(msg)
    kinds = {name: type(value) for name, value in asdict(TrainConfig()).items()}
    n_tokens = str(params["n_tokens"])
    options = {
        "preset": str(params["preset"]),
        "input_transform": str(params["input_transform"]),
        "n_tokens": int(n_tokens) if n_tokens.isdigit() else n_tokens,
        "n_neighbors": int(params["n_neighbors"]),
        "metric": str(params["metric"]),
        "center": bool(params["center"]),
        "min_cells": int(params["min_cells"]),
        "accelerator": str(params["accelerator"]),
        # files give NumPy scalars back
        "train_options": {name: kinds[name](value) for name, value in config.items()},
    }
    if "model" not in fit:  # it was not stored
        options["model_options"] = json.loads(str(params.get("model_options", "{}")))
    else:
        architecture = json.loads(str(fit["model"]["config"]))
        own = {"preset", "n_genes", "n_classes", "residual_head", "n_pairs", "attention_seed"}
        if "n_linear" not in json.loads(str(params.get("model_options", "{}"))):
            own |= {"n_linear"}  # it followed from the genes that the fit chose among
        options["model_options"] = {k: v for k, v in architecture.items() if k not in own}
    return options


def descriptions(contestants: Mapping[str, Any]) -> pd.DataFrame:
    """What each contestant is (of one's own: its settings), and the terms on which it took part."""
    import inspect

    import pandas as pd

    from ..evaluation import terms_row

    rows = [
        {
            "model": name,
            "description": (inspect.getdoc(model) or repr(model)).splitlines()[0]
            if inspect.isfunction(model)
            else " ".join(repr(model).split()),
            **terms_row(_transformer_terms(model) if hasattr(model, "preset") else model),
        }
        for name, model in contestants.items()
    ]
    frame = pd.DataFrame(rows)
    frame["built_in"] = [built_in_of(model) for model in contestants.values()]
    kinds: dict[Any, Any] = dict.fromkeys(frame.columns, "category")
    kinds["model"] = pd.CategoricalDtype(list(contestants))
    return frame.astype(kinds)


def _transformer_terms(model: Any) -> Terms:
    """Terms of a transformer: alone, or correcting a simple model."""
    from ..evaluation import Terms

    tokens = (
        "tokens: genes ranked as markers, their Pearson residuals (log values where there are no "
        "counts behind them), standardised"
    )
    if getattr(model, "offset", None) is None:
        return Terms(
            tokens,
            class_weights="balanced",
            tuning="penalty of the logistic regression it starts from, on inner folds; weights kept, "
            "and probabilities calibrated, by a tenth of the training cells",
        )
    return Terms(
        f"what simple_mean sees; {tokens}",
        class_weights="as simple_mean; its correction is not weighted",
        tuning="as simple_mean, whose logits it corrects; weights kept by a tenth of the training "
        "cells; weight of the correction (gate) and calibration by a fifth",
    )


def built_in_of(model: Any) -> str:
    """Name of the built-in simple contestant that this is, by whatever name it takes part; else empty."""
    return next((name for name, function in _simple().items() if function is model), "")


def is_transformer(model: Any) -> bool:
    """Whether a contestant is a transformer, alone or as the last step of a pipeline."""
    from sklearn.base import BaseEstimator

    last = _last_step(model)
    return type(last).__name__.startswith("Longformer") and isinstance(last, BaseEstimator)


def preset_of(model: Any) -> str:
    """Preset of a transformer; empty for a simple model."""
    return str(getattr(_last_step(model), "preset", "small")) if is_transformer(model) else ""


def _last_step(model: Any) -> Any:
    return model.steps[-1][1] if hasattr(model, "steps") else model
