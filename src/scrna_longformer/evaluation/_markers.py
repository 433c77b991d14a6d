"""Marker scoring: what a biologist does by eye, with probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.special import softmax
from scipy.stats import rankdata

from .._random import generator
from ..features._ranking import class_moments, marker_effects
from ._cell_classifier import CellClassifier
from ._centroid import best_temperature
from ._inner_folds import inner_folds

if TYPE_CHECKING:
    from ..features._ranking import Matrix


class MarkerScoring(CellClassifier):
    """Score each class by the mean of its markers over genes that are expressed alike.

    The markers of a class are the genes whose mean stands out most in it, in standard deviations.
    From their mean that of control genes is taken, drawn from genes of the same levels of
    expression, as ``scanpy.tl.score_genes`` does. Probabilities are a softmax of the scores, each
    standardised, at the temperature that fits inner folds of the training cells best.

    Parameters
    ----------
    n_markers
        Largest number of markers of a class.
    n_controls
        Control genes drawn per level of expression.
    n_levels
        Number of levels of expression.
    n_inner
        Number of inner folds.
    random_state
        Seed of the control genes and the inner folds.

    Attributes
    ----------
    markers_
        Indices of the markers of each class, best first.
    weights_
        Genes x classes; the raw scores are values times weights.
    temperature_
        Divides the standardised scores.
    out_of_fold_
        Cells x classes probabilities of the training cells, each from an inner fold that did not
        see the cell; ``None`` without inner folds.

    References
    ----------
    Tirosh et al. (2016), Dissecting the multicellular ecosystem of metastatic melanoma by
    single-cell RNA-seq, Science 352, 189-196.
    """

    def __init__(
        self,
        n_markers: int = 25,
        n_controls: int = 50,
        n_levels: int = 25,
        n_inner: int = 3,
        random_state: int = 0,
    ) -> None:
        self.n_markers = n_markers
        self.n_controls = n_controls
        self.n_levels = n_levels
        self.n_inner = n_inner
        self.random_state = random_state

    def _fit(self, X: Matrix, codes: np.ndarray) -> None:
        self._learn(X, codes)
        self.temperature_, self.out_of_fold_ = 1.0, None
        if folds := inner_folds(codes, self.n_inner, self.random_state):
            scores = self._inner_scores(X, codes, folds)
            self.temperature_ = best_temperature(scores.max(axis=1, keepdims=True) - scores, codes)
            for train, test in folds:  # of a class that a fold is without it cannot say anything
                absent = np.bincount(codes[train], minlength=scores.shape[1]) == 0
                scores[np.ix_(test, absent)] = -np.inf
            self.out_of_fold_ = softmax(scores / self.temperature_, axis=1)

    def _proba(self, X: Matrix) -> np.ndarray:
        return softmax(self.scores(X) / self.temperature_, axis=1)

    def scores(self, X: Matrix) -> np.ndarray:
        """Scores, cells x classes, with mean 0 and standard deviation 1 over the training cells."""
        return (_times(X, self.weights_) - self.mean_) / self.sd_

    def _learn(self, X: Matrix, codes: np.ndarray) -> None:
        moments = class_moments(X, codes, len(self.classes_))
        means = moments.merged().means[0]
        levels = _levels(means, self.n_levels)
        levels[means == 0] = -1  # a gene that no training cell shows is no control either
        self.markers_ = [
            ranked[effect[ranked] > 0][: self.n_markers]
            for effect in marker_effects(moments)
            for ranked in [np.argsort(-effect, kind="stable")]
        ]
        columns = [self._column(k, markers, levels) for k, markers in enumerate(self.markers_)]
        self.weights_ = np.column_stack(columns)
        raw = _times(X, self.weights_)
        self.mean_, self.sd_ = raw.mean(axis=0), np.maximum(raw.std(axis=0), 1e-6)

    def _column(self, k: int, markers: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Weights of the genes in the score of class `k`."""
        rng = generator(self.random_state, k)
        others = np.setdiff1d(np.arange(len(levels)), markers)
        controls = [
            rng.permutation(others[levels[others] == level])[: self.n_controls]
            for level in np.unique(levels[markers])
        ]
        weights = np.zeros(len(levels))
        weights[markers] = 1 / max(len(markers), 1)
        if len(drawn := np.concatenate([*controls, np.empty(0, dtype=np.int64)]).astype(np.int64)):
            weights[drawn] = -1 / len(drawn)
        return weights

    def _inner_scores(
        self, X: Matrix, codes: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]]
    ) -> np.ndarray:
        """Scores of cells by models that did not see them, cells x classes."""
        scores = np.empty((len(codes), len(self.classes_)))
        for train, test in folds:
            inner = MarkerScoring(
                self.n_markers, self.n_controls, self.n_levels, random_state=self.random_state
            )
            inner.classes_ = self.classes_
            inner._learn(X[train], codes[train])
            scores[test] = inner.scores(X[test])
        return scores


def _levels(means: np.ndarray, n_levels: int) -> np.ndarray:
    """Level of expression of each gene: ranks of the means, cut into parts of equal size."""
    size = int(np.round(len(means) / (n_levels - 1)))
    return (rankdata(means, method="min") // max(size, 1)).astype(np.int64)


def _times(X: Matrix, weights: np.ndarray) -> np.ndarray:
    # one order of summation, so that dense and sparse give the same bits
    return sparse.csr_array(X) @ weights
