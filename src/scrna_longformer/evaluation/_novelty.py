"""How far a cell is from every class that a model knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.covariance import ledoit_wolf

_FLOOR = 1e-30  # float32 holds it; the smallest probabilities carry most of the distance


@dataclass(frozen=True)
class Novelty:
    """Squared Mahalanobis distance to the nearest class, with one covariance for all classes.

    Attributes
    ----------
    centers
        Mean of each class that has cells, ``(classes, dimensions)``.
    whitening
        What makes the spread around the centres a unit sphere, ``(dimensions, dimensions)``.

    References
    ----------
    Lee et al. (2018), A simple unified framework for detecting out-of-distribution samples and
    adversarial attacks, NeurIPS.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes = np.repeat([0, 1], 100)
    >>> novelty = Novelty.fit(rng.normal(size=(200, 2)) + 8 * codes[:, None], codes)
    >>> novelty.score(np.array([[0.0, 0.0], [8.0, 8.0], [4.0, 4.0]])).round() > 5
    array([False, False,  True])
    """

    centers: np.ndarray
    whitening: np.ndarray

    @classmethod
    def fit(cls, points: np.ndarray, codes: np.ndarray) -> Novelty:
        """Learn from cells x dimensions and the class of each cell; the covariance is shrunken."""
        points = np.asarray(points, dtype=np.float64)
        present, index = np.unique(codes, return_inverse=True)
        sizes = np.bincount(index)
        one_hot = np.eye(len(present))[index]
        centers = (one_hot.T @ points) / sizes[:, None]
        covariance, _ = ledoit_wolf(points - centers[index], assume_centered=True)
        values, vectors = np.linalg.eigh(covariance)
        kept = values > values.max(initial=0) * 1e-10  # log-ratios of k classes have k - 1
        whitening = (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T
        return cls(centers, whitening)

    def score(self, points: np.ndarray) -> np.ndarray:
        """Squared distance of each cell to the nearest class, ``(cells,)``; more is stranger."""
        white = np.asarray(points, dtype=np.float64) @ self.whitening
        centers = self.centers @ self.whitening
        distances = [((white - center) ** 2).sum(axis=1) for center in centers]
        return np.min(distances, axis=0)


def log_ratios(proba: np.ndarray) -> np.ndarray:
    """Centred log-ratios of class probabilities: the logits, up to what the softmax takes away."""
    logs = np.log(np.maximum(np.asarray(proba, dtype=np.float64), _FLOOR))
    return logs - logs.mean(axis=1, keepdims=True)
