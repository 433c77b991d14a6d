"""What all classifiers of cells share: the cells and labels they take, and how they predict."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)

from ..features._checked import checked_values
from ..features._ranking import Matrix


class CellClassifier(ClassifierMixin, BaseEstimator, metaclass=ABCMeta):
    """A classifier of scikit-learn that takes cells x genes in any form, and labels of any plain kind.

    The base of this package's classifiers, but for :class:`LogitScaled`, whose cells may lack
    labels. A subclass says how it is fitted to the index of each cell's class (``_fit``) and what the
    probabilities of cells are (``_proba``). After a fit that failed there is nothing that predicts.

    Attributes
    ----------
    classes_
        Class values, sorted.
    n_features_in_
        Number of genes.
    """

    takes_sparse = True
    takes_finite = True  # only; if not, an estimator inside has the last word
    _is_complete = False

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether the last fit came to its end."""
        return self._is_complete

    def __sklearn_tags__(self) -> Any:
        """Say whether sparse values are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.takes_sparse
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to cells x genes and one label per cell.

        Parameters
        ----------
        X
            Cells x genes log values: sparse, an array or a data frame, without missing values.
        y
            Label of each cell, none of them missing.

        Raises
        ------
        ValueError
            If values or labels are missing, or all labels are the same.
        """
        return self._fit_checked(X, y)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return cells x classes probabilities, columns in the order of ``classes_``."""
        check_is_fitted(self)
        return self._proba(checked_values(self, X, finite=self.takes_finite))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each cell."""
        proba = self.predict_proba(X)  # says so where nothing was fitted
        return self.classes_[proba.argmax(axis=1)]

    def _fit_checked(self, X: Any, y: Any, **options: Any) -> Self:
        """Check cells and labels and fit to them; `options` are those of the subclass's ``fit``."""
        self._is_complete = False
        X, self.classes_, codes = checked_cells(self, X, y, finite=self.takes_finite)
        self._fit(X, codes, **options)
        self._is_complete = True
        return self

    @abstractmethod
    def _fit(self, X: Matrix, codes: np.ndarray) -> None:
        """Fit to checked values and the index of each cell's class in ``classes_``."""

    @abstractmethod
    def _proba(self, X: Matrix) -> np.ndarray:
        """Probabilities of checked values."""


def plain_labels(y: Any) -> np.ndarray:
    """Return labels as one array of text, integers or booleans, as they are.

    The nullable types of pandas, and integers in an array of objects, stay what they are.

    Examples
    --------
    >>> plain_labels(pd.Series([True, False], dtype="boolean"))
    array([ True, False])
    """
    if isinstance(getattr(y, "dtype", None), pd.api.extensions.ExtensionDtype):
        y = np.asarray(y, dtype=object)
    y = column_or_1d(y, warn=True)
    return pd.Series(y).infer_objects().to_numpy() if y.dtype == object else y


def checked_cells(
    estimator: BaseEstimator, X: Any, y: Any, *, finite: bool = True
) -> tuple[Matrix, np.ndarray, np.ndarray]:
    """Return cells x genes to fit, the classes, and the class of each cell as an index into them.

    Raises
    ------
    ValueError
        As :func:`~scrna_longformer.features._checked.checked_values`; or labels are missing, are
        measurements, are not as many as cells, or are all the same.

    Examples
    --------
    >>> checked_cells(BaseEstimator(), [[0.0], [1.0]], ["b", "a"])[1:]
    (array(['a', 'b'], dtype='<U1'), array([1, 0]))
    """
    X, y = checked_values(estimator, X, fitting=True, finite=finite), plain_labels(y)
    check_consistent_length(X, y)
    if n_missing := int(pd.isna(y).sum()):
        msg = f"`y` has {n_missing} missing labels. Leave these cells out of `X` and `y`."
        raise ValueError(msg)
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        msg = f"`y` holds one class ({classes.tolist()[0]!r}); a classifier needs at least two."
        raise ValueError(msg)
    return X, classes, codes
