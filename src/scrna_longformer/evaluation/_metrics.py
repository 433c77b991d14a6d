"""Scores of class probabilities against the truth."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import f1_score, matthews_corrcoef

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "mcc",
    "log_loss",
    "brier",
    "ece",
)
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "ece"})


def score(codes: np.ndarray, proba: np.ndarray) -> dict[str, float]:
    """Score class probabilities.

    Parameters
    ----------
    codes
        True class of each cell, 0 to ``n_classes - 1``.
    proba
        Cells x classes probabilities; the prediction is the most probable class, the first of ties.

    Returns
    -------
    One float for each of ``METRICS``:

    ``accuracy``, ``balanced_accuracy`` (mean recall), ``macro_f1`` (unweighted mean of the F1 of
    the classes that occur in ``codes``), ``weighted_f1`` (weighted by class size), ``mcc``
    (Matthews correlation; 0 where all cells are of one class), ``log_loss`` (natural logarithm,
    probabilities kept above the float64 epsilon), ``brier`` (squared distance to the one-hot truth
    summed over classes: 0 to 2), ``ece`` (:func:`expected_calibration_error`).

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks, ICML (the calibration error).

    Examples
    --------
    >>> result = score(np.array([0, 1]), np.array([[0.9, 0.1], [0.4, 0.6]]))
    >>> result["accuracy"], round(result["brier"], 3)
    (1.0, 0.17)
    """
    codes = np.asarray(codes)
    proba = np.asarray(proba, dtype=np.float64)
    predicted = proba.argmax(axis=1)
    present = np.unique(codes)
    f1 = f1_score(codes, predicted, labels=present, average=None, zero_division=0)
    true_proba = proba[np.arange(len(codes)), codes]
    return {
        "accuracy": float(np.mean(predicted == codes)),
        "balanced_accuracy": _balanced_accuracy(codes, predicted),
        "macro_f1": float(f1.mean()),
        "weighted_f1": float(np.average(f1, weights=np.bincount(codes)[present])),
        "mcc": float(matthews_corrcoef(codes, predicted)) if len(present) > 1 else 0.0,
        "log_loss": float(-np.log(np.maximum(true_proba, np.finfo(np.float64).eps)).mean()),
        "brier": float(np.mean((proba**2).sum(axis=1) - 2 * true_proba + 1)),
        "ece": expected_calibration_error(codes, proba),
    }


def per_class_f1(codes: np.ndarray, proba: np.ndarray) -> np.ndarray:
    """F1 of every column of ``proba``; NaN for classes that do not occur in ``codes``."""
    n_classes = proba.shape[1]
    f1 = f1_score(
        codes, proba.argmax(axis=1), labels=np.arange(n_classes), average=None, zero_division=0
    )
    return np.where(np.bincount(codes, minlength=n_classes) > 0, f1, np.nan)


def expected_calibration_error(codes: np.ndarray, proba: np.ndarray, n_bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over bins of equal width, weighted by their cells.

    Parameters
    ----------
    codes
        True class of each cell.
    proba
        Cells x classes probabilities; the confidence is that of the most probable class.
    n_bins
        Number of bins between 0 and 1.
    """
    bins = calibration_bins(codes, proba, n_bins)
    return sum(n * abs(right - sure) for _, _, n, sure, right in bins) / len(codes)


def calibration_error_by_luck(proba: np.ndarray, n_bins: int = 15) -> float:
    r"""Calibration error to be expected of a model that is right exactly as often as it says.

    A bin of n cells in which a model is c sure would hold c n right ones, give or take
    :math:`\sqrt{n c (1 - c)}`. The mean distance of what it holds from what it should is counted by
    :func:`expected_calibration_error` as an error, and few cells in many bins make much of it. What
    is left above this number is the model's.

    Parameters
    ----------
    proba
        Cells x classes probabilities, as given to :func:`expected_calibration_error`.
    n_bins
        Number of bins between 0 and 1.

    Returns
    -------
    Between 0 and 1; the number of right cells of a bin is taken to be normal, which is a few percent
    too much where nearly all of few cells are right.

    Examples
    --------
    >>> sure = np.linspace(0.5, 1, 100)
    >>> proba = np.column_stack([sure, 1 - sure])
    >>> few, many = proba[::5], np.repeat(proba, 100, axis=0)
    >>> round(calibration_error_by_luck(few), 2), round(calibration_error_by_luck(many), 2)
    (0.2, 0.01)
    """
    confidence = np.minimum(proba.max(axis=1), 1.0)  # single precision may be a hair above
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    variance = np.bincount(bins, weights=confidence * (1 - confidence), minlength=n_bins)
    return float(np.sqrt(2 / np.pi * variance).sum() / len(proba))


def calibration_bins(
    codes: np.ndarray, proba: np.ndarray, n_bins: int = 15
) -> list[tuple[float, float, int, float, float]]:
    """Low end, high end, cells, mean confidence and accuracy of every bin that holds cells."""
    confidence = proba.max(axis=1)
    correct = proba.argmax(axis=1) == codes
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    sizes, sure, right = (
        np.bincount(bins, weights=weights, minlength=n_bins)
        for weights in (None, confidence, correct)
    )
    return [
        (i / n_bins, (i + 1) / n_bins, int(n), float(sure[i] / n), float(right[i] / n))
        for i, n in enumerate(sizes)
        if n
    ]


def _balanced_accuracy(codes: np.ndarray, predicted: np.ndarray) -> float:
    # scikit-learn warns about predicted classes that the truth lacks; here that is ordinary
    recalls = [np.mean(predicted[codes == code] == code) for code in np.unique(codes)]
    return float(np.mean(recalls))
