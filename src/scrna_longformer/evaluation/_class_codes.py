"""What a fitted classifier calls its classes, and its probabilities in their order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..features._ranking import Matrix


def classes_of(estimator: Any) -> np.ndarray:
    """Class values of a fitted classifier, as it orders them.

    Raises
    ------
    ValueError
        If it has none.
    """
    found = getattr(estimator, "classes_", None)
    if found is None:
        raise _no_codes(estimator, "no `classes_`")
    return np.asarray(found)


def class_codes(estimator: Any) -> np.ndarray:
    """Class codes of the columns of ``predict_proba`` (``int64``).

    Raises
    ------
    ValueError
        If ``classes_`` is missing, or holds anything but different codes.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> class_codes(GaussianNB().fit([[0.0], [1.0], [2.0]], [0, 2, 2]))
    array([0, 2])
    """
    classes = classes_of(estimator)
    is_number = np.issubdtype(classes.dtype, np.number) and classes.ndim == 1 and classes.size > 0
    codes = classes.astype(np.int64) if is_number else np.empty(0, dtype=np.int64)
    if not is_number or (codes != classes).any() or codes.min() < 0 or len(set(codes)) < len(codes):
        raise _no_codes(estimator, f"{_shown(classes)} as `classes_`")
    return codes


def in_order(estimator: Any, X: Matrix) -> np.ndarray:
    """Probabilities as an array, its columns by ascending class value.

    Raises
    ------
    ValueError
        If there is not one column for each class, or a value is no probability.
    """
    proba, classes = np.asarray(estimator.predict_proba(X)), classes_of(estimator)
    if proba.ndim != 2 or proba.shape[1] != len(classes):
        msg = (
            f"`predict_proba` of {type(_innermost(estimator)).__name__} gave shape {proba.shape} for "
            f"{X.shape[0]} cells and {len(classes)} classes; it must give cells x classes."
        )
        raise ValueError(msg)
    if not are_probabilities(proba):
        msg = (
            f"`predict_proba` of {type(_innermost(estimator)).__name__} gave no probabilities: finite "
            f"values that sum to 1 per cell are needed, and it gave {proba.min(initial=0):.3g} to "
            f"{proba.max(initial=0):.3g}."
        )
        raise ValueError(msg)
    order = np.argsort(classes)
    return proba if (order == np.arange(len(order))).all() else proba[:, order]


def are_probabilities(proba: np.ndarray) -> bool:
    """Whether values, cells x classes, are finite, not negative, and sum to 1 per cell."""
    return bool(
        np.isfinite(proba).all()
        and proba.min(initial=0) >= -1e-6
        and np.allclose(proba.sum(axis=1), 1, atol=1e-3)
    )


def _no_codes(estimator: Any, has: str) -> ValueError:
    return ValueError(
        f"{type(_innermost(estimator)).__name__} has {has} after `fit`. `classes_` must hold the integers "
        "that `fit` was given as y, one for each column of `predict_proba`; names of classes are kept "
        "by the caller."
    )


def _innermost(estimator: Any) -> Any:
    """What a pipeline ends in, or what is scaled: what has a name that one knows."""
    wrapped = getattr(estimator, "estimator_", None)
    if type(estimator).__name__ == "LogitScaled" and wrapped is not None:
        return _innermost(wrapped)
    return estimator[-1] if hasattr(estimator, "steps") else estimator


def _shown(classes: np.ndarray, limit: int = 4) -> str:
    listed = ", ".join(repr(value) for value in classes.ravel()[:limit].tolist())
    return f"[{listed}{', ...' if classes.size > limit else ''}]"
