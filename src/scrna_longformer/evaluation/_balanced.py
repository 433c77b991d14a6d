"""Class-balanced probabilities from a classifier that knows no class weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from ..features._ranking import Matrix
from ._cell_classifier import CellClassifier


class BalancedClassifier(CellClassifier):
    """Divide a classifier's probabilities by the shares of the classes in the training cells.

    By Bayes' rule these are the probabilities as if all classes were equally common, which is what
    class weights give to classifiers that take them.

    Parameters
    ----------
    estimator
        A classifier with ``predict_proba``, trained without class weights. With ``warm_start=True`` it
        goes on from its last fit to the same classes.

    References
    ----------
    Menon et al. (2021), Long-tail learning via logit adjustment, ICLR.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> model = BalancedClassifier(DummyClassifier()).fit([[0], [0], [0]], ["a", "a", "b"])
    >>> model.predict_proba([[0]])
    array([[0.5, 0.5]])
    """

    takes_finite = False

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def _fit(self, X: Matrix, codes: np.ndarray) -> None:
        begun = getattr(self, "estimator_", None)
        is_warm = getattr(self.estimator, "warm_start", False)
        if is_warm and begun is not None and np.array_equal(begun.classes_, self.classes_):
            estimator = begun.set_params(**self.estimator.get_params(deep=False))
        else:
            estimator = clone(self.estimator)
        self.estimator_ = estimator.fit(X, self.classes_[codes])
        sizes = np.bincount(codes)
        self.shares_ = sizes / sizes.sum()

    def _proba(self, X: Matrix) -> np.ndarray:
        odds = self.estimator_.predict_proba(X) / self.shares_
        return odds / odds.sum(axis=1, keepdims=True)
