"""Classifiers and transformers of cells are estimators of scikit-learn like any other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

from scrna_longformer.evaluation import (
    BalancedClassifier,
    CentroidClassifier,
    DepthFeatures,
    LogitScaled,
    MarkerScoring,
    SimpleMean,
    TunedClassifier,
    TunedLogisticRegression,
    cross_validate,
    make_splits,
)
from scrna_longformer.features import GeneScaler, GeneSelector, PearsonResiduals

TUNED = TunedClassifier(GeneScaler(), LogisticRegression(), parameter="C", values=(0.1, 1.0))
ESTIMATORS = (
    *(SimpleMean(n_inner=2), TunedLogisticRegression(n_inner=2), TUNED),
    *(BalancedClassifier(LogisticRegression()), LogitScaled(LogisticRegression())),
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


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (pd.Series([True, False], dtype="boolean"), "b"),
        (pd.Series([3, 5], dtype="Int64"), "i"),
        (pd.Series(["x", "y"], dtype="category"), "O"),
        (np.array([3, 5], dtype=object), "i"),
        (["x", "y"], "U"),
    ],
)
def test_labels_stay_what_they_are(labels, kind: str) -> None:
    model = CentroidClassifier().fit([[0.0], [1.0]], labels)
    assert model.classes_.dtype.kind == kind
    assert model.predict([[0.0], [1.0]]).tolist() == list(labels)


def test_nothing_predicts_after_a_fit_that_failed(rng) -> None:
    X, y = rng.normal(size=(40, 3)), np.repeat(["a", "b"], 20)
    model = BalancedClassifier(LogisticRegression()).fit(X, y)
    model.set_params(estimator__C=-1.0)
    with pytest.raises(ValueError, match="'C'"):
        model.fit(X, np.repeat(["c", "d"], 20))
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_what_goes_through_to_the_classifier_inside(rng) -> None:
    """Which may take missing values, and may want dense ones."""
    X, y = rng.normal(size=(60, 3)), np.repeat(["a", "b"], 30)
    X[4, 1] = np.nan
    for wrapped in (LogitScaled(GaussianNB()), BalancedClassifier(GaussianNB())):
        with pytest.raises(ValueError, match="GaussianNB does not accept missing values"):
            wrapped.fit(X, y)
        assert wrapped.set_params(estimator=DecisionTreeClassifier()).fit(X, y).predict(X[4:5])
    cells = sparse.csr_array(np.nan_to_num(X))
    wants = (CentroidClassifier(), BalancedClassifier(LinearDiscriminantAnalysis()))
    models = {type(model).__name__: model for model in wants}
    codes = np.repeat([0, 1], 30)
    results = cross_validate(models, cells, codes, make_splits(codes)[:1])
    assert [result.status for result in results] == ["ok", "ok"]
