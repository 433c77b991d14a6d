"""What every contestant that needs no AnnData keeps to (those of the default: test_baselines)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from scipy import sparse
from scipy.special import softmax
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import LinearSVC

from scrna_longformer.evaluation import (
    BASELINES,
    MORE_BASELINES,
    BalancedClassifier,
    MarkerScoring,
    SimpleMean,
    TunedClassifier,
    TunedLogisticRegression,
    score,
    terms_of,
)
from scrna_longformer.evaluation._inner_folds import inner_folds
from scrna_longformer.evaluation._label_spreading import TunedLabelSpreading

LEARNING = [name for name in MORE_BASELINES if name not in ("stratified_random", "xgboost")]


def log_cells(
    rng: np.random.Generator, n_cells: int = 150, n_genes: int = 80
) -> tuple[np.ndarray, np.ndarray]:
    """Log CP10k of simulated counts, a tenth of the genes marking each of three classes."""
    codes = rng.permutation(np.arange(n_cells) % 3)
    rate = rng.gamma(0.5, 1.0, n_genes) + 0.1
    marked = np.arange(n_genes) % 8 == codes[:, None]
    counts = rng.poisson(rate * np.where(marked, 4.0, 1.0) * rng.uniform(0.5, 2, (n_cells, 1)))
    counts[:, 0] = 1
    return np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True)).astype(np.float32), codes


@pytest.mark.parametrize("name", LEARNING)
def test_contract(name: str, rng: np.random.Generator) -> None:
    """Learns; same seed, same bits, dense or sparse; test cells' own genes change no other cell."""
    X, codes = log_cells(rng)
    X[:, 40] = 0
    model = MORE_BASELINES[name](3).fit(sparse.csr_matrix(X[:100]), codes[:100])
    proba = model.predict_proba(sparse.csr_matrix(X[100:]))
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    majority = BASELINES["majority"](0).fit(X[:100], codes[:100]).predict_proba(X[100:])
    ours, base = (score(codes[100:], p)["macro_f1"] for p in (proba, majority))
    assert ours > base + 0.3

    again = MORE_BASELINES[name](3).fit(X[:100], codes[:100])
    np.testing.assert_array_equal(again.predict_proba(X[100:]), proba)

    canary = X[100:].copy()
    canary[:, 40] = 1.0 + codes[100:]  # a gene that the training cells never show
    np.testing.assert_array_equal(again.predict_proba(canary), proba)


@pytest.mark.parametrize("name", LEARNING)
def test_a_class_of_one_cell_breaks_nothing(name: str, rng: np.random.Generator) -> None:
    X, codes = log_cells(rng, 40, 12)
    codes[0] = 3
    proba = MORE_BASELINES[name](0).fit(X, codes).predict_proba(X)
    assert proba.shape == (40, 4)
    assert np.isfinite(proba).all()


def test_stratified_random_draws_the_shares() -> None:
    codes = np.repeat([0, 1], [300, 100])
    model = MORE_BASELINES["stratified_random"](0).fit(np.zeros((400, 1)), codes)
    assert model.predict_proba(np.zeros((4000, 1)))[:, 0].mean() == pytest.approx(0.75, abs=0.03)


def test_xgboost_or_how_to_get_it(rng: np.random.Generator) -> None:
    X, codes = log_cells(rng)
    try:
        model = MORE_BASELINES["xgboost"](0)
    except ImportError as error:
        assert "pip install 'scrna-longformer[baselines]'" in str(error)  # noqa: PT017
        return
    names = np.array(["B", "NK", "T"])[codes]
    proba = model.fit(sparse.csr_matrix(X[:100]), names[:100]).predict_proba(X[100:])
    assert score(codes[100:], proba)["macro_f1"] > 0.7
    assert list(model.classes_) == ["B", "NK", "T"]


@pytest.mark.parametrize("make", [*BASELINES.values(), *MORE_BASELINES.values()])
def test_every_contestant_states_its_terms(make: object) -> None:
    terms = terms_of(make)
    assert "as given" not in (terms.inputs, terms.class_weights, terms.tuning)


