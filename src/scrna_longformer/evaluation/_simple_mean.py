"""The simple model to beat: the calibrated mean of two logistic regressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import make_pipeline

from ..features._counts import has_counts
from ..features._residuals import PearsonResiduals
from ._penalised import TunedLogisticRegression
from ._scaling import LogitScaling
from ._steps import TrainingPCA, UnitScale

if TYPE_CHECKING:
    from ..features._ranking import Matrix

_GENE_PENALTIES = (3e-4, 1e-3, 1e-2, 1e-1, 1.0)
_COMPONENT_PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


class SimpleMean(ClassifierMixin, BaseEstimator):
    """Mean of logistic regressions on genes and on components of Pearson residuals, each calibrated.

    Both are class-balanced, with penalties chosen on inner folds of the training cells; the same
    folds give each training cell a prediction from models that did not see it, on which a
    temperature and one offset per class are fitted, for each and for the mean. One errs where genes are few and strong, the
    other where many are weak: on most data sets their mean is better than either.

    Where the values are no log-normalised counts there are no Pearson residuals, and the regression
    on genes stands alone.

    Parameters
    ----------
    n_genes
        Genes of the first regression, the best by F test.
    n_components
        Principal components of the second.
    n_residuals
        Genes whose residuals the components are made of.
    n_inner
        Number of inner folds.
    random_state
        Seed of the inner folds and of the components.

    Attributes
    ----------
    members_
        The fitted regressions.
    scalings_
        What calibrates each of them.
    scaling_
        What calibrates their mean.
    out_of_fold_
        Cells x classes probabilities of the training cells, each from models that did not see it;
        ``None`` where there were too few cells for inner folds.
    """

    calibrated_inside = True

    def __init__(
        self,
        n_genes: int = 1000,
        n_components: int = 30,
        *,
        n_residuals: int = 3000,
        n_inner: int = 5,
        random_state: int = 0,
    ) -> None:
        self.n_genes = n_genes
        self.n_components = n_components
        self.n_residuals = n_residuals
        self.n_inner = n_inner
        self.random_state = random_state

    def fit(self, X: Matrix, y: np.ndarray) -> Self:
        """Fit to cells x genes log values, dense or sparse."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        members = [
            TunedLogisticRegression(
                self.n_genes, _GENE_PENALTIES, n_inner=self.n_inner, random_state=self.random_state
            )
        ]
        if has_counts(X):
            components = make_pipeline(
                PearsonResiduals(self.n_residuals),
                TrainingPCA(self.n_components, self.random_state),
                UnitScale(),
            )
            members.append(
                TunedLogisticRegression(
                    penalties=_COMPONENT_PENALTIES,
                    n_inner=self.n_inner,
                    random_state=self.random_state,
                    inputs=components,
                )
            )
        self.members_ = [member.fit(X, codes) for member in members]
        self.scalings_ = [self._scaling(member.out_of_fold_, codes) for member in members]
        held_out = self._mean([member.out_of_fold_ for member in self.members_])
        self.scaling_ = self._scaling(held_out, codes)
        self.out_of_fold_ = None if held_out is None else self.scaling_(held_out)
        return self

    def predict_proba(self, X: Matrix) -> np.ndarray:
        """Return cells x classes probabilities."""
        proba = self._mean([member.predict_proba(X) for member in self.members_])
        assert proba is not None  # only what is out of fold may be missing
        return self.scaling_(proba)

    def predict(self, X: Matrix) -> np.ndarray:
        """Return the most probable class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    @property
    def n_parameters_(self) -> int:
        """Number of coefficients, intercepts and calibration numbers."""
        calibration = (len(self.scalings_) + 1) * (1 + len(self.classes_))
        return sum(member.n_parameters_ for member in self.members_) + calibration

    def _scaling(self, held_out: np.ndarray | None, codes: np.ndarray) -> LogitScaling:
        if held_out is None:
            return LogitScaling(slope=1.0, offset=np.zeros(len(self.classes_)))
        return LogitScaling.fit(held_out, codes)

    def _mean(self, probas: list[np.ndarray | None]) -> np.ndarray | None:
        scaled = [
            scaling(proba)
            for scaling, proba in zip(self.scalings_, probas, strict=True)
            if proba is not None
        ]
        return np.mean(scaled, axis=0) if len(scaled) == len(probas) else None
