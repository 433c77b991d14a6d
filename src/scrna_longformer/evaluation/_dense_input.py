"""Dense values for classifiers of scikit-learn that cannot take sparse ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from ..features._ranking import is_sparse
from ._balanced import BalancedClassifier
from ._calibration import LogitScaled
from ._cell_classifier import CellClassifier


def with_dense_input(estimator: Any) -> Any:
    """Put a step before the estimator that makes values dense, if it says that it takes no sparse ones.

    Others than those of scikit-learn and classifiers of this package are given the values as they are.
    """
    if not _wants_dense(estimator):
        return estimator
    steps = [(type(estimator).__name__.lower(), estimator)]
    if isinstance(estimator, Pipeline):
        steps = estimator.steps
    return Pipeline([("dense", FunctionTransformer(_dense, accept_sparse=True)), *steps])


def _wants_dense(estimator: Any) -> bool:
    """Whether a step whose word counts, before any of others, says that it takes no sparse values."""
    steps = (
        [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    )
    for step in steps:
        if step is None or step == "passthrough":
            continue
        if isinstance(step, BalancedClassifier | LogitScaled):
            return _wants_dense(step.estimator)
        is_known = isinstance(step, CellClassifier)
        is_known |= type(step).__module__.startswith("sklearn.")
        if not is_known or isinstance(
            step, FunctionTransformer
        ):  # its function may be what makes them dense
            return False
        if not get_tags(step).input_tags.sparse:
            return True
    return False


def _dense(X: Any) -> np.ndarray:
    return np.asarray(X.toarray() if is_sparse(X) else X)
