"""Steps of a regression on products of linked genes."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_selection import f_classif
from sklearn.preprocessing import StandardScaler

from ..graph._gene_graph import GeneGraph
from ..graph._knn import gene_knn
from ..graph._pairs import PRODUCT_CLIP, linked_pairs

_CLIP = 10.0  # as GeneScaler's
_LARGEST_F = 1e6  # infinite where a feature is constant in every class


class WithProducts(TransformerMixin, BaseEstimator):
    """Standardised genes, and beside them the standardised products of pairs of them.

    Before genes are multiplied they are cut at one standard deviation.

    Parameters
    ----------
    pairs
        Columns of each pair, ``(pairs, 2)``. By default those of which one is among the `n_neighbors`
        nearest of the other, by centred cosine similarity in the training cells.
    n_neighbors
        Neighbours of a gene.
    """

    def __init__(self, pairs: np.ndarray | None = None, n_neighbors: int = 8) -> None:
        self.pairs = pairs
        self.n_neighbors = n_neighbors

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Learn mean and spread of the products, from dense cells x standardised genes ``X``."""
        pairs = self.pairs
        if pairs is None:
            mask, _ = gene_knn(X, self.n_neighbors, center=True)
            pairs = linked_pairs(GeneGraph.from_scipy(mask))
        self.first_, self.second_ = np.asarray(pairs).T
        # a scaler takes no empty table, and a single gene has no pair
        self.scaler_ = StandardScaler().fit(self._products(X)) if len(pairs) else None
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return cells x (genes and products)."""
        if self.scaler_ is None:
            return X
        products = self.scaler_.transform(self._products(X))
        return np.hstack([X, np.clip(products, -_CLIP, _CLIP)])

    def _products(self, X: np.ndarray) -> np.ndarray:
        X = np.clip(X, -PRODUCT_CLIP, PRODUCT_CLIP)
        return X[:, self.first_] * X[:, self.second_]


class PriorSpread(TransformerMixin, BaseEstimator):
    """Scale each feature by the prior spread of its coefficients that the training cells suggest.

    A ridge penalty is a normal prior of equal variance for all coefficients. Here half of the variance
    is shared evenly and half goes to features in proportion to ``max(F - 1, 0)``, where `F` is the
    statistic of a one-way analysis of variance between the classes: it is 1 on average for a feature
    that says nothing, and what is above 1 grows with what it says (an empirical Bayes estimate by
    moments). A ridge penalty on the scaled features is one with these variances.

    Attributes
    ----------
    scale_
        Standard deviation of each feature's prior, relative to the root mean square of all.

    References
    ----------
    van de Wiel et al. (2016), Better prediction by use of co-data: adaptive group-regularized ridge
    regression, Statistics in Medicine 35, 368-381 (where features share variances in groups).
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Learn the scales from dense cells x features ``X`` and classes ``y``."""
        evidence = np.zeros(X.shape[1])
        varies = X.std(axis=0) > 0
        if varies.any():
            with np.errstate(divide="ignore"):
                statistic, _ = f_classif(X[:, varies], y)
            evidence[varies] = np.clip(statistic - 1, 0, _LARGEST_F)
        mean = evidence.mean()
        variance = (evidence / mean + 1) / 2 if mean > 0 else np.ones(len(evidence))
        self.scale_ = np.sqrt(variance).astype(np.float32)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return ``X`` times the scales."""
        return X * self.scale_
