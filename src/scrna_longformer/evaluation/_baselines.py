"""The simple models every transformer is compared with.

Each is a function from a random state to a fresh scikit-learn estimator on cells x genes log
values. Everything learned from cells (which genes, their scale, components, penalties) is learned
inside ``fit``. A new baseline is a function here and a line in ``BASELINES``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from ..features._transform import GeneScaler, GeneSelector
from ._centroid import CentroidClassifier
from ._depth import DepthFeatures
from ._penalised import TunedLogisticRegression
from ._simple_mean import SimpleMean
from ._steps import FixedBudgetMLP, TrainingPCA

Factory = Callable[[int], Any]

N_GENES = 1000  # for models on genes
N_GENES_PCA = 2000  # for models on principal components


def majority(random_state: int) -> DummyClassifier:
    """Predict the class shares of the training cells, whatever the cell looks like."""
    return DummyClassifier(strategy="prior", random_state=random_state)


def depth_only(random_state: int) -> Pipeline:
    """Cubic logistic regression on log total counts and log detected genes, and no gene."""
    return make_pipeline(
        DepthFeatures(),
        StandardScaler(),
        PolynomialFeatures(3, include_bias=False),
        StandardScaler(),
        LogisticRegression(class_weight="balanced", max_iter=5000),
    )


def nearest_centroid(random_state: int) -> Pipeline:
    """Nearest class mean on standardised genes."""
    return make_pipeline(GeneSelector("f_test", N_GENES), GeneScaler(), CentroidClassifier())


def knn_pca(random_state: int) -> Pipeline:
    """Fifteen nearest neighbours, weighted by distance, on 30 principal components."""
    return make_pipeline(
        GeneSelector("f_test", N_GENES_PCA),
        GeneScaler(),
        TrainingPCA(30, random_state),
        KNeighborsClassifier(15, weights="distance"),
    )


def logistic_regression(random_state: int) -> TunedLogisticRegression:
    """L2 logistic regression on standardised genes, class-balanced, its penalty chosen inside."""
    return TunedLogisticRegression(N_GENES, random_state=random_state)


def simple_mean(random_state: int) -> SimpleMean:
    """Calibrated mean of logistic regressions on genes and on components of Pearson residuals."""
    return SimpleMean(N_GENES, random_state=random_state)


def random_forest(random_state: int) -> Pipeline:
    """Random forest of 200 trees on genes, class-balanced."""
    return make_pipeline(
        GeneSelector("f_test", N_GENES),
        GeneScaler(),
        RandomForestClassifier(200, class_weight="balanced", random_state=random_state, n_jobs=1),
    )


def hist_gradient_boosting(random_state: int) -> Pipeline:
    """Gradient boosting of small trees on 50 principal components, class-balanced."""
    return make_pipeline(
        GeneSelector("f_test", N_GENES_PCA),
        GeneScaler(),
        TrainingPCA(50, random_state),
        HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=7, class_weight="balanced", random_state=random_state
        ),
    )


def mlp(random_state: int) -> Pipeline:
    """Perceptron with one hidden layer of 64 units on standardised genes (no class weights)."""
    return make_pipeline(
        GeneSelector("f_test", N_GENES),
        GeneScaler(),
        FixedBudgetMLP((64,), alpha=1.0, batch_size=64, max_iter=60, random_state=random_state),
    )


BASELINES: dict[str, Factory] = {
    function.__name__: function
    for function in (
        majority,
        depth_only,
        nearest_centroid,
        knn_pca,
        logistic_regression,
        simple_mean,
        random_forest,
        hist_gradient_boosting,
        mlp,
    )
}
