"""Dense values for classifiers of scikit-learn that cannot take sparse ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from ..features._ranking import is_sparse


def with_dense_input(estimator: Any) -> Any:
    """Put a step before the estimator that makes values dense, if it says that it takes no sparse ones.

    Estimators that are not of scikit-learn are given the values as they are.
    """
    if not _wants_dense(estimator):
        return estimator
    steps = [(type(estimator).__name__.lower(), estimator)]
    if isinstance(estimator, Pipeline):
        steps = estimator.steps
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
