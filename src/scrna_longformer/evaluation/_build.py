"""A fresh estimator of a contestant."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from ._dense_input import with_dense_input


def build(model: Any, random_state: int) -> Any:
    """Return a fresh estimator from an estimator (cloned and reseeded) or from a function."""
    if not hasattr(model, "fit"):
        return model(random_state) if callable(model) else model
    fresh = clone(model)
    seeded = [
        name
        for name in fresh.get_params()
        if name == "random_state" or name.endswith("__random_state")
    ]
    return with_dense_input(fresh.set_params(**dict.fromkeys(seeded, random_state)))
