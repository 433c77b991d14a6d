"""Temperature scaling: make the confidence of a classifier match how often it is right."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.utils.validation import check_is_fitted

from ..features._checked import checked_values
from ..features._ranking import Matrix
from ._cell_classifier import plain_labels
from ._class_codes import classes_of, in_order
from ._cost import count_parameters
from ._scaling import floored_log
from ._split import holdout

_RANGE = 4.6  # largest |log T|: a hundredth to a hundred
_FEWEST = 10  # cells below which a temperature is a guess


def fit_temperature(codes: np.ndarray, proba: np.ndarray) -> float:
    """Find the temperature that makes probabilities fit the labels of cells not trained on.

    Parameters
    ----------
    codes
        Class of each cell: a column of `proba`.
    proba
        Cells x classes probabilities of a model that has not seen these cells.

    Returns
    -------
    ``T`` of ``softmax(log(proba) / T)``. Above 1 the model was too sure, below 1 not sure enough.

    Notes
    -----
    The log loss is smallest at ``T`` -> 0 wherever all cells are predicted correctly, and few cells
    are easily all correct. So ``log T`` has a standard normal prior: one nat of evidence against the
    first factor of four, and nothing against a hundred cells.

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks, ICML.

    Examples
    --------
    >>> proba = np.tile([0.99, 0.01], (100, 1))  # right in 90 of 100 cells
    >>> round(
    ...     float(
    ...         scale_temperature(proba, fit_temperature(np.repeat([0, 1], [90, 10]), proba))[0, 0]
    ...     ),
    ...     2,
    ... )
    0.9
    """
    if len(codes) < _FEWEST:
        return 1.0
    logits = floored_log(proba)
    rows = np.arange(len(codes))

    def loss(log_t: float) -> float:
        likelihood = log_softmax(logits * np.exp(-log_t), axis=1)[rows, codes]
        return float(log_t**2 / 2 - likelihood.sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-_RANGE, _RANGE), method="bounded").x))


def scale_temperature(proba: np.ndarray, temperature: float) -> np.ndarray:
    """Return ``softmax(log(proba) / temperature)``; the order within a cell stays as it is."""
    if temperature == 1:
        return proba
    return softmax(floored_log(proba) / temperature, axis=1).astype(proba.dtype)


class TemperatureScaled(ClassifierMixin, BaseEstimator):
    """A classifier with its temperature fitted on training cells that were set aside.

    A copy is fitted without these cells and gives the temperature; the classifier itself is fitted
    to all of them. What is predicted is what the bare classifier predicts; only how sure it says it
    is changes. Fitting takes nearly twice as long, but for a classifier that keeps probabilities of
    its training cells from inner folds (``out_of_fold_``), which are used instead.

    Parameters
    ----------
    estimator
        Any classifier with ``predict_proba``.
    fraction
        Share of each class that is set aside.
    random_state
        Seed of that draw.

    Attributes
    ----------
    temperature_
        Fitted temperature; 1 if too few cells could be set aside.
    estimator_
        The classifier, fitted to all training cells.
    classes_
        Class values.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 100)
    >>> X = np.repeat(rng.normal(size=(200, 1)) + y[:, None], 5, axis=1)  # one gene five times
    >>> TemperatureScaled(GaussianNB()).fit(X, y).temperature_ > 2
    True
    """

    def __init__(self, estimator: Any, *, fraction: float = 0.2, random_state: int = 0) -> None:
        self.estimator = estimator
        self.fraction = fraction
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Say that sparse values are passed on."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: Matrix, y: np.ndarray) -> Self:
        """Fit the temperature on a part of the cells, and the classifier to all."""
        X, y = checked_values(self, X, fitting=True, finite=False), plain_labels(y)
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = np.sort(classes_of(self.estimator_))
        # cells without a label (scikit-learn's -1) are of none of the classes
        codes = np.searchsorted(self.classes_, y)
        codes, proba = self._inner(X, np.where(np.isin(y, self.classes_), codes, -1))
        self.temperature_ = fit_temperature(codes, proba)
        return self

    def predict_proba(self, X: Matrix) -> np.ndarray:
        """Return cells x classes probabilities."""
        check_is_fitted(self)
        X = checked_values(self, X, finite=False)
        return scale_temperature(in_order(self.estimator_, X), self.temperature_)

    def predict(self, X: Matrix) -> np.ndarray:
        """Return the most probable class."""
        proba = self.predict_proba(X)  # says so where nothing was fitted
        return self.classes_[proba.argmax(axis=1)]

    @property
    def n_parameters_(self) -> float:
        """Number of fitted numbers of the classifier."""
        return count_parameters(self.estimator_)

    def _inner(self, X: Matrix, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Classes and probabilities of training cells, from models that have not seen them."""
        kept = getattr(self.estimator_, "out_of_fold_", None)
        if kept is not None:
            seen = kept[np.arange(len(codes)), codes] > 0  # its class was in the inner fold
            return codes[seen], kept[seen]
        train, aside = holdout(codes, self.fraction, random_state=self.random_state)
        if len(aside) < _FEWEST:
            return codes[:0], np.empty((0, len(self.classes_)))
        train = np.concatenate([train, np.flatnonzero(codes < 0)])
        inner = clone(self.estimator).fit(X[train], codes[train])
        return codes[aside], in_order(inner, X[aside])


def with_temperature(estimator: Any, random_state: int) -> Any:
    """Wrap an estimator in :class:`TemperatureScaled`, unless it is calibrated inside already.

    Left alone are estimators that say so (``calibrated_inside = True``), scikit-learn's
    ``CalibratedClassifierCV``, and the predictors without skill, which are reference points.
    """
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    calibrated = getattr(last, "calibrated_inside", False)
    if calibrated or isinstance(last, CalibratedClassifierCV | DummyClassifier | TemperatureScaled):
        return estimator
    return TemperatureScaled(estimator, random_state=random_state)
