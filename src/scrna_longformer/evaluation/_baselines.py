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
from ._tuned import TunedClassifier

Factory = Callable[[int], Any]

N_GENES = 1000  # for models on genes
N_GENES_PCA = 2000  # for models on principal components
COMPONENT_PENALTIES = (1e-1, 1.0, 10.0, 100.0)  # of components whose widest has unit spread

GENES = "1,000 genes by F test, standardised"
COMPONENTS = "PCs of 2,000 genes by F test, standardised"
BY_SHARES = "balanced, by dividing by the shares"
FOUR_VALUES = "4 values x 3 inner folds"
FOUR_PENALTIES = f"penalty, {FOUR_VALUES}"


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


@terms(GENES, class_weights="balanced", tuning="none; temperature, left out one by one")
def nearest_centroid(random_state: int) -> Pipeline:
    """Nearest class mean on standardised genes."""
    return make_pipeline(*on_genes(N_GENES), CentroidClassifier())


@terms(f"30 {COMPONENTS}", class_weights=BY_SHARES, tuning=f"neighbours, {FOUR_VALUES}")
def knn_pca(random_state: int) -> TunedClassifier:
    """Nearest neighbours, weighted by distance, on 30 principal components."""
    return TunedClassifier(
        on_components(30, random_state),
        BalancedClassifier(NearestNeighbours(weights="distance")),
        parameter="estimator__n_neighbors",
        values=(5, 10, 20, 40),
        random_state=random_state,
    )


@terms(GENES, class_weights="balanced", tuning=FOUR_PENALTIES)
def logistic_regression(random_state: int) -> TunedLogisticRegression:
    """L2 logistic regression on standardised genes, class-balanced, its penalty chosen inside."""
    return TunedLogisticRegression(N_GENES, random_state=random_state)


@terms(
    f"{GENES}; 30 PCs of Pearson residuals of 3,000 genes",
    class_weights="balanced, then calibrated to the shares",
    tuning="two penalties, 4 values x 5 inner folds; temperatures, offsets and weights on the same folds",
)
def simple_mean(random_state: int) -> SimpleMean:
    """Calibrated mean of logistic regressions on genes and on Pearson components, and of LDA."""
    return SimpleMean(N_GENES, random_state=random_state)


def on_genes(n_genes: int) -> Pipeline:
    """Make standardised genes, those that differ most between the classes."""
    return make_pipeline(GeneSelector("f_test", n_genes), GeneScaler())


def on_components(n_components: int, random_state: int) -> Pipeline:
    """Make principal components of standardised genes."""
    return make_pipeline(*on_genes(N_GENES_PCA), TrainingPCA(n_components, random_state))


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


@terms(GENES, class_weights="balanced", tuning=f"cells of a leaf, {FOUR_VALUES}, by 25 trees")
def random_forest(random_state: int) -> TunedClassifier:
    """Random forest of 100 trees on genes, class-balanced."""
    forest = RandomForestClassifier(
        100, class_weight="balanced", random_state=random_state, n_jobs=1
    )
    return TunedClassifier(
        on_genes(N_GENES),
        forest,
        parameter="min_samples_leaf",
        values=(1, 2, 4, 8),
        random_state=random_state,
        inner_params={"n_estimators": 25},
    )


def boosted_trees(inputs: Pipeline, random_state: int) -> TunedClassifier:
    """Gradient boosting of small trees, class-balanced, its number of rounds chosen inside."""
    # weights of classes would make the search for bins take longer than the trees
    trees = HistGradientBoostingClassifier(
        max_leaf_nodes=7,
        max_bins=63,  # a third of the time of 255, and on single genes better on four sets of four
        early_stopping=False,  # else it begins at 10,000 cells, and wants two cells of every class
        warm_start=True,  # one fit of the most rounds shows what fewer would have given
        random_state=random_state,
    )
    return TunedClassifier(
        inputs,
        BalancedClassifier(trees),
        parameter="estimator__max_iter",
        values=(15, 30, 60, 120),
        random_state=random_state,
    )


@terms(f"50 {COMPONENTS}", class_weights=BY_SHARES, tuning=f"rounds, {FOUR_VALUES}")
def hist_gradient_boosting(random_state: int) -> TunedClassifier:
    """Gradient boosting of small trees on 50 principal components, class-balanced."""
    return boosted_trees(on_components(50, random_state), random_state)


@terms(GENES, class_weights=BY_SHARES, tuning=f"weight decay, {FOUR_VALUES}")
def mlp(random_state: int) -> TunedClassifier:
    """Perceptron with one hidden layer of 64 units on standardised genes."""
    network = FixedBudgetMLP(
        (64,), learning_rate_init=0.003, batch_size=100, max_iter=20, random_state=random_state
    )
    return TunedClassifier(
        on_genes(N_GENES),
        BalancedClassifier(network),
        parameter="estimator__alpha",
        values=(0.1, 1.0, 10.0, 100.0),
        random_state=random_state,
    )


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