def test_marker_scores_are_those_of_scanpy(rng: np.random.Generator) -> None:
    X, codes = log_cells(rng, 150, 200)
    model = MarkerScoring(n_markers=8, n_controls=1000, n_levels=10).fit(X, codes)
    adata = AnnData(X)
    for k, markers in enumerate(model.markers_):
        sc.tl.score_genes(adata, adata.var_names[markers], ctrl_size=1000, n_bins=10)
        np.testing.assert_allclose(X @ model.weights_[:, k], adata.obs["score"], atol=1e-5)


def test_markers_are_found(rng: np.random.Generator) -> None:
    X, codes = log_cells(rng)
    model = MarkerScoring(n_markers=5).fit(X, codes)
    for k, markers in enumerate(model.markers_):
        assert np.mean(markers % 8 == k) >= 0.8


def test_balanced_is_bayes_rule(rng: np.random.Generator) -> None:
    codes = np.repeat([0, 1], [180, 20])
    X = rng.normal(size=(200, 3)) + codes[:, None]
    ours = BalancedClassifier(GaussianNB()).fit(X, codes).predict_proba(X)
    theirs = GaussianNB(priors=[0.5, 0.5]).fit(X, codes).predict_proba(X)
    np.testing.assert_allclose(ours, theirs, atol=1e-10)


def test_balanced_lda_has_equal_priors(rng: np.random.Generator) -> None:
    """Up to the pooling of the class covariances, which scikit-learn weights by the priors."""
    codes = np.repeat([0, 1], [180, 20])
    X = rng.normal(size=(200, 3)) + codes[:, None]
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=1.0)
    ours = BalancedClassifier(lda).fit(X, codes).predict_proba(X)
    theirs = lda.set_params(priors=[0.5, 0.5]).fit(X, codes).predict_proba(X)
    assert np.abs(ours - theirs).max() < 0.05


def test_value_is_the_best_of_the_inner_folds(rng: np.random.Generator) -> None:
    codes = np.arange(120) % 2
    X = rng.normal(size=(120, 40))
    X[:, 0] += 2 * codes
    tuned = TunedClassifier(
        FunctionTransformer(),
        LogisticRegression(class_weight="balanced"),
        parameter="C",
        values=(1e-4, 0.1, 1e4),
    ).fit(X, codes)
    assert tuned.value_ == 0.1  # the others shrink the one good feature away, or fit the noise
    fixed = LogisticRegression(class_weight="balanced", C=0.1).fit(X, codes)
    np.testing.assert_allclose(tuned.predict_proba(X), fixed.predict_proba(X), atol=1e-6)
    assert tuned.out_of_fold_.shape == (120, 2)
    loss = -np.log(tuned.out_of_fold_[np.arange(120), codes]).mean()
    assert loss > -np.log(tuned.predict_proba(X)[np.arange(120), codes]).mean()  # not in sample


def test_decision_values_get_the_best_temperature(rng: np.random.Generator) -> None:
    codes = np.arange(150) % 3
    X = rng.normal(size=(150, 5)) + 1.5 * np.eye(3, 5)[codes]
    tuned = TunedClassifier(
        FunctionTransformer(), LinearSVC(random_state=0), parameter="C", values=(1.0,)
    ).fit(X, codes)
    decision = LinearSVC(random_state=0).fit(X, codes).decision_function(X)
    np.testing.assert_allclose(
        tuned.predict_proba(X), softmax(decision / tuned.temperature_, axis=1), atol=1e-6
    )
    log_odds = np.log(tuned.out_of_fold_)

    def loss(factor: float) -> float:
        return -np.log(softmax(log_odds / factor, axis=1)[np.arange(150), codes]).mean()

    assert loss(1.0) < min(loss(0.9), loss(1.1))


@pytest.mark.parametrize(
    "classifier",
    [
        HistGradientBoostingClassifier(max_leaf_nodes=4, warm_start=True, random_state=0),
        BalancedClassifier(
            HistGradientBoostingClassifier(max_leaf_nodes=4, warm_start=True, random_state=0)
        ),
    ],
)
def test_rounds_that_are_added_are_those_of_a_fit_of_as_many(
    classifier: object, rng: np.random.Generator
) -> None:
    codes = rng.permutation(np.repeat([0, 1, 2], [60, 60, 30]))
    X = rng.normal(size=(150, 4)) + np.eye(3, 4)[codes]
    is_bare = isinstance(classifier, HistGradientBoostingClassifier)
    parameter = "max_iter" if is_bare else "estimator__max_iter"
    cold = clone(classifier).set_params(**{parameter.replace("max_iter", "warm_start"): False})
    made = TunedClassifier(FunctionTransformer(), classifier, parameter=parameter, values=(2, 4, 9))
    tuned, anew = (
        made._inner_scores(trees, made.values, X, codes, inner_folds(codes, 3, 0))
        for trees in (classifier, cold)
    )
    np.testing.assert_allclose(tuned, anew, rtol=1e-12)
    assert (tuned[0] != tuned[2]).any()


