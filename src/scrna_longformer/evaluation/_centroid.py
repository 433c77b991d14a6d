"""Nearest centroid with honest probabilities."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics.pairwise import euclidean_distances

from ._cell_classifier import CellClassifier


class CentroidClassifier(CellClassifier):
    """Assign cells to the class with the nearest mean.

    Probabilities are a softmax of the negative squared distances, divided by one temperature that
    makes the training labels most likely; for this each training cell is measured against the
    centroid of its class without itself, so that memory is not taken for certainty.

    Attributes
    ----------
    centroids_
        Classes x features.
    temperature_
        Squared distance over which odds fall by a factor of e.
    """

    takes_sparse = False

    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        sizes = np.bincount(codes)
        X = np.asarray(X, dtype=np.float64)
        self.centroids_ = np.stack([X[codes == k].mean(axis=0) for k in range(len(sizes))])
        distances = euclidean_distances(X, self.centroids_, squared=True)
        # without the cell itself its own centroid lies further away by n / (n - 1)
        cells = np.flatnonzero(sizes[codes] > 1)
        own = codes[cells]
        distances[cells, own] *= (sizes[own] / (sizes[own] - 1)) ** 2
        self.temperature_ = best_temperature(distances[cells], own)

    def _proba(self, X: np.ndarray) -> np.ndarray:
        distances = euclidean_distances(
            np.asarray(X, dtype=np.float64), self.centroids_, squared=True
        )
        return softmax(-distances / self.temperature_, axis=1)


def best_temperature(distances: np.ndarray, codes: np.ndarray) -> float:
    """Temperature with the smallest log loss, between 1e-3 and 1e3 mean distances."""
    if not len(codes) or not (scale := float(distances.mean())):
        return 1.0

    def loss(log_temperature: float) -> float:
        log_proba = log_softmax(-distances / (scale * np.exp(log_temperature)), axis=1)
        return float(-log_proba[np.arange(len(codes)), codes].mean())

    best = minimize_scalar(loss, bounds=(np.log(1e-3), np.log(1e3)), method="bounded")
    return scale * float(np.exp(best.x))
