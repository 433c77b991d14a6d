"""The simple models that only ``models='all'`` runs: slower, weaker, or close to another."""

from __future__ import annotations

from packaging.version import Version
from sklearn import __version__ as sklearn_version
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVC

from ..features._transform import GeneScaler, GeneSelector
from ._balanced import BalancedClassifier
from ._baselines import (
    BY_SHARES,
    COMPONENTS,
    FOUR_PENALTIES,
    FOUR_VALUES,
    GENES,
    N_GENES,
    N_GENES_PCA,
    Factory,
    boosted_trees,
    on_components,
    on_genes,
)
from ._label_spreading import TunedLabelSpreading
from ._markers import MarkerScoring
from ._penalised import TunedLogisticRegression
from ._prior_spread import PriorSpread
from ._products import WithProducts
from ._shrunken_lda import ShrunkenLDA
from ._steps import TrainingPCA
from ._terms import terms
from ._tuned import TunedClassifier
from ._xgboost import BalancedXGBoost, require_xgboost

N_GENES_TREES = 300  # boosting looks at every gene for every split


@terms("none", class_weights="none", tuning="none")
def stratified_random(random_state: int) -> DummyClassifier:
    """Draw a class at random with the shares of the training cells, whatever the cell looks like."""
    return DummyClassifier(strategy="stratified", random_state=random_state)


@terms(GENES, class_weights="balanced", tuning="none: the C = 1 of scikit-learn")
def logistic_regression_untuned(random_state: int) -> Pipeline:
    """L2 logistic regression as scikit-learn has it: shows what the tuned penalty is worth."""
    regression = LogisticRegression(class_weight="balanced", max_iter=5000)
    return make_pipeline(*on_genes(N_GENES), regression)


@terms(GENES, class_weights="balanced", tuning=FOUR_PENALTIES)
def logistic_regression_l1(random_state: int) -> TunedClassifier:
    """L1 logistic regression, one class against the rest: few genes per class."""
    # scikit-learn 1.8 renamed the argument
    old = Version(sklearn_version) < Version("1.8")
    lasso = {"penalty": "l1"} if old else {"l1_ratio": 1.0}
    regression = LogisticRegression(
        **lasso,
        solver="liblinear",
        class_weight="balanced",
        max_iter=1000,
        random_state=random_state,
    )
    return TunedClassifier(
        on_genes(N_GENES),
        OneVsRestClassifier(regression),
        parameter="estimator__C",
        values=(0.01, 0.03, 0.1, 0.3),
        random_state=random_state,
    )


@terms(f"squares and products of 30 {COMPONENTS}", class_weights="balanced", tuning=FOUR_PENALTIES)
def quadratic_pca(random_state: int) -> TunedLogisticRegression:
    """L2 logistic regression on 30 components, their squares and products: sees interactions."""
    inputs = make_pipeline(
        *on_components(30, random_state),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
    )
    return TunedLogisticRegression(
        penalties=(1e-3, 1e-2, 1e-1, 1.0), random_state=random_state, inputs=inputs
    )


@terms(
    "256 marker genes, standardised; products of each with its 8 nearest neighbours among them; "
    "prior by F statistic",
    class_weights="balanced",
    tuning=f"{FOUR_PENALTIES}, judged after calibration",
)
def linked_products(random_state: int) -> TunedLogisticRegression:
    """L2 logistic regression on genes and on products of linked ones: a gene graph without attention."""
    inputs = make_pipeline(
        GeneSelector("markers", 256), GeneScaler(), WithProducts(), PriorSpread()
    )
    return TunedLogisticRegression(
        penalties=(1e-4, 1e-3, 1e-2, 1e-1),
        random_state=random_state,
        inputs=inputs,
        scaled_first=True,
    )


@terms(GENES, class_weights="balanced", tuning=f"{FOUR_PENALTIES}; temperature on the same folds")
def linear_svm(random_state: int) -> TunedClassifier:
    """Linear support vector machine, its decision values calibrated on inner folds."""
    return TunedClassifier(
        on_genes(N_GENES),
        LinearSVC(dual=True, class_weight="balanced", max_iter=20000, random_state=random_state),
        parameter="C",
        values=(1e-5, 1e-4, 1e-3, 1e-2),
        random_state=random_state,
    )


@terms(GENES, class_weights=BY_SHARES, tuning=f"shrinkage, {FOUR_VALUES}")
def lda_shrinkage(random_state: int) -> TunedClassifier:
    """Linear discriminant analysis with a shrunken covariance."""
    analysis = ShrunkenLDA()
    return TunedClassifier(
        on_genes(N_GENES),
        BalancedClassifier(analysis),
        parameter="estimator__shrinkage",
        values=(0.1, 0.3, 0.6, 0.9),
        random_state=random_state,
    )


@terms(
    "300 genes by F test, standardised", class_weights=BY_SHARES, tuning=f"rounds, {FOUR_VALUES}"
)
def gradient_boosting_genes(random_state: int) -> TunedClassifier:
    """Gradient boosting of small trees on single genes."""
    return boosted_trees(on_genes(N_GENES_TREES), random_state)


@terms(
    "50 PCs of the 2,000 most variable genes, standardised",
    class_weights=BY_SHARES,
    tuning=f"weight of the neighbours, {FOUR_VALUES}",
    unlabelled=True,
)
def label_spreading(random_state: int) -> Pipeline:
    """Labels spread over a graph of 15 nearest cells; uses cells without a label (-1) as well."""
    return make_pipeline(
        GeneSelector("variance", N_GENES_PCA),  # needs no label
        GeneScaler(),
        TrainingPCA(50, random_state),
        TunedLabelSpreading(random_state=random_state),
    )


@terms("all genes", class_weights="balanced", tuning="none; temperature on 3 inner folds")
def marker_scoring(random_state: int) -> MarkerScoring:
    """Mean of 25 markers per class over genes expressed alike, as ``sc.tl.score_genes`` scores."""
    return MarkerScoring(random_state=random_state)


@terms(
    "300 genes by F test",
    class_weights="balanced",
    tuning=f"rounds, {FOUR_VALUES}",
    package="xgboost",
)
def xgboost(random_state: int) -> TunedClassifier:
    """Boosting of trees of depth 4 on single genes, by XGBoost."""
    require_xgboost()
    return TunedClassifier(
        GeneSelector("f_test", N_GENES_TREES),
        BalancedXGBoost(random_state=random_state),
        parameter="n_estimators",
        values=(20, 40, 80, 160),
        random_state=random_state,
    )


MORE_BASELINES: dict[str, Factory] = {
    function.__name__: function
    for function in (
        stratified_random,
        marker_scoring,
        label_spreading,
        lda_shrinkage,
        logistic_regression_untuned,
        logistic_regression_l1,
        linear_svm,
        quadratic_pca,
        linked_products,
        gradient_boosting_genes,
        xgboost,
    )
}
"""Contestants of ``models='all'`` beside those of ``'default'``, by name."""