def test_a_balanced_classifier_starts_afresh_unless_it_is_told_to_go_on(
    rng: np.random.Generator,
) -> None:
    y = rng.permutation(np.repeat([0, 1], [60, 30]))
    X = rng.normal(size=(90, 3)) + y[:, None]
    trees = HistGradientBoostingClassifier(max_iter=3, random_state=0)
    cold = BalancedClassifier(trees).fit(X, y)
    first = cold.estimator_
    assert cold.fit(X, y).estimator_ is not first
    warm = BalancedClassifier(clone(trees).set_params(warm_start=True)).fit(X, y)
    first = warm.estimator_
    assert warm.set_params(estimator__max_iter=5).fit(X, y).estimator_ is first
    assert first.n_iter_ == 5


def test_tuned_contestants_choose_among_as_many_values() -> None:
    """The same budget for all that choose: four values of one setting, three inner folds."""
    for name, make in (BASELINES | MORE_BASELINES).items():
        if name == "xgboost":  # an optional package
            continue
        model = make(0)
        last = model[-1] if hasattr(model, "steps") else model
        values = getattr(last, "values", getattr(last, "penalties", getattr(last, "alphas", None)))
        tuning = make.terms.tuning
        assert (values is None) == (tuning.startswith("none") or name == "simple_mean"), name
        if values is not None:
            assert (len(values), last.n_inner) == (4, 3), name
            assert "4 values x 3 inner folds" in tuning
    members = SimpleMean()._unfitted(with_counts=True)
    assert [len(m.penalties) for m in members[:3]] == [4, 4, 4]


def test_contestants_balance_their_classes(rng: np.random.Generator) -> None:
    """What noise says of a cell is, on the mean, that all classes are as probable."""
    codes = rng.permutation(np.repeat([0, 1], [240, 60]))
    X = rng.normal(size=(300, 40)).astype(np.float32)
    for name in ("knn_pca", "logistic_regression", "hist_gradient_boosting"):
        inner = BASELINES[name](0).fit(X, codes).out_of_fold_
        assert inner[:, 1].mean() == pytest.approx(0.5, abs=0.15), name
    spread = MORE_BASELINES["label_spreading"](0).fit(X, codes)
    fresh = rng.normal(size=(300, 40)).astype(np.float32)
    assert spread.predict_proba(fresh)[:, 1].mean() == pytest.approx(0.5, abs=0.15)


def test_labels_spread_as_by_hand_and_alpha_is_the_best(rng: np.random.Generator) -> None:
    codes = rng.permutation(np.repeat([0, 1, 2], [80, 60, 40]))
    X = rng.normal(size=(180, 3)) + 2 * np.eye(3)[codes]
    y = codes.copy()
    y[:30] = -1
    model = TunedLabelSpreading(n_neighbors=8).fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2]
    oracle = LabelSpreading(kernel="knn", n_neighbors=8, alpha=model.alpha_, max_iter=100).fit(X, y)
    odds = oracle.predict_proba(X) / (np.bincount(y[30:]) / 150)
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), expected)
    losses = []
    for alpha in model.alphas:
        loss = 0.0
        for _, hidden in inner_folds(y[30:], 3, 0):
            known = y.copy()
            known[30 + hidden] = -1
            spread = LabelSpreading(kernel="knn", n_neighbors=8, alpha=alpha, max_iter=100)
            odds = spread.fit(X, known).label_distributions_[30 + hidden]
            odds = odds / (np.bincount(y[30:]) / 150)
            true = (odds / odds.sum(axis=1, keepdims=True))[np.arange(len(hidden)), y[30 + hidden]]
            loss -= (np.log(np.maximum(true, 1e-6)) / np.bincount(y[30:])[y[30 + hidden]]).sum()
        losses.append(loss)
    assert model.alpha_ == model.alphas[int(np.argmin(losses))]


