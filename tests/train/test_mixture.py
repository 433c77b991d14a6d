"""A simple model, and how much of the transformer's correction is used."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse
from scipy.integrate import quad
from scipy.special import softmax
from sklearn.neighbors import KNeighborsClassifier

from scrna_longformer.evaluation import SimpleMean
from scrna_longformer.evaluation._scaling import LogitScaling
from scrna_longformer.train import LongformerClassifier, _classifier, _predict
from scrna_longformer.train._mixture import Mixture, choose_gate
from scrna_longformer.train._predict import Prediction
from scrna_longformer.train._wide import LinearMember, WidePart


@pytest.fixture(scope="module", params=[2, 3], ids=["two classes", "three classes"])
def cells(request) -> tuple[sparse.csr_matrix, np.ndarray]:
    rng = np.random.default_rng(3)
    codes = np.arange(150) % request.param
    counts = rng.poisson(rng.gamma(1.0, 2.0, size=60) * (1 + 2 * np.eye(60)[codes]))
    X = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    return sparse.csr_matrix(X.astype(np.float32)), codes


@pytest.fixture(scope="module")
def simple(cells) -> SimpleMean:
    return SimpleMean(40, 10).fit(*cells)


def test_arrays_predict_what_scikit_learn_does(cells, simple):
    X, codes = cells
    wide = WidePart.from_simple_mean(simple, X, codes)
    is_present = np.ones(X.shape[1], dtype=bool)
    proba = wide.predict_proba(X.toarray(), is_present)
    np.testing.assert_allclose(proba, simple.predict_proba(X), atol=1e-5)
    again = WidePart.from_arrays(wide.to_arrays())
    np.testing.assert_array_equal(again.predict_proba(X.toarray(), is_present), proba)


def test_genes_may_stand_in_another_order_and_among_others(cells, simple):
    X, codes = cells
    wide = WidePart.from_simple_mean(simple, X, codes)
    columns = np.random.default_rng(0).permutation(X.shape[1])
    position = np.argsort(columns)
    mixture = Mixture(wide.renumbered(position), gate=0.0)
    np.testing.assert_allclose(mixture.simple_proba(X, columns), simple.predict_proba(X), atol=1e-5)


def test_absent_genes_say_nothing(cells, simple):
    """Whatever stands in their columns."""
    X, codes = cells
    wide = WidePart.from_simple_mean(simple, X, codes)
    is_present = np.arange(X.shape[1]) % 4 > 0
    other = X.toarray()
    other[:, ~is_present] = 99.0
    np.testing.assert_array_equal(
        wide.predict_proba(other, is_present), wide.predict_proba(X.toarray(), is_present)
    )


def test_a_gene_that_is_absent_stands_where_it_speaks_for_no_class(rng):
    """With independent genes: the discriminant of those that are left, whatever is added to weights."""
    means, codes = rng.normal(size=(4, 30)), np.arange(4)
    zeros, ones = np.zeros(30), np.ones(30, dtype=np.float32)

    def discriminant(genes, common=0.0):
        weight, intercept = means[:, genes].T, -(means[:, genes] ** 2).sum(axis=1) / 2
        scaling = LogitScaling(1.0, np.zeros(4))
        parts = zeros[genes], ones[genes], weight + common, intercept, scaling
        return LinearMember(genes, *parts, if_absent=np.zeros_like(weight))

    is_present = rng.random(30) < 0.5
    left = discriminant(np.flatnonzero(is_present))
    values = rng.normal(size=(9, 30)) + means[codes[rng.integers(4, size=9)]]
    expected = left.predict_proba(values, np.ones(30, dtype=bool))
    for common in (0.0, 0.3):
        whole = discriminant(np.arange(30), common).with_midpoints(means)
        there = np.where(is_present, values, np.nan)
        np.testing.assert_allclose(whole.predict_proba(there, is_present), expected, rtol=1e-5)


def test_gate_opens_for_a_correction_that_helps_and_for_no_other(rng):
    codes = rng.integers(3, size=400)
    unseen = np.arange(400) % 2 == 0
    simple = softmax(rng.normal(size=(400, 3)) + np.eye(3)[codes], axis=1)
    helps = 2.0 * np.eye(3)[codes] + rng.normal(size=(400, 3))
    assert choose_gate(simple, helps, codes, unseen) > 0.9
    assert choose_gate(simple, rng.normal(size=(400, 3)), codes, unseen) == 0.0
    assert choose_gate(simple, np.zeros((400, 3)), codes, unseen) == 0.0
    assert choose_gate(simple[:0], helps[:0], codes[:0], unseen[:0]) == 0.0


def test_gate_stays_shut_where_only_the_cells_that_chose_the_weights_gain(rng):
    codes = rng.integers(3, size=400)
    unseen = np.arange(400) >= 200
    simple = softmax(rng.normal(size=(400, 3)) + np.eye(3)[codes], axis=1)
    helps = 2.0 * np.eye(3)[codes]
    helps[unseen] = -0.2 * np.eye(3)[codes[unseen]]
    assert choose_gate(simple, helps, codes, ~unseen) > 0
    assert choose_gate(simple, helps, codes, unseen) == 0.0
    assert choose_gate(simple, helps, codes, np.zeros(400, dtype=bool)) == 0.0


def test_gate_opens_wider_the_more_cells_gain():
    """And not at all for so few that they are worth no more than a bare mention."""
    codes = np.arange(900) % 3
    simple = softmax(np.eye(3)[codes], axis=1)
    residual = np.eye(3)[codes]
    gates = [
        choose_gate(simple[:n], residual[:n], codes[:n], np.ones(n, dtype=bool))
        for n in (3, 30, 90, 900)
    ]
    assert gates[0] == 0.0
    assert gates[1] > 0.2  # what is believed before any cell has spoken
    assert np.all(np.diff(gates) > 0)
    assert gates[-1] > 0.9


@pytest.mark.parametrize("size", [1e-3, 0.1, 0.5])
@pytest.mark.parametrize("n_cells", [40, 400])
def test_gate_does_not_open_for_a_correction_that_says_nothing(rng, size: float, n_cells: int):
    """However small it is: the sign of a gain is a coin's."""
    opened = 0
    for _ in range(100):
        codes = rng.integers(4, size=n_cells)
        simple = softmax(rng.normal(size=(n_cells, 4)) + 2 * np.eye(4)[codes], axis=1)
        noise = size * rng.normal(size=(n_cells, 4))
        opened += choose_gate(simple, noise, codes, np.arange(n_cells) % 2 == 0) > 0
    assert opened <= 2


