"""The simple model to beat: the calibrated mean of four linear ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import make_pipeline

from ..features._counts import has_counts
from ..features._residuals import PearsonResiduals
from ..features._transform import GeneScaler, GeneSelector
from ._balanced import BalancedClassifier
from ._cell_classifier import CellClassifier
from ._cost import count_parameters
from ._penalised import TunedLogisticRegression
from ._pool import LogitPool
from ._prior_spread import PriorSpread
from ._scaling import LogitScaling
from ._shrunken_lda import ShrunkenLDA
from ._steps import TrainingPCA, UnitScale
from ._threads import one_thread
from ._tuned import TunedClassifier

if TYPE_CHECKING:
    from ..features._ranking import Matrix

_GENE_PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
_COMPONENT_PENALTIES = (1e-2, 1e-1, 1.0, 10.0)
_SHRINKAGE = 0.6  # tuning it gains little, and costs a covariance per value and fold


class SimpleMean(CellClassifier):
    """Weighted mean of four linear models, each calibrated: the strongest simple model in most places.

    - Logistic regression on the best genes: strong where genes are few and each says much.
    - The same with a prior variance for each gene, half of it alike for all and half in proportion to
      what the gene says alone (as van de Wiel et al. 2016 have it for groups of genes).
    - Logistic regression on principal components of Pearson residuals: strong where many genes say
      a little each, and weak where counts were made in another way.
    - Linear discriminant analysis with a shrunken covariance, on the best genes: seldom the best on
      cells like those of training, but the one that keeps most where conditions or protocols change.

    All are class-balanced, with penalties chosen on inner folds of the training cells; the same folds
    give each training cell predictions from models that did not see it. On these a temperature and
    one offset per class are fitted for each model, and then the weights of their geometric mean
    (:class:`LogitPool`).

    Where the values are no log-normalised counts there are no Pearson residuals, and the other three
    stand alone.

    Parameters
    ----------
    n_genes
        Genes of the regressions on genes and of the discriminant analysis, the best by F test.
    n_components
        Principal components that a regression reads.
    n_residuals
        Genes whose residuals the components are made of.
    n_inner
        Number of inner folds.
    random_state
        Seed of the inner folds and of the components.

    Attributes
    ----------
    members_
        The fitted models: regression on genes, the same with a prior, regression on components (where
        there are counts), discriminant analysis.
    scalings_
        What calibrates each of them.
    pool_
        Their weights and what calibrates their mean.
    out_of_fold_
        Cells x classes probabilities of the training cells, each from models that did not see it;
        ``None`` where there were too few cells for inner folds.

    References
    ----------
    van de Wiel et al. (2016), Better prediction by use of co-data: adaptive group-regularized ridge
    regression, Statistics in Medicine 35, 368-381.
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

    @one_thread()
    def _fit(self, X: Matrix, codes: np.ndarray) -> None:
        members = self._unfitted(with_counts=has_counts(X))
        self.members_ = [member.fit(X, codes) for member in members]
        self.scalings_ = [self._scaling(member.out_of_fold_, codes) for member in members]
        held_out = self._calibrated([member.out_of_fold_ for member in self.members_])
        self.pool_ = LogitPool.even(len(members), len(self.classes_))
        self.out_of_fold_: np.ndarray | None = None
        if len(held_out) == len(members):
            self.pool_ = LogitPool.fit(held_out, codes)
            self.out_of_fold_ = self.pool_(held_out)

    def _proba(self, X: Matrix) -> np.ndarray:
        return self.pool_(self._calibrated([member.predict_proba(X) for member in self.members_]))

    @property
    def n_parameters_(self) -> int:
        """Number of coefficients, intercepts, weights and calibration numbers."""
        n_classes, n_members = len(self.classes_), len(self.members_)
        linear = sum(int(count_parameters(member.model_)) for member in self.members_)
        return linear + n_members * (1 + n_classes) + n_members + n_classes

    def _unfitted(self, *, with_counts: bool) -> list[TunedLogisticRegression | TunedClassifier]:
        inner: dict[str, Any] = {"n_inner": self.n_inner, "random_state": self.random_state}
        genes = make_pipeline(GeneSelector("f_test", self.n_genes), GeneScaler())
        on_genes = TunedLogisticRegression(self.n_genes, _GENE_PENALTIES, **inner)
        with_prior = TunedLogisticRegression(
            penalties=_GENE_PENALTIES, inputs=make_pipeline(*genes, PriorSpread()), **inner
        )
        components = make_pipeline(
            PearsonResiduals(self.n_residuals),
            TrainingPCA(self.n_components, self.random_state),
            UnitScale(),
        )
        on_components = TunedLogisticRegression(
            penalties=_COMPONENT_PENALTIES, inputs=components, **inner
        )
        discriminant = TunedClassifier(
            genes,
            BalancedClassifier(ShrunkenLDA()),
            parameter="estimator__shrinkage",
            values=(_SHRINKAGE,),
            **inner,
        )
        return [on_genes, with_prior, *([on_components] if with_counts else []), discriminant]

    def _scaling(self, held_out: np.ndarray | None, codes: np.ndarray) -> LogitScaling:
        if held_out is None:
            return LogitScaling(slope=1.0, offset=np.zeros(len(self.classes_)))
        return LogitScaling.fit(held_out, codes)

    def _calibrated(self, probas: list[np.ndarray | None]) -> list[np.ndarray]:
        """Probabilities of the members that have any."""
        pairs = zip(self.scalings_, probas, strict=True)
        return [scaling(proba) for scaling, proba in pairs if proba is not None]
