"""What turns cells x genes log values into the input of a model, fitted on training cells only."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted, column_or_1d

from ._checked import CellTransformer, checked_values
from ._ranking import Matrix, class_moments, is_sparse, rank_f_test, rank_markers, rank_variance

Ranking = Literal["f_test", "markers", "variance"]


class GeneScaler(CellTransformer):
    """Standardise genes with the mean and standard deviation of the cells it was fitted on.

    Takes dense or sparse cells x genes and returns a dense float32 array of the chosen genes; only
    these are ever made dense. Genes without spread in the fitted cells become 0 everywhere: a gene
    that first appears in test cells cannot speak.

    Parameters
    ----------
    genes
        Indices of the genes to keep, in the order wanted; all by default.
    clip
        Largest absolute standardised value.

    Attributes
    ----------
    mean_
        Mean of each kept gene in the fitted cells (float64).
    scale_
        Population standard deviation of each kept gene in the fitted cells (float64).
    n_features_in_
        Number of genes of the matrix it was fitted on.

    Examples
    --------
    >>> GeneScaler().fit_transform(np.array([[0.0, 1.0], [2.0, 1.0]]))
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    """

    def __init__(self, genes: np.ndarray | None = None, clip: float = 10.0) -> None:
        self.genes = genes
        self.clip = clip

    def __sklearn_tags__(self) -> Any:
        """Say that the result is float32, whatever the values are."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def fit(self, X: Matrix, y: object = None) -> Self:
        """Learn mean and spread from cells x genes ``X``; ``y`` is ignored."""
        kept = self._kept(checked_values(self, X, fitting=True))
        moments = class_moments(kept, np.zeros(kept.shape[0], dtype=np.int64), 1)
        self.mean_ = moments.means[0]
        self.scale_ = np.sqrt(moments.variances[0])
        return self

    def transform(self, X: Matrix) -> np.ndarray:
        """Return the standardised values of the kept genes, cells x genes, dense float32."""
        check_is_fitted(self)
        kept = self._kept(checked_values(self, X))
        dense = kept.toarray() if is_sparse(kept) else kept
        has_spread = self.scale_ > 0
        inverse = np.divide(1.0, self.scale_, out=np.zeros_like(self.scale_), where=has_spread)
        # row by row in memory, whatever it came from: products depend on the layout in the last bit
        scaled = (np.ascontiguousarray(dense, dtype=np.float32) - self.mean_.astype(np.float32)) * (
            inverse.astype(np.float32)
        )
        return np.clip(scaled, -self.clip, self.clip, out=scaled)

    def _kept(self, X: Matrix) -> Matrix:
        if is_sparse(X):
            X = sparse.csr_array(X)
        return X if self.genes is None else X[:, np.asarray(self.genes)]


class GeneSelector(CellTransformer):
    """Keep the best genes of the cells it is fitted on.

    Parameters
    ----------
    ranking
        ``'f_test'`` (:func:`rank_f_test`), ``'markers'`` (:func:`rank_markers`) or ``'variance'``
        (:func:`rank_variance`, which needs no labels).
    n_genes
        How many genes to keep; all of them if there are fewer.

    Attributes
    ----------
    genes_
        Indices of the kept genes (int64), ascending.
    """

    def __init__(self, ranking: Ranking = "f_test", n_genes: int = 1000) -> None:
        self.ranking = ranking
        self.n_genes = n_genes

    def fit(self, X: Matrix, y: Any = None) -> Self:
        """Rank the genes of cells x genes ``X`` with class labels ``y``."""
        X = checked_values(self, X, fitting=True)
        if self.ranking == "variance":
            ranked = rank_variance(X)
        elif self.ranking in ("f_test", "markers"):
            codes = np.unique(column_or_1d(y), return_inverse=True)[1]
            ranked = (rank_f_test if self.ranking == "f_test" else rank_markers)(X, codes)
        else:
            msg = f"`ranking` must be 'f_test', 'markers' or 'variance', not {self.ranking!r}."
            raise ValueError(msg)
        self.genes_ = np.sort(ranked[: self.n_genes])
        return self

    def transform(self, X: Matrix) -> Matrix:
        """Return the columns of the kept genes, sparse where ``X`` is."""
        check_is_fitted(self)
        X = checked_values(self, X)
        return (sparse.csr_array(X) if is_sparse(X) else X)[:, self.genes_]
