"""One setting of a classifier, chosen on inner folds: the same budget for every kind of model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import softmax
from sklearn.base import clone

from ._cell_classifier import CellClassifier
from ._centroid import best_temperature
from ._cost import count_parameters
from ._inner_folds import inner_folds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..features._ranking import Matrix

_FLOOR = 1e-6


class TunedClassifier(CellClassifier):
    """A classifier with one parameter chosen by class-balanced log loss on inner folds.

    A classifier without probabilities (a support vector machine) gets them as a softmax of its
    decision values, at the temperature that fits the inner folds best.

    Parameters
    ----------
    inputs
        Transformers from log values to the input of the classifier, fitted anew in every fold.
    classifier
        Classifier with ``predict_proba`` or ``decision_function``. With ``warm_start=True`` each value
        of an inner fold goes on from the fit of the one before: rounds of boosting are added.
    parameter
        Name of the parameter to choose.
    values
        What it may be, ascending where it is warm. ``values[len(values) // 2]`` is taken where cells
        are too few for inner folds.
    n_inner
        Number of inner folds.
    random_state
        Seed of the inner folds.
    inner_params
        Settings of the classifier that are others where the value is chosen: a smaller forest takes
        less time to find one. Probabilities kept of the inner folds are of the classifier itself.

    Attributes
    ----------
    value_
        The chosen value.
    temperature_
        Divides the decision values; 1 for a classifier with probabilities.
    out_of_fold_
        Cells x classes probabilities of the training cells, each from an inner fold that did not
        see the cell; ``None`` without inner folds.
    """

    def __init__(
        self,
        inputs: Any,
        classifier: Any,
        *,
        parameter: str,
        values: Sequence[float],
        n_inner: int = 3,
        random_state: int = 0,
        inner_params: Mapping[str, Any] | None = None,
    ) -> None:
        self.inputs = inputs
        self.classifier = classifier
        self.parameter = parameter
        self.values = values
        self.n_inner = n_inner
        self.random_state = random_state
        self.inner_params = inner_params

    def _fit(self, X: Matrix, codes: np.ndarray) -> None:
        self.value_ = self.values[len(self.values) // 2]
        self.temperature_, self.out_of_fold_ = 1.0, None
        if folds := inner_folds(codes, self.n_inner, self.random_state):
            smaller = clone(self.classifier).set_params(**(self.inner_params or {}))
            scores = self._inner_scores(smaller, self.values, X, codes, folds)
            best, self.temperature_ = self._choose(scores, codes)
            self.value_, kept = self.values[best], scores[best]
            if self.inner_params:  # probabilities of the classifier as it predicts
                kept = self._inner_scores(self.classifier, [self.value_], X, codes, folds)[0]
            self.out_of_fold_ = softmax(kept / self.temperature_, axis=1)
        self.inputs_ = clone(self.inputs)
        self.model_ = clone(self.classifier).set_params(**{self.parameter: self.value_})
        self.model_.fit(self.inputs_.fit_transform(X, codes), codes)

    def _proba(self, X: Matrix) -> np.ndarray:
        scores = _log_scores(self.model_, self.inputs_.transform(X), len(self.classes_))
        return softmax(scores / self.temperature_, axis=1)

    @property
    def n_parameters_(self) -> float:
        """Number of fitted numbers of the classifier."""
        return count_parameters(self.model_)

    def _inner_scores(
        self,
        classifier: Any,
        values: Sequence[float],
        X: Matrix,
        codes: np.ndarray,
        folds: list[tuple[np.ndarray, np.ndarray]],
    ) -> np.ndarray:
        """Scores of cells by models that did not see them, values x cells x classes."""
        n_classes = int(codes.max()) + 1
        scores = np.empty((len(values), len(codes), n_classes))
        for train, test in folds:
            inputs = clone(self.inputs)
            train_input = inputs.fit_transform(X[train], codes[train])
            test_input = inputs.transform(X[test])
            model = clone(classifier)
            for i, value in enumerate(values):
                model.set_params(**{self.parameter: value}).fit(train_input, codes[train])
                scores[i, test] = _log_scores(model, test_input, n_classes)
        return scores

    def _choose(self, scores: np.ndarray, codes: np.ndarray) -> tuple[int, float]:
        """Place of the best value, and the temperature that goes with it."""
        # what is said of a class that an inner fold was without says nothing of a value
        known = np.isfinite(scores[0, np.arange(len(codes)), codes])
        scores, codes = scores[:, known], codes[known]
        weights = 1 / np.bincount(codes)[codes]
        losses, temperatures = [], []
        for of_value in scores:
            temperature = 1.0
            if not hasattr(self.classifier, "predict_proba"):
                distances = of_value.max(axis=1, keepdims=True) - of_value
                missing = ~np.isfinite(distances)
                distances[missing] = distances[~missing].max()
                temperature = best_temperature(distances, codes)
            proba = softmax(of_value / temperature, axis=1)
            true_proba = proba[np.arange(len(codes)), codes]
            losses.append(-np.log(np.maximum(true_proba, _FLOOR)) @ weights)
            temperatures.append(temperature)
        best = int(np.argmin(losses))
        return best, temperatures[best]


def _log_scores(model: Any, X: np.ndarray, n_classes: int) -> np.ndarray:
    """Log probabilities or decision values in the columns of all classes; where untrained, -inf."""
    if hasattr(model, "predict_proba"):
        scores = np.log(np.maximum(model.predict_proba(X), _FLOOR))
    else:
        scores = model.decision_function(X)
        if scores.ndim == 1:
            scores = np.column_stack([-scores / 2, scores / 2])
    placed = np.full((X.shape[0], n_classes), -np.inf)
    placed[:, model.classes_] = scores
    return placed
