"""Nothing that is learned may depend on test cells: not a bit, for any contestant."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin

from scrna_longformer.evaluation import (
    BASELINES,
    MORE_BASELINES,
    Split,
    _baselines,
    _more_baselines,
    cross_validate,
    make_splits,
    terms_of,
)
from scrna_longformer.evaluation._benchmark import build
from scrna_longformer.tl._contestants._registry import CONTESTANTS
from scrna_longformer.train import LongformerClassifier

N_GENES = 30
CANARY = N_GENES  # a gene that only test cells express, and that spells their labels
FEW: dict[str, Any] = {
    "n_neighbors": 4,
    "train_options": {"max_steps": 10, "batch_size": 16},
}
CHOOSING = {"n_tokens": 12, "model_options": {"n_linear": 20}}  # of the genes
FEWER_GENES = 12  # than there are, so that models that choose genes have a choice


def can_run(model: Any) -> bool:
    """Whether what a contestant needs is installed here."""
    package, obstacle = terms_of(model).package, terms_of(model).obstacle
    return (not package or find_spec(package) is not None) and not (obstacle and obstacle())


SIMPLE = {**BASELINES, **MORE_BASELINES, **CONTESTANTS}
MODELS: dict[str, Any] = {
    **{name: model for name, model in SIMPLE.items() if can_run(model)},
    "longformer": LongformerClassifier("tiny", **FEW),
    "longformer, choosing": LongformerClassifier("tiny", **FEW, **CHOOSING),
    "longformer_pure, choosing": LongformerClassifier("tiny", offset=None, **FEW, **CHOOSING),
}

# scaled by a held-out part of the training cells, or by out-of-fold probabilities that they keep
SCALED = ("nearest_centroid", "label_spreading", "logistic_regression", "random_forest")


class Witness(ClassifierMixin, BaseEstimator):
    """A contestant that also predicts its training cells, as a print of all it has learned."""

    prints: list[np.ndarray] = []  # noqa: RUF012

    def __init__(self, name: str, random_state: int = 0) -> None:
        self.name = name
        self.random_state = random_state

    def fit(self, X: Any, y: np.ndarray) -> Witness:
        self.inner_ = build(MODELS[self.name], self.random_state).fit(X, y)
        self.classes_ = self.inner_.classes_
        if (kept := getattr(self.inner_, "out_of_fold_", None)) is not None:
            self.out_of_fold_ = kept
            Witness.prints.append(kept)
        Witness.prints.append(self.inner_.predict_proba(X).copy())
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        return self.inner_.predict_proba(X)


@pytest.fixture
def fewer_genes(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (_baselines, _more_baselines):
        for name in vars(module):
            if name.startswith("N_GENES"):
                monkeypatch.setattr(module, name, FEWER_GENES)


@pytest.fixture(scope="module")
def cells() -> tuple[np.ndarray, np.ndarray, Split]:
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.arange(90) % 3)
    rate = np.where(np.arange(N_GENES) % 6 == codes[:, None], 3.0, 1.0)
    counts = rng.poisson(rate) + 1.0 * (rng.random(rate.shape) < 0.1)
    X = np.log1p(1e3 * counts / counts.sum(axis=1, keepdims=True))
    X = np.column_stack([X, np.zeros(90)])
    return X.astype(np.float32), codes, make_splits(codes, n_splits=3)[0]


@pytest.mark.usefixtures("fewer_genes")
@pytest.mark.filterwarnings("ignore:LongformerClassifier")  # 10 steps are too few to learn
@pytest.mark.parametrize(
    ("name", "calibrate"), [*((name, False) for name in MODELS), *((name, True) for name in SCALED)]
)
def test_test_cells_leave_no_trace_in_what_is_learned(
    cells: tuple[np.ndarray, np.ndarray, Split], name: str, calibrate: bool
) -> None:
    X, codes, split = cells
    changed = X.copy()
    changed[split.test] = np.random.default_rng(1).permuted(X[split.test], axis=1)
    changed[split.test, CANARY] = 5.0 * (codes[split.test] + 1)
    learned = []
    for version in (X, changed):
        Witness.prints = []
        matrix = sparse.csr_array(version)
        (result,) = cross_validate(
            {"w": Witness(name)}, matrix, codes, [split], calibrate=calibrate
        )
        learned.append([*Witness.prints, np.array(result.temperature)])
    # a print of the fit, and one of its out-of-fold probabilities or of a second fit
    assert len(learned[0]) >= 2 + calibrate
    for one, other in zip(*learned, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_print_tells_where_something_did_leak(
    cells: tuple[np.ndarray, np.ndarray, Split],
) -> None:
    X, codes, split = cells
    leaky = Split(0, 0, np.sort(np.append(split.train, split.test[0])), split.test)
    canary = X.copy()
    canary[split.test, CANARY] = 5.0 * (codes[split.test] + 1)
    Witness.prints = []
    for version in (X, canary):
        cross_validate(
            {"w": Witness("logistic_regression")}, sparse.csr_array(version), codes, [leaky]
        )
    before, after = Witness.prints[:2], Witness.prints[2:]  # out of fold, and of the fit
    assert not any(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
