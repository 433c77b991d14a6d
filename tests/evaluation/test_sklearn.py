"""Classifiers and transformers of cells are estimators of scikit-learn like any other."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

from scrna_longformer.evaluation import (
    BalancedClassifier,
    CentroidClassifier,
    DepthFeatures,
    MarkerScoring,
    SimpleMean,
    TemperatureScaled,
    TunedClassifier,
    TunedLogisticRegression,
)
from scrna_longformer.features import GeneScaler, GeneSelector, PearsonResiduals

TUNED = TunedClassifier(GeneScaler(), LogisticRegression(), parameter="C", values=(0.1, 1.0))
ESTIMATORS = (
    *(SimpleMean(n_inner=2), TunedLogisticRegression(n_inner=2), TUNED),
    *(BalancedClassifier(LogisticRegression()), TemperatureScaled(LogisticRegression())),
    *(CentroidClassifier(), MarkerScoring()),
    *(GeneScaler(), GeneSelector("f_test"), GeneSelector("variance"), DepthFeatures()),
)
# the checks ask for an accuracy on ten features that are no genes: there are no controls for markers
BEYOND = {MarkerScoring: {"check_classifiers_train"}}


@pytest.mark.filterwarnings("ignore")  # the checks provoke warnings of all kinds
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_passes_the_checks_of_scikit_learn(estimator) -> None:
    results = check_estimator(estimator, on_fail=None)
    failed = {r["check_name"] for r in results if r["status"] == "failed"}
    assert failed == BEYOND.get(type(estimator), set())
    assert sum(r["status"] == "passed" for r in results) > 40


def test_residuals_refuse_what_the_checks_would(rng) -> None:
    """Which cannot be run: their values are no counts."""
    X = np.log1p(rng.poisson(2.0, size=(30, 6)).astype(float))
    with pytest.raises(NotFittedError):
        PearsonResiduals().transform(X)
    fitted = PearsonResiduals().fit(X)
    assert fitted.n_features_in_ == 6
    for bad in (X[:, :5], np.where(X > 0, np.nan, X), X[:0]):
        with pytest.raises(ValueError, match="expecting 6 features|NaN|0 sample"):
            fitted.transform(bad)
