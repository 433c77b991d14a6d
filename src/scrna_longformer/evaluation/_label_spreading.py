"""Label spreading with its one setting chosen, and every class counting the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.semi_supervised import LabelSpreading
from sklearn.utils.validation import check_is_fitted

from ._cell_classifier import plain_labels
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
        What ``alpha`` may be. ``alphas[len(alphas) // 2]`` is taken where labels are too few for inner
        folds.
    n_inner
        Number of inner folds.
    random_state
        Seed of the inner folds.

    Attributes
    ----------
    alpha_
        The chosen value.
    model_
        The fitted :class:`sklearn.semi_supervised.LabelSpreading`, on indices into ``classes_``.
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
        """Spread the labels of dense cells x features ``X``; -1 in ``y`` is no label.

        Raises
        ------
        ValueError
            If fewer than two classes have a label.
        """
        y = plain_labels(y)
        labelled = np.flatnonzero(y != -1)
        self.classes_, codes = np.unique(y[labelled], return_inverse=True)
        if len(self.classes_) < 2:
            msg = (
                f"`y` has labels of {len(self.classes_)} class; label spreading needs at least two. "
                "Cells with -1 have no label."
            )
            raise ValueError(msg)
        known = np.full(len(y), -1)
        known[labelled] = codes
        self.shares_ = np.bincount(codes) / len(codes)
        self.alpha_ = self.alphas[len(self.alphas) // 2]
        if folds := inner_folds(codes, self.n_inner, self.random_state):
            losses = [self._loss(alpha, X, known, labelled, folds) for alpha in self.alphas]
            self.alpha_ = self.alphas[int(np.argmin(losses))]
        self.model_ = self._spread(self.alpha_, X, known)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return cells x classes probabilities."""
        check_is_fitted(self)
        with _no_label_comes():
            proba = self.model_.predict_proba(X)
        return self._balanced(proba, self.model_.classes_)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class."""
        proba = self.predict_proba(X)  # says so where nothing was fitted
        return self.classes_[proba.argmax(axis=1)]

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
        known: np.ndarray,
        labelled: np.ndarray,
        folds: list[tuple[np.ndarray, np.ndarray]],
    ) -> float:
        """Class-balanced log loss of labels that were hidden, a fold at a time."""
        codes = known[labelled]
        weights, loss = 1 / np.bincount(codes), 0.0
        for _, hidden in folds:
            seen = known.copy()
            seen[labelled[hidden]] = -1
            model = self._spread(alpha, X, seen)
            proba = self._balanced(model.label_distributions_[labelled[hidden]], model.classes_)
            true_proba = proba[np.arange(len(hidden)), codes[hidden]]
            loss -= float(np.log(np.maximum(true_proba, _FLOOR)) @ weights[codes[hidden]])
        return loss

    def _balanced(self, proba: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Columns of all classes, as if all were equally common; even where no label came."""
        odds = np.zeros((len(proba), len(self.classes_)))
        odds[:, codes] = np.nan_to_num(proba) / self.shares_[codes]
        odds[odds.sum(axis=1) == 0] = 1
        return odds / odds.sum(axis=1, keepdims=True)
