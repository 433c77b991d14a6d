"""Label spreading with its one setting chosen, and every class counting the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.semi_supervised import LabelSpreading

from ._inner_folds import inner_folds

_FLOOR = 1e-6


def _no_label_comes() -> np.errstate:
    """Where to a cell comes no label, scikit-learn divides 0 by 0: see ``_balanced``."""
    return np.errstate(invalid="ignore")


class TunedLabelSpreading(ClassifierMixin, BaseEstimator):
    """Labels spread over a graph of nearest cells; cells without a label (-1) take part.

    How readily a cell gives up its own label (``alpha``) is chosen by class-balanced log loss on inner
    folds: a third of the labels is hidden, its cells stay in the graph. What a cell receives is divided
    by the shares of the classes among the labels, as in :class:`BalancedClassifier`.

    Parameters
    ----------
    n_neighbors
        Number of neighbours in the graph.
    alphas
        What ``alpha`` may be. The middle one is taken where labels are too few for inner folds.
    n_inner
        Number of inner folds.
    random_state
        Seed of the inner folds.

    Attributes
    ----------
    alpha_
        The chosen value.
    model_
        The fitted :class:`sklearn.semi_supervised.LabelSpreading`.
    shares_
        Shares of the classes among the labels.
    classes_
        Class values without -1.

    References
    ----------
    Zhou et al. (2004), Learning with local and global consistency, NIPS.
    """

    def __init__(
        self,
        n_neighbors: int = 15,
        alphas: Sequence[float] = (0.05, 0.2, 0.5, 0.9),
        n_inner: int = 3,
        random_state: int = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.alphas = alphas
        self.n_inner = n_inner
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Spread the labels of dense cells x features ``X``; -1 in ``y`` is no label."""
        labelled = np.flatnonzero(y != -1)
        self.classes_, codes = np.unique(y[labelled], return_inverse=True)
        self.shares_ = np.bincount(codes) / len(codes)
        self.alpha_ = self.alphas[len(self.alphas) // 2]
        if folds := inner_folds(codes, self.n_inner, self.random_state):
            losses = [self._loss(alpha, X, y, labelled, codes, folds) for alpha in self.alphas]
            self.alpha_ = self.alphas[int(np.argmin(losses))]
        self.model_ = self._spread(self.alpha_, X, y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return cells x classes probabilities."""
        with _no_label_comes():
            proba = self.model_.predict_proba(X)
        return self._balanced(proba, self.model_.classes_)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _spread(self, alpha: float, X: np.ndarray, y: np.ndarray) -> LabelSpreading:
        model = LabelSpreading(
            kernel="knn", n_neighbors=min(self.n_neighbors, len(X)), alpha=alpha, max_iter=100
        )
        with _no_label_comes():
            return model.fit(X, y)

    def _loss(
        self,
        alpha: float,
        X: np.ndarray,
        y: np.ndarray,
        labelled: np.ndarray,
        codes: np.ndarray,
        folds: list[tuple[np.ndarray, np.ndarray]],
    ) -> float:
        weights, loss = 1 / np.bincount(codes), 0.0
        for _, hidden in folds:
            known = y.copy()
            known[labelled[hidden]] = -1
            model = self._spread(alpha, X, known)
            proba = self._balanced(model.label_distributions_[labelled[hidden]], model.classes_)
            true_proba = proba[np.arange(len(hidden)), codes[hidden]]
            loss -= float(np.log(np.maximum(true_proba, _FLOOR)) @ weights[codes[hidden]])
        return loss

    def _balanced(self, proba: Any, classes: np.ndarray) -> np.ndarray:
        """Columns of all classes, as if all were equally common; even where no label came."""
        odds = np.zeros((len(proba), len(self.classes_)))
        columns = np.searchsorted(self.classes_, classes)
        odds[:, columns] = np.nan_to_num(proba) / self.shares_[columns]
        odds[odds.sum(axis=1) == 0] = 1
        return odds / odds.sum(axis=1, keepdims=True)
