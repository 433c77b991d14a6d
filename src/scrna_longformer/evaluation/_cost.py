"""What a fitted estimator costs to keep: the number of fitted numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._balanced import BalancedClassifier

_ARRAYS = ("coef_", "intercept_", "coefs_", "intercepts_", "centroids_", "class_prior_")


def count_parameters(estimator: Any) -> float:
    """Count the fitted numbers of the last step of an estimator.

    Coefficients, intercepts, centroids and class shares count one each, as does every node of a
    forest; an estimator may say it itself in ``n_parameters_``. NaN where there is no clear count
    (neighbours keep the cells, boosting hides its trees).

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.eye(4), [0, 1, 2, 0]
    >>> count_parameters(LogisticRegression().fit(X, y))
    15.0
    """
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    if isinstance(last, BalancedClassifier):
        return count_parameters(last.estimator_)
    if hasattr(last, "n_parameters_"):
        return float(last.n_parameters_)
    if hasattr(last, "estimators_") and hasattr(last.estimators_[0], "tree_"):
        return float(sum(tree.tree_.node_count for tree in last.estimators_))
    found = [getattr(last, name) for name in _ARRAYS if hasattr(last, name)]
    if not found:
        return float("nan")
    arrays = [part for value in found for part in (value if isinstance(value, list) else [value])]
    return float(sum(np.size(array) for array in arrays))