def test_a_cell_that_no_label_reaches_could_be_of_any_class() -> None:
    X = (
        np.r_[np.zeros((6, 1)), np.ones((6, 1)), np.full((6, 1), 50.0)]
        + np.arange(18)[:, None] / 99
    )
    y = np.repeat([0, 1, -1], 6)  # no edge leads to the last six
    model = TunedLabelSpreading(n_neighbors=3).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X[-1:]), [[0.5, 0.5]])


@pytest.mark.parametrize(
    ("tuned", "chosen"),
    [
        (
            TunedClassifier(
                FunctionTransformer(),
                GaussianNB(),
                parameter="var_smoothing",
                values=(1e-9, 1.0, 1e3),
            ),
            "value_",
        ),
        (TunedLogisticRegression(inputs=FunctionTransformer()), "C_"),
    ],
)
def test_a_class_of_one_cell_has_no_say_in_the_choice(
    tuned: object, chosen: str, rng: np.random.Generator
) -> None:
    """An inner fold without it can say nothing of it, by whatever value."""
    codes = rng.permutation(np.repeat([0, 1, 2], 40))
    X = rng.normal(size=(121, 5)) + 2 * np.eye(3, 5)[np.append(codes, 0)]
    without, given = clone(tuned).fit(X[:120], codes), clone(tuned).fit(X, np.append(codes, 3))
    assert getattr(given, chosen) == getattr(without, chosen)
    assert given.out_of_fold_[120, 3] == 0


def test_markers_say_nothing_of_a_class_that_a_fold_is_without(rng: np.random.Generator) -> None:
    X = np.abs(rng.normal(size=(121, 5)))
    scoring = MarkerScoring().fit(X, np.append(rng.permutation(np.repeat([0, 1, 2], 40)), 3))
    assert scoring.out_of_fold_[120, 3] == 0
    np.testing.assert_allclose(scoring.out_of_fold_.sum(axis=1), 1)


def test_a_forest_is_chosen_small_and_scaled_whole(rng: np.random.Generator) -> None:
    codes = rng.permutation(np.repeat([0, 1], 60))
    X = rng.normal(size=(120, 4)) + codes[:, None]
    forest = RandomForestClassifier(20, random_state=0)
    options = {"parameter": "min_samples_leaf", "values": (1, 30)}
    tuned = TunedClassifier(
        FunctionTransformer(), forest, **options, inner_params={"n_estimators": 2}
    ).fit(X, codes)
    assert len(tuned.model_.estimators_) == 20
    small = TunedClassifier(
        FunctionTransformer(), clone(forest).set_params(n_estimators=2), **options
    ).fit(X, codes)
    assert tuned.value_ == small.value_
    whole = TunedClassifier(
        FunctionTransformer(), forest, parameter="min_samples_leaf", values=(tuned.value_,)
    ).fit(X, codes)
    np.testing.assert_array_equal(tuned.out_of_fold_, whole.out_of_fold_)


def test_label_spreading_takes_names(rng: np.random.Generator) -> None:
    codes = rng.permutation(np.repeat([0, 1, 2], [40, 30, 20]))
    X = rng.normal(size=(90, 3)) + np.eye(3)[codes]
    by_code = TunedLabelSpreading().fit(X, codes)
    names = np.array(["T", "B", "NK"])[codes]
    by_name = TunedLabelSpreading().fit(X, pd.Series(names, index=np.arange(90)[::-1]))
    assert by_name.classes_.tolist() == ["B", "NK", "T"]
    np.testing.assert_allclose(
        by_name.predict_proba(X)[:, [2, 0, 1]], by_code.predict_proba(X), atol=1e-9
    )
    assert by_name.alpha_ == by_code.alpha_
    with pytest.raises(NotFittedError):
        TunedLabelSpreading().predict(X)
    with pytest.raises(ValueError, match="at least two"):
        TunedLabelSpreading().fit(X, np.where(codes == 1, 1, -1))


def test_a_warm_start_is_none_with_other_classes(rng: np.random.Generator) -> None:
    y = np.tile([0, 1], 40)
    X = rng.normal(size=(80, 3)) + y[:, None]
    trees = HistGradientBoostingClassifier(max_iter=3, warm_start=True, random_state=0)
    model = BalancedClassifier(trees).fit(X, y)
    assert model.fit(X, y + 5).predict_proba(X).shape == (80, 2)
    assert model.estimator_.n_iter_ == 3
