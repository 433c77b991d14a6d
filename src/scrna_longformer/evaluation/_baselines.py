"""The simple models every transformer is compared with.

Each is a function from a random state to a fresh scikit-learn estimator on cells x genes log
values, with the terms on which it takes part. Everything learned from cells (which genes, their
scale, components, penalties) is learned inside ``fit``. A new baseline is a function here and a line
in ``BASELINES``; those that only ``models='all'`` runs are in ``_more_baselines``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from ..features._residuals import PearsonResiduals
from ..features._transform import GeneScaler, GeneSelector
from ._balanced import BalancedClassifier
from ._centroid import CentroidClassifier
from ._depth import DepthFeatures
from ._penalised import TunedLogisticRegression
from ._simple_mean import SimpleMean
from ._steps import FixedBudgetMLP, NearestNeighbours, TrainingPCA, UnitScale
from ._terms import terms

Factory = Callable[[int], Any]

N_GENES = 1000  # for models on genes
N_GENES_PCA = 2000  # for models on principal components
COMPONENT_PENALTIES = (1e-1, 1.0, 10.0, 100.0)  # of components whose widest has unit spread

GENES = "1,000 genes by F test, standardised"
COMPONENTS = "PCs of 2,000 genes by F test, standardised"
FOUR_PENALTIES = "penalty, 4 values x 3 inner folds"


@terms("none", class_weights="none", tuning="none")
def majority(random_state: int) -> DummyClassifier:
    """Predict the class shares of the training cells, whatever the cell looks like."""
    return DummyClassifier(strategy="prior", random_state=random_state)


@terms("log total counts, log detected genes", class_weights="balanced", tuning="none")
def depth_only(random_state: int) -> Pipeline:
    """Cubic logistic regression on log total counts and log detected genes, and no gene."""
    return make_pipeline(
        DepthFeatures(),
        StandardScaler(),
        PolynomialFeatures(3, include_bias=False),
        StandardScaler(),
        LogisticRegression(class_weight="balanced", max_iter=5000),
    )


@terms(GENES, class_weights="balanced", tuning="temperature, left out one by one")
def nearest_centroid(random_state: int) -> Pipeline:
    """Nearest class mean on standardised genes."""
    return make_pipeline(GeneSelector("f_test", N_GENES), GeneScaler(), CentroidClassifier())


@terms(f"30 {COMPONENTS}", class_weights="none: a rare class has few neighbours", tuning="none")
def knn_pca(random_state: int) -> Pipeline:
    """Fifteen nearest neighbours, weighted by distance, on 30 principal components."""
    return make_pipeline(
        GeneSelector("f_test", N_GENES_PCA),
        GeneScaler(),
        TrainingPCA(30, random_state),
        NearestNeighbours(15, weights="distance"),
    )


@terms(GENES, class_weights="balanced", tuning=FOUR_PENALTIES)
def logistic_regression(random_state: int) -> TunedLogisticRegression:
    """L2 logistic regression on standardised genes, class-balanced, its penalty chosen inside."""
    return TunedLogisticRegression(N_GENES, random_state=random_state)


@terms(
    f"{GENES}; 30 PCs of Pearson residuals of 3,000 genes",
    class_weights="balanced, then calibrated to the shares",
    tuning="two penalties, 5 values x 5 inner folds; temperatures, offsets and weights on the same folds",
)
def simple_mean(random_state: int) -> SimpleMean:
    """Calibrated mean of logistic regressions on genes and on Pearson components, and of LDA."""
    return SimpleMean(N_GENES, random_state=random_state)


def on_pearson_components(n_components: int, random_state: int) -> TunedLogisticRegression:
    """Tuned logistic regression on principal components of Pearson residuals."""
    inputs = make_pipeline(
        PearsonResiduals(3000), TrainingPCA(n_components, random_state), UnitScale()
    )
    return TunedLogisticRegression(
        penalties=COMPONENT_PENALTIES, random_state=random_state, inputs=inputs
    )


@terms(
    "20 PCs of Pearson residuals of 3,000 genes",
    class_weights="balanced",
    tuning=FOUR_PENALTIES,
    needs_counts=True,
)
def pearson_pca20(random_state: int) -> TunedLogisticRegression:
    """L2 logistic regression on 20 components of Pearson residuals: strong with few labels."""
    return on_pearson_components(20, random_state)


@terms(
    "50 PCs of Pearson residuals of 3,000 genes",
    class_weights="balanced",
    tuning=FOUR_PENALTIES,
    needs_counts=True,
)
def pearson_pca50(random_state: int) -> TunedLogisticRegression:
    """L2 logistic regression on 50 components of Pearson residuals."""
    return on_pearson_components(50, random_state)


@terms(GENES, class_weights="balanced", tuning="none")
def random_forest(random_state: int) -> Pipeline:
    """Random forest of 100 trees on genes, class-balanced."""
    return make_pipeline(
        GeneSelector("f_test", N_GENES),
        GeneScaler(),
        RandomForestClassifier(100, class_weight="balanced", random_state=random_state, n_jobs=1),
    )


@terms(f"50 {COMPONENTS}", class_weights="balanced, by dividing by the shares", tuning="none")
def hist_gradient_boosting(random_state: int) -> Pipeline:
    """Gradient boosting of small trees on 50 principal components, class-balanced."""
    # weights of classes would make the search for bins take longer than the trees
    trees = HistGradientBoostingClassifier(
        max_iter=60,
        max_leaf_nodes=7,
        max_bins=63,  # finer ones take longer
        early_stopping=False,  # else it begins at 10,000 cells, and wants two cells of every class
        random_state=random_state,
    )
    return make_pipeline(
        GeneSelector("f_test", N_GENES_PCA),
        GeneScaler(),
        TrainingPCA(50, random_state),
        BalancedClassifier(trees),
    )


@terms(GENES, class_weights="balanced, by dividing by the shares", tuning="none")
def mlp(random_state: int) -> Pipeline:
    """Perceptron with one hidden layer of 64 units on standardised genes."""
    network = FixedBudgetMLP(
        (64,), alpha=1.0, batch_size=64, max_iter=60, random_state=random_state
    )
    return make_pipeline(GeneSelector("f_test", N_GENES), GeneScaler(), BalancedClassifier(network))


BASELINES: dict[str, Factory] = {
    function.__name__: function
    for function in (
        majority,
        depth_only,
        nearest_centroid,
        knn_pca,
        logistic_regression,
        pearson_pca20,
        pearson_pca50,
        simple_mean,
        random_forest,
        hist_gradient_boosting,
        mlp,
    )
}
