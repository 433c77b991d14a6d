"""Class-balanced probabilities from a classifier that knows no class weights."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone


class BalancedClassifier(ClassifierMixin, BaseEstimator):
    """Divide a classifier's probabilities by the shares of the classes in the training cells.

    By Bayes' rule these are the probabilities as if all classes were equally common, which is what
    class weights give to classifiers that take them.

    Parameters
    ----------
    estimator
        A classifier with ``predict_proba``, trained without class weights.

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

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Fit the classifier and count the classes."""
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_, sizes = np.unique(y, return_counts=True)
        self.shares_ = sizes / sizes.sum()
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return cells x classes probabilities."""
        odds = self.estimator_.predict_proba(X) / self.shares_
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
