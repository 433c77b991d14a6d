"""The discriminant analysis against scikit-learn's, which solves it in another way."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from scrna_longformer.evaluation._shrunken_lda import ShrunkenLDA


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("shrinkage", [0.1, 0.6, 1.0])
@pytest.mark.parametrize("n_cells", [30, 300])
def test_it_is_the_model_of_scikit_learn(
    rng: np.random.Generator, n_classes: int, shrinkage: float, n_cells: int
) -> None:
    codes = np.arange(n_cells) % n_classes
    codes[: n_cells // 3] = 0  # classes of unequal size
    X = rng.normal(size=(n_cells, 40)) * rng.uniform(0.1, 2, size=40) + codes[:, None] / 4
    queries = rng.normal(size=(50, 40))
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(X, codes)
    ours = ShrunkenLDA(shrinkage).fit(X, codes)
    for name in ("classes_", "priors_", "means_", "coef_", "intercept_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-8)
    np.testing.assert_allclose(
        ours.predict_proba(queries), theirs.predict_proba(queries), atol=1e-9
    )


def test_float32_is_near_float64(rng: np.random.Generator) -> None:
    codes = np.arange(90) % 3
    X = rng.normal(size=(90, 200)) + codes[:, None] / 4
    found = ShrunkenLDA().fit(X.astype(np.float32), codes).predict_proba(X.astype(np.float32))
    np.testing.assert_allclose(found, ShrunkenLDA().fit(X, codes).predict_proba(X), atol=1e-4)


def test_a_class_of_one_cell_and_genes_without_spread(rng: np.random.Generator) -> None:
    codes = np.r_[np.arange(20) % 2, 2]
    X = np.column_stack([rng.normal(size=(21, 3)), np.zeros(21)])
    proba = ShrunkenLDA().fit(X, codes).predict_proba(X)
    assert np.isfinite(proba).all()
    assert proba.shape == (21, 3)


def test_classes_without_any_spread_are_told_apart() -> None:
    codes = np.repeat([0, 1, 2], 4)
    X = np.eye(3)[codes]
    assert (ShrunkenLDA().fit(X, codes).predict(X) == codes).all()


def test_shrinkage_can_be_tuned() -> None:
    assert clone(ShrunkenLDA()).set_params(shrinkage=0.9).get_params() == {"shrinkage": 0.9}