def test_gate_is_the_mean_of_the_weights_by_how_likely_they_are(rng):
    """Of a beta prior and the labels, here integrated by scipy."""
    codes = rng.integers(3, size=60)
    simple = softmax(rng.normal(size=(60, 3)) + np.eye(3)[codes], axis=1)
    residual = rng.normal(size=(60, 3)) + 0.7 * np.eye(3)[codes]
    rows = np.arange(60), codes
    ratio = softmax(np.log(simple) + residual, axis=1)[rows] / simple[rows]

    def density(gate):
        return np.prod(1 - gate + gate * ratio) * (1 - gate) ** 3

    total, _ = quad(density, 0, 1)
    mean = quad(lambda gate: gate * density(gate) / total, 0, 1)[0]
    assert 0.3 < mean < 0.8  # neither the prior's nor a sure thing
    gate = choose_gate(simple, residual, codes, np.ones(60, dtype=bool))
    assert gate == pytest.approx(mean, abs=0.01)


def test_a_wrong_correction_costs_no_more_than_the_gate_allows(cells, simple):
    X, codes = cells
    wide = WidePart.from_simple_mean(simple, X, codes)
    columns = np.arange(X.shape[1])
    wrong = -50.0 * np.eye(codes.max() + 1)[codes]
    deep = Prediction(embedding=wrong, proba=wrong, residual=wrong)
    without, mixed = (Mixture(wide, gate).predict_proba(X, columns, deep) for gate in (0.0, 0.4))
    rows = np.arange(len(codes))
    np.testing.assert_allclose(mixed.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(mixed[rows, codes], 0.6 * without[rows, codes], atol=1e-6)


def test_with_the_gate_shut_the_prediction_is_the_simple_models(monkeypatch):
    """And the embedding, trained with a head of its own, still tells the classes apart."""
    rng = np.random.default_rng(3)
    codes = np.arange(200) % 3
    marks = np.arange(40) % 4 == codes[:, None]
    counts = rng.poisson(np.where(marks, 8.0, 2.0))
    X = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    monkeypatch.setattr("scrna_longformer.train._classifier.choose_gate", lambda *_: 0.0)
    options = {"max_steps": 400, "batch_size": 16}
    model = LongformerClassifier("tiny", n_neighbors=5, train_options=options).fit(X, codes)
    assert model.gate_ == 0
    alone = model.fitted_.mixture.simple_proba(X, model.vocabulary_)
    np.testing.assert_allclose(model.predict_proba(X), alone, atol=1e-6)
    train, test = np.arange(200) < 130, np.arange(200) >= 130
    embedding = model.embed(X)
    neighbours = KNeighborsClassifier(5).fit(embedding[train], codes[train])
    assert neighbours.score(embedding[test], codes[test]) > 0.9


@pytest.mark.filterwarnings("ignore:LongformerClassifier")  # few updates
def test_the_stopping_loss_does_not_depend_on_batches(monkeypatch, rng):
    y = np.repeat([0, 1, 2], [200, 120, 20])  # sorted by class, so that batches are unlike
    X = np.log1p(rng.poisson(1 + 2.0 * (np.arange(24) % 3 == y[:, None])))
    options = {"max_steps": 20, "evaluate_every": 10, "stopping_fraction": 0.3}

    def losses() -> np.ndarray:
        model = LongformerClassifier("tiny", n_neighbors=3, train_options=options)
        return model.fit(X, y).result_.history["stopping_loss"]

    whole = losses()
    monkeypatch.setattr(_predict, "BATCH_ELEMENTS", 1)  # cell by cell
    np.testing.assert_allclose(losses(), whole, rtol=1e-4)


def test_names_of_choices_are_checked(cells):
    for option, value in (("offset", "linear"), ("input_transform", "sqrt")):
        with pytest.raises(ValueError, match=f"`{option}` must be"):
            LongformerClassifier(**{option: value}).fit(*cells)


def test_the_gate_is_told_which_cells_training_never_saw(monkeypatch, cells):
    from scrna_longformer.train import _classifier

    X, codes = cells
    seen = {}
    run = _classifier.run

    def spy(*args, train_index, stopping_index, **kwargs):
        seen["train"], seen["stopping"] = train_index, stopping_index
        return run(*args, train_index=train_index, stopping_index=stopping_index, **kwargs)

    def gate(simple, residual, gate_codes, unseen):
        seen["codes"], seen["unseen"] = gate_codes, unseen
        return 1.0

    monkeypatch.setattr(_classifier, "run", spy)
    monkeypatch.setattr(_classifier, "choose_gate", gate)
    options = {"max_steps": 2, "batch_size": 8, "gate_fraction": 0.2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two updates teach it nothing
        LongformerClassifier("tiny", n_neighbors=3, min_cells=2, train_options=options).fit(
            X, codes
        )
    rest = np.setdiff1d(np.arange(len(codes)), np.union1d(seen["train"], seen["stopping"]))
    assert len(rest) == len(codes) - len(seen["train"]) - len(seen["stopping"])
    assert len(rest) == pytest.approx(0.2 * len(codes), abs=3)
    assert np.array_equal(seen["codes"][seen["unseen"]], codes[rest])
    assert np.array_equal(seen["codes"][~seen["unseen"]], codes[seen["stopping"]])


def test_a_model_of_an_earlier_format_is_refused(cells):
    from scrna_longformer.train import FittedLongformer

    X, codes = cells
    options = {"max_steps": 2, "batch_size": 8}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two updates teach it nothing
        model = LongformerClassifier("tiny", n_neighbors=3, train_options=options).fit(X, codes)
    fitted = model.fitted_
    with pytest.raises(ValueError, match="version 2.*Fit it again"):
        FittedLongformer.from_arrays(
            fitted.model.config.to_json(),
            fitted.to_arrays(),
            genes=fitted.genes,
            classes=fitted.classes,
            format_version=2,
        )


def test_hybrid_and_contestant_correct_the_same_simple_model(cells):
    X, codes = cells
    options = {"max_steps": 2, "batch_size": 8}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two updates teach it nothing
        model = LongformerClassifier("tiny", n_neighbors=3, train_options=options, random_state=7)
        model.fit(X, codes)
    alone = SimpleMean(random_state=7).fit(X, codes)
    found = model.fitted_.mixture.simple_proba(X, model.vocabulary_)
    np.testing.assert_allclose(found, alone.predict_proba(X), atol=1e-5)


def test_missing_genes_may_be_dropped_before_or_after_scaling(cells):
    """Totals are extended to them, so that both give the same values, and so the same predictions."""
    X, codes = cells
    options = {"max_steps": 30, "batch_size": 8}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few updates teach it little
        model = LongformerClassifier("tiny", n_neighbors=3, train_options=options).fit(X, codes)
    columns = model.vocabulary_.copy()
    columns[::3] = -1
    lacking = np.setdiff1d(np.arange(X.shape[1]), columns)
    before = X.toarray()
    before[:, lacking] = 0
    linear = np.expm1(before)
    after = np.log1p(linear / linear.sum(axis=1, keepdims=True) * 1e4)
    found = [model.fitted_.predict(query, columns) for query in (before, after)]
    np.testing.assert_allclose(found[0].proba, found[1].proba, atol=1e-5)
    np.testing.assert_allclose(found[0].embedding, found[1].embedding, atol=1e-4)
    as_sparse = model.fitted_.predict(sparse.csr_matrix(after), columns)
    np.testing.assert_allclose(as_sparse.proba, found[1].proba, atol=1e-6)


def test_genes_are_not_ranked_by_the_labels_of_the_cells_set_aside(monkeypatch):
    seen = []
    for name in ("rank_markers", "rank_f_test"):
        rank = getattr(_classifier, name)
        monkeypatch.setattr(
            _classifier,
            name,
            lambda X, codes, rank=rank: (seen.append(len(codes)), rank(X, codes))[1],
        )
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 50)
    X = np.log1p(rng.poisson(2, (100, 40)) + 2 * y[:, None] * (np.arange(40) < 5))
    options = {"max_steps": 10}
    with pytest.warns(UserWarning, match="LongformerClassifier"):
        _classifier.LongformerClassifier(
            "tiny", n_tokens=10, n_neighbors=3, train_options=options, accelerator="cpu"
        ).fit(X, y)
    assert seen == [80, 80]  # a tenth chooses the weights, another the gate
