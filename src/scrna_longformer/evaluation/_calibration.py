"""Probabilities that mean what they say: scaling a classifier on training cells set aside."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.utils.validation import check_is_fitted

from ..features._checked import checked_values
from ..features._ranking import Matrix
from ._cell_classifier import plain_labels
from ._class_codes import classes_of, in_order
from ._cost import count_parameters
from ._scaling import LogitScaling
from ._split import holdout

_FEWEST = 10  # cells that a model has not seen, below which a scaling is a guess


class LogitScaled(ClassifierMixin, BaseEstimator):
    """A classifier with a temperature and class offsets fitted on training cells that were set aside.

    A copy is fitted without these cells and gives the :class:`LogitScaling`; the classifier itself is
    fitted to all of them. The temperature changes how sure it says it is; the offsets give the
    classes their shares again, which class weights have taken from them, and with them the most
    probable class of some cells. Fitting takes nearly twice as long, but for a classifier that keeps
    probabilities of its training cells from inner folds (``out_of_fold_``), which are used instead.

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
    scaling_
        The :class:`LogitScaling`: slope 1 and offsets 0 if too few cells could be set aside.
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
    >>> LogitScaled(GaussianNB()).fit(X, y).temperature_ > 2
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
        """Fit the scaling on a part of the cells, and the classifier to all."""
        X, y = checked_values(self, X, fitting=True, finite=False), plain_labels(y)
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = np.sort(classes_of(self.estimator_))
        # cells without a label (scikit-learn's -1) are of none of the classes
        codes = np.searchsorted(self.classes_, y)
        codes, proba = self._inner(X, np.where(np.isin(y, self.classes_), codes, -1))
        if len(codes) < _FEWEST:
            codes, proba = codes[:0], proba[:0]
        self.scaling_ = LogitScaling.fit(proba, codes)
        return self

    def predict_proba(self, X: Matrix) -> np.ndarray:
        """Return cells x classes probabilities."""
        check_is_fitted(self)
        X = checked_values(self, X, finite=False)
        return self.scaling_(in_order(self.estimator_, X))

    def predict(self, X: Matrix) -> np.ndarray:
        """Return the most probable class."""
        proba = self.predict_proba(X)  # says so where nothing was fitted
        return self.classes_[proba.argmax(axis=1)]

    @property
    def temperature_(self) -> float:
        """Inverse of the slope, above 1 where the classifier was too sure and below 1 where not enough."""
        return 1 / self.scaling_.slope

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
        if len(aside) < _FEWEST:  # do not fit a copy for nothing
            return codes[:0], np.empty((0, len(self.classes_)))
        train = np.concatenate([train, np.flatnonzero(codes < 0)])
        inner = clone(self.estimator).fit(X[train], codes[train])
        return codes[aside], in_order(inner, X[aside])


def with_scaling(estimator: Any, random_state: int) -> Any:
    """Wrap an estimator in :class:`LogitScaled`, unless it is calibrated inside already.

    Left alone are estimators that say so (``calibrated_inside = True``), scikit-learn's
    ``CalibratedClassifierCV``, and the predictors without skill, which are reference points.
    """
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    calibrated = getattr(last, "calibrated_inside", False)
    if calibrated or isinstance(last, CalibratedClassifierCV | DummyClassifier | LogitScaled):
        return estimator
    return LogitScaled(estimator, random_state=random_state)
