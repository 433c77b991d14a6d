"""A fresh estimator of a contestant."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from ..features._ranking import is_sparse


def build(model: Any, random_state: int) -> Any:
    """Return a fresh estimator from an estimator (cloned and reseeded) or from a function.

    An estimator of scikit-learn that cannot take sparse values gets a step before it that makes them
    dense; everybody else is given the values as they are.
    """
    if not hasattr(model, "fit"):
        return model(random_state) if callable(model) else model
    fresh = clone(model)
    seeded = [
        name
        for name in fresh.get_params()
        if name == "random_state" or name.endswith("__random_state")
    ]
    fresh.set_params(**dict.fromkeys(seeded, random_state))
    if not _wants_dense(fresh):
        return fresh
    steps = fresh.steps if isinstance(fresh, Pipeline) else [(type(fresh).__name__.lower(), fresh)]
    return Pipeline([("dense", FunctionTransformer(_dense, accept_sparse=True)), *steps])


def _wants_dense(estimator: Any) -> bool:
    """Whether a step of scikit-learn's own, before any of others, says that it takes no sparse values."""
    steps = (
        [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    )
    for step in steps:
        if step is None or step == "passthrough":
            continue
        is_own = not type(step).__module__.startswith("sklearn.")
        if is_own or isinstance(
            step, FunctionTransformer
        ):  # its function may be what makes them dense
            return False
        if not get_tags(step).input_tags.sparse:
            return True
    return False


def _dense(X: Any) -> np.ndarray:
    return np.asarray(X.toarray() if is_sparse(X) else X)
