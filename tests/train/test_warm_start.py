from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scrna_longformer.dataloaders import CellMatrix
from scrna_longformer.evaluation._prior_spread import PriorSpread
from scrna_longformer.evaluation._products import WithProducts
from scrna_longformer.graph import GeneGraph
from scrna_longformer.graph._pairs import linked_pairs
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.train import LongformerClassifier
from scrna_longformer.train._products import set_statistics
from scrna_longformer.train._warm_start import ChosenPenalty, logistic_start, start_correction


def cells_of(n_classes: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    codes = np.arange(120) % n_classes
    X = rng.random((120, 30)) + 0.5 * (np.arange(30) % n_classes == codes[:, None])
    return X.astype(np.float32), codes


def started(X: np.ndarray, codes: np.ndarray, **fields: object) -> tuple[GeneLongformer, float]:
    n_classes = int(codes.max()) + 1
    config = LongformerConfig(n_genes=30, n_classes=n_classes, **fields)  # type: ignore[arg-type]
    torch.manual_seed(0)
    model = GeneLongformer(config, GeneGraph.full(30)).eval()
    cells = CellMatrix(X, np.arange(30))
    mean, sd = cells.moments(np.arange(120))
    model.standardizer.set_statistics(torch.from_numpy(mean), torch.from_numpy(sd))
    if model.products is not None:
        set_statistics(model, cells)
    return model, logistic_start(model, cells, codes, np.arange(120), seed=0).penalty


@pytest.mark.parametrize("pooling", ["sum", "mean"])
@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_first_probabilities_are_those_of_scikit_learn(
    n_classes: int, pooling: str, rng: np.random.Generator
) -> None:
    X, codes = cells_of(n_classes, rng)
    model, penalty = started(X, codes, pooling=pooling)
    z = StandardScaler().fit_transform(X.astype(np.float64))
    regression = LogisticRegression(C=penalty, class_weight="balanced", max_iter=5000).fit(z, codes)
    found = model(torch.from_numpy(X)).logits.softmax(1).detach().numpy()
    np.testing.assert_allclose(found, regression.predict_proba(z), atol=2e-3)


def test_products_start_at_the_regression_on_genes_and_products(rng: np.random.Generator) -> None:
    X, codes = cells_of(3, rng)
    pairs = linked_pairs(GeneGraph.full(30))
    model, penalty = started(X, codes, n_pairs=len(pairs))
    steps = make_pipeline(StandardScaler(), WithProducts(pairs), PriorSpread())
    features = steps.fit_transform(X.astype(float), codes)
    assert features.shape == (120, 30 + 435)
    regression = LogisticRegression(C=penalty, class_weight="balanced", max_iter=5000)
    expected = np.log(regression.fit(features, codes).predict_proba(features))
    found = model(torch.from_numpy(X)).logits.log_softmax(1).detach().numpy()
    # but for what calibrates them: one slope, and one offset per class
    differences, wanted = (x[:, 1:] - x[:, :1] for x in (found, expected))
    for mine, theirs in zip(differences.T, wanted.T, strict=True):
        assert np.corrcoef(mine, theirs)[0, 1] > 0.9999


def test_a_narrow_model_takes_the_closest_matrix_of_its_rank(rng: np.random.Generator) -> None:
    X, codes = cells_of(7, rng)
    wide, _ = started(X, codes, d_model=16)
    narrow, _ = started(X, codes, d_model=4, n_heads=1)

    def coefficients(model: GeneLongformer) -> np.ndarray:
        return (model.head.weight @ model.token.direction.T).detach().numpy()  # type: ignore[operator]

    u, s, v = np.linalg.svd(coefficients(wide), full_matrices=False)
    expected = (u[:, :4] * s[:4]) @ v[:4]
    np.testing.assert_allclose(coefficients(narrow), expected, atol=1e-4)


def test_columns_beyond_the_regression_are_left_to_training(rng: np.random.Generator) -> None:
    X, codes = cells_of(3, rng)
    model, _ = started(X, codes)
    assert torch.count_nonzero(model.head.weight[:, 3:]) == 0
    assert model.token.direction[:, 3:].detach().std() == pytest.approx(0.3, rel=0.1)  # type: ignore[index]


def test_divergence_is_told_and_the_best_weights_are_kept(rng: np.random.Generator) -> None:
    X, codes = cells_of(2, rng)
    options = {"max_steps": 400, "learning_rate": 1e20, "warmup": 0.0}
    model = LongformerClassifier(
        "tiny", offset=None, n_neighbors=5, train_options=options, accelerator="cpu"
    )
    with pytest.warns(UserWarning, match=r"diverged.*Lower learning_rate"):
        model.fit(X, codes)
    assert model.result_.best_step == 0
    assert (model.predict(X) == codes).mean() > 0.9


def test_without_cells_aside_the_shares_come_from_the_inner_folds(rng: np.random.Generator) -> None:
    """Training is class-balanced; what a rare class is short of, predictions of unseen cells tell."""
    codes = np.repeat([0, 1], [200, 20])
    X = rng.normal(size=(220, 8)).astype(np.float32) + 0.5 * codes[:, None]
    options = {"max_steps": 300, "stopping_fraction": 0.0}
    warm, cold = (
        LongformerClassifier(
            "tiny", offset=None, n_neighbors=3, products=False, warm_start=w, train_options=options
        ).fit(X, codes)
        for w in (True, False)
    )
    assert (warm.fitted_.scaling.slope, cold.fitted_.scaling.slope) == (1, 1)
    assert not cold.fitted_.scaling.offset.any()
    common, rare = warm.fitted_.scaling.shift
    assert common - rare > 1  # of log(200 / 20), as far as cells that nobody saw ask for it
    told, raw = (model.predict_proba(X)[:, 1] for model in (warm, cold))
    assert log_loss(codes, told) < log_loss(codes, raw) - 0.05


def test_additive_tokens_start_at_random(rng: np.random.Generator) -> None:
    X, codes = cells_of(2, rng)
    options = {"max_steps": 300, "batch_size": 32}
    model = LongformerClassifier(
        "tiny",
        offset=None,
        n_neighbors=5,
        model_options={"token": "additive"},
        train_options=options,
    ).fit(X, codes)
    assert model.result_.initial_loss == pytest.approx(np.log(2), rel=1e-5)


@pytest.mark.parametrize(("is_right", "least", "most"), [(0.9, 0.5, 1.0), (1 / 3, 0.0, 0.05)])
def test_a_correction_begins_with_what_it_adds(
    is_right: float, least: float, most: float, rng: np.random.Generator
) -> None:
    X, codes = cells_of(3, rng)
    model, _ = started(X, codes, n_pairs=435, residual_head=True)
    said = np.where(np.arange(120) % 30 < 30 * is_right, codes, (codes + 1 + codes % 2) % 3)
    held_out = 0.4 * np.eye(3)[said] + 0.2
    start_correction(model, np.full((120, 3), 1 / 3), ChosenPenalty(0.1, held_out), codes)
    assert model.residual_head is not None
    share = (model.residual_head.weight / model.head.weight)[:, :3].detach().numpy()
    np.testing.assert_allclose(share, share[0, 0], rtol=1e-4)
    assert least <= share[0, 0] <= most


def test_a_correction_without_held_out_cells_begins_with_nothing(rng: np.random.Generator) -> None:
    X, codes = cells_of(3, rng)
    model, _ = started(X, codes, n_pairs=435, residual_head=True)
    start_correction(model, np.full((120, 3), 1 / 3), ChosenPenalty(0.1, None), codes)
    assert model.residual_head is not None
    assert torch.count_nonzero(model.residual_head.weight) == 0
