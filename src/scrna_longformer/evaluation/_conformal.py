"""Prediction sets and rejection with guarantees, from cells that the model was not trained on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

with warnings.catch_warnings():  # crepes turns on every UserWarning of the session
    from crepes import ConformalClassifier


@dataclass(frozen=True)
class Conformal:
    """What calibration cells say about a model, and what follows for new cells.

    Sets hold every class whose p-value exceeds `alpha`. The p-value of a class compares the cell's
    probability of it with those that calibration cells *of that class* got for it, so that every
    class, and not the average over mostly large ones, is covered. A class with fewer than
    ``2 / alpha`` calibration cells has too few for a quantile of its own and shares one with the
    other small classes; if even these have fewer together, all calibration cells serve them.

    Attributes
    ----------
    codes
        Class of each calibration cell.
    proba
        Probability of that class, ``(cells,)``.
    novelty
        Novelty score of each calibration cell.

    Notes
    -----
    If new cells are drawn like the calibration cells, the true class of a cell is in its set with
    probability ``1 - alpha`` or more, on average over the draw of the calibration cells; for a class
    with a quantile of its own, between ``1 - alpha`` and ``1 - alpha / 2``. A known cell is rejected
    with probability `alpha` or less. None of this holds for another study, donor or depth than the
    calibration cells come from.

    A set may be empty: then no class is as probable as it was for calibration cells of that class.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), Algorithmic learning in a random world, Springer.
    Sadinle, Lei and Wasserman (2019), Least ambiguous set-valued classifiers with bounded error
    levels, JASA 114, 223-234.
    Bates et al. (2023), Testing for outliers with conformal p-values, Annals of Statistics 51.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes = np.repeat([0, 1], 50)
    >>> sure = rng.uniform(0.4, 1, 100)
    >>> calibration = Conformal(codes, sure, novelty=rng.random(100))
    >>> calibration.sets(np.array([[0.97, 0.03], [0.52, 0.48]]), alpha=0.1)
    array([[ True, False],
           [ True,  True]])
    """

    codes: np.ndarray
    proba: np.ndarray
    novelty: np.ndarray

    @classmethod
    def fit(cls, codes: np.ndarray, proba: np.ndarray, novelty: np.ndarray) -> Conformal:
        """Keep what is needed of calibration cells: classes, cells x classes probabilities, scores."""
        codes = np.asarray(codes, dtype=np.int64)
        true = np.asarray(proba)[np.arange(len(codes)), codes].astype(np.float64)
        return cls(codes, true, np.asarray(novelty, dtype=np.float64))

    def p_values(self, proba: np.ndarray, *, alpha: float) -> np.ndarray:
        """P-value of each class for each cell, ``(cells, n_classes)``.

        `alpha` says which classes have enough calibration cells for a comparison of their own.
        """
        proba = np.asarray(proba, dtype=np.float64)
        own = self.own_classes(proba.shape[1], alpha=alpha)
        pooled = ~own[self.codes]
        if pooled.sum() < 2 / alpha:
            pooled = np.ones_like(pooled)
        columns = [
            _p_values(-self.proba[self.codes == code if own[code] else pooled], -column)
            for code, column in enumerate(proba.T)
        ]
        return np.stack(columns, axis=1)

    def sets(self, proba: np.ndarray, *, alpha: float) -> np.ndarray:
        """Which classes are in the set of each cell, ``(cells, n_classes)`` bool."""
        return self.p_values(proba, alpha=alpha) > alpha

    def novelty_p_values(self, novelty: np.ndarray) -> np.ndarray:
        """P-value of each cell being like the calibration cells, ``(cells,)``."""
        return _p_values(self.novelty, np.asarray(novelty, dtype=np.float64))

    def own_classes(self, n_classes: int, *, alpha: float) -> np.ndarray:
        """Which classes have a quantile of their own, ``(n_classes,)`` bool."""
        return np.bincount(self.codes, minlength=n_classes) >= 2 / alpha


def _p_values(calibration: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Share of calibration scores at least as strange, the cell itself counted among them."""
    # without smoothing: the same cell gets the same set, whatever else is predicted beside it
    return ConformalClassifier().fit(calibration).predict_p(scores, smoothing=False)
