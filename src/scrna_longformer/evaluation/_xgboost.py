"""XGBoost with balanced classes, imported when first used."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from .._compat import optional_import
from ._cell_classifier import CellClassifier

if TYPE_CHECKING:
    from ..features._ranking import Matrix


def require_xgboost() -> ModuleType:
    """Import XGBoost, or say how to install it."""
    return optional_import("xgboost", extra="baselines", purpose="The contestant 'xgboost'")


class BalancedXGBoost(CellClassifier):
    """Boosted trees in which every class has the same weight.

    Parameters
    ----------
    n_estimators
        Rounds of boosting; each grows a tree per class.
    max_depth
        Depth of a tree.
    learning_rate
        Weight of a tree.
    random_state
        Seed.

    References
    ----------
    Chen and Guestrin (2016), XGBoost: a scalable tree boosting system, KDD.
    """

    def __init__(
        self,
        n_estimators: int = 150,
        max_depth: int = 4,
        learning_rate: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _fit(self, X: Matrix, codes: np.ndarray) -> None:
        self.model_ = require_xgboost().XGBClassifier(
            n_estimators=self.n_estimators,
            max_depth=self.max_depth,
            learning_rate=self.learning_rate,
            tree_method="hist",
            n_jobs=1,
            random_state=self.random_state,
        )
        weights = compute_sample_weight("balanced", codes)
        self.model_.fit(_dense(X), codes, sample_weight=weights)

    def _proba(self, X: Matrix) -> np.ndarray:
        return self.model_.predict_proba(_dense(X))


def _dense(X: Matrix) -> np.ndarray:
    # XGBoost takes entries that a sparse matrix leaves out for missing values, not for zeros
    return X.toarray() if hasattr(X, "toarray") else np.asarray(X)
