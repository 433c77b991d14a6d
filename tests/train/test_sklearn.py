"""The classifier is an estimator of scikit-learn like any other."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from scrna_longformer.train import LongformerClassifier

pytestmark = pytest.mark.filterwarnings("ignore:LongformerClassifier")  # few updates


@pytest.fixture(scope="module")
def cells() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.repeat(["b", "a"], 30)
    return rng.random((60, 8)) + 2 * np.eye(8)[np.repeat([0, 1], 30)], y


def unfitted(max_steps: int = 20, **options: object) -> LongformerClassifier:
    train = {"max_steps": max_steps, "batch_size": 16}
    return LongformerClassifier(
        "tiny", n_neighbors=2, offset=None, train_options=train, accelerator="cpu", **options
    )


@pytest.mark.filterwarnings("ignore")  # the checks provoke warnings of all kinds
@pytest.mark.parametrize(("offset", "max_steps"), [(None, 80), ("simple", 10)])
def test_passes_the_checks_of_scikit_learn(offset: str | None, max_steps: int) -> None:
    """All of them, with a model so small that fitting it fifty times takes seconds."""
    model = unfitted(max_steps, min_cells=5).set_params(offset=offset)
    results = check_estimator(model, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    assert sum(r["status"] == "passed" for r in results) >= 50


def test_searched_cross_validated_and_pickled(cells) -> None:
    X, y = cells
    search = GridSearchCV(unfitted(), {"n_tokens": [2, "all"]}, cv=2).fit(X, y)
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(again.predict_proba(X), search.predict_proba(X))
    assert (cross_val_predict(unfitted(), X, y, cv=2) == y).mean() > 0.9
    assert clone(again).get_params()["n_tokens"] == search.best_params_["n_tokens"]
    assert get_tags(again).input_tags.sparse


@pytest.mark.parametrize(
    "store",
    [
        pd.DataFrame,
        np.ndarray.tolist,
        sparse.coo_matrix,
        sparse.csc_array,
        sparse.csr_matrix,
    ],
)
def test_values_in_any_form(cells, store) -> None:
    X, y = cells
    expected = unfitted().fit(X, y).predict_proba(X)
    found = unfitted().fit(store(X), pd.Series(y)).predict_proba(store(X))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_nothing_is_predicted_before_a_fit(cells) -> None:
    X, y = cells
    failed = unfitted(metric="euclidean")
    with pytest.raises(ValueError, match="`metric`"):
        failed.fit(X, y)
    for model in (unfitted(), failed):
        with pytest.raises(NotFittedError):
            model.predict(X)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (np.repeat("a", 60), r"one class \('a'\)"),
        (np.repeat(["a", "b"], 20), "inconsistent numbers of samples"),
        (np.r_[np.repeat(["a", "b"], 29), [None, np.nan]].astype(object), "2 missing labels"),
        (np.linspace(0, 1, 60), "continuous"),
        (np.repeat([["a", "b"]], 60, axis=0), "should be a 1d array"),
    ],
)
def test_labels_that_cannot_be(cells, labels: np.ndarray, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        unfitted().fit(cells[0], labels)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(cells, bad: float) -> None:
    X, y = cells
    spoilt = X.copy()
    spoilt[3, 2] = bad
    with pytest.raises(ValueError, match="NaN|infinity"):
        unfitted().fit(spoilt, y)
    fitted = unfitted().fit(X, y)
    with pytest.raises(ValueError, match="NaN|infinity"):
        fitted.predict_proba(spoilt)
    with pytest.raises(ValueError, match="0 sample"):
        fitted.predict(X[:0])


def test_residuals_of_what_are_no_counts(cells) -> None:
    X, y = cells
    with pytest.raises(ValueError, match=r"residuals are of the counts.*`input_transform`='log'"):
        unfitted(input_transform="pearson").fit(X - X.mean(axis=0), y)
