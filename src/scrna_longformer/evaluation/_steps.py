"""Small scikit-learn steps that the baselines share."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier


class TrainingPCA(TransformerMixin, BaseEstimator):
    """Principal components of the training cells, fewer where the cells or genes do not suffice.

    Parameters
    ----------
    n_components
        Number of components wanted.
    random_state
        Seed of the randomised solver.
    """

    def __init__(self, n_components: int = 50, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Learn the components of dense cells x genes ``X``."""
        n_components = min(self.n_components, *X.shape)
        self.pca_ = PCA(n_components, svd_solver="randomized", random_state=self.random_state)
        self.pca_.fit(X)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return cells x components."""
        return self.pca_.transform(X)


class UnitScale(TransformerMixin, BaseEstimator):
    """Divide everything by one number, so that the widest feature of the training cells has unit spread.

    Principal components keep their relative sizes, which a penalised model should see, and a penalty
    means the same on every data set.
    """

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Learn the number from dense cells x features ``X``."""
        self.scale_ = float(X.std(axis=0).max(initial=0.0)) or 1.0
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return ``X`` divided by the number."""
        return X / self.scale_


class FixedBudgetMLP(MLPClassifier):
    """A perceptron whose number of epochs is a budget: reaching it is no fault to warn about."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Train on dense cells x features ``X``."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", message="Got `batch_size`")  # few cells: one batch
            return super().fit(X, y)


class NearestNeighbours(KNeighborsClassifier):
    """Nearest neighbours by distance, as many as there are training cells where these are fewer."""

    def kneighbors(self, X: Any = None, n_neighbors: int | None = None, **options: Any) -> Any:
        """Find the neighbours of dense cells x features ``X``."""
        wanted = self.get_params()["n_neighbors"] if n_neighbors is None else n_neighbors
        return super().kneighbors(X, min(wanted, self.n_samples_fit_), **options)
