"""Steps of a regression on products of linked genes."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler

from ..graph._gene_graph import GeneGraph
from ..graph._knn import gene_knn
from ..graph._pairs import PRODUCT_CLIP, linked_pairs

_CLIP = 10.0  # as GeneScaler's


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
