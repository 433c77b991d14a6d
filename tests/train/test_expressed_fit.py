"""Training, saving and predicting with only expressed genes as tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from scrna_longformer.dataloaders import CellMatrix
from scrna_longformer.graph import GeneGraph
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.train import LongformerClassifier, load_folder, save_folder
from scrna_longformer.train._device import attention_backend
from scrna_longformer.train._warm_start import logistic_start

N_GENES = 60


@pytest.fixture
def labelled(rng: np.random.Generator) -> tuple[sparse.csr_matrix, np.ndarray]:
    codes = np.arange(150) % 3
    rate = 0.1 + 0.5 * (np.arange(N_GENES) % 6 == codes[:, None])
    values = rng.gamma(4, 0.3, (150, N_GENES)) * (rng.random((150, N_GENES)) < rate)
    values[0] = 0
    return sparse.csr_matrix(values.astype(np.float32)), codes


def fitted(X: sparse.csr_matrix, codes: np.ndarray) -> LongformerClassifier:
    return LongformerClassifier(
        "tiny",
        n_tokens="all",
        n_neighbors=5,
        offset=None,
        input_transform="log",
        model_options={"tokens": "expressed"},
        train_options={"max_steps": 300, "evaluate_every": 100},
        accelerator="cpu",
    ).fit(X, codes)


@pytest.mark.parametrize("accelerator", ["cuda", "mps"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, "sdpa"), ({"tokens": "expressed"}, "gather"), ({"attention_dropout": 0.1}, "gather")],
)
def test_record_off_the_cpu_is_what_the_layer_chooses(
    accelerator: str, options: dict, expected: str
) -> None:
    config = LongformerConfig(n_genes=N_GENES, n_classes=3, **options)
    assert attention_backend(config, accelerator) == expected
    assert attention_backend(config, "cpu") == "numba"


def test_starts_at_logistic_regression(labelled) -> None:
    X, codes = labelled
    config = LongformerConfig(n_genes=N_GENES, n_classes=3, tokens="expressed")
    model = GeneLongformer(config, GeneGraph.full(N_GENES)).eval()
    cells = CellMatrix(X, np.arange(N_GENES))
    mean, sd = cells.moments(np.arange(150))
    model.standardizer.set_statistics(torch.from_numpy(mean), torch.from_numpy(sd))
    penalty = logistic_start(model, cells, codes, np.arange(150), seed=0).penalty
    z = StandardScaler().fit_transform(X.toarray().astype(np.float64))
    regression = LogisticRegression(C=penalty, class_weight="balanced", max_iter=5000).fit(z, codes)
    found = model(torch.from_numpy(X.toarray())).logits.softmax(1).detach().numpy()
    np.testing.assert_allclose(found, regression.predict_proba(z), atol=2e-3)


def test_learns_repeats_saves_and_predicts_without_some_genes(labelled, tmp_path: Path) -> None:
    X, codes = labelled
    first, again = fitted(X, codes), fitted(X.toarray(), codes)  # type: ignore[arg-type]
    proba = first.predict_proba(X)
    assert (proba.argmax(1) == codes).mean() > 0.9
    assert np.array_equal(proba, again.predict_proba(X))  # same bits, however it is stored
    save_folder(first.fitted_, tmp_path)
    loaded = load_folder(tmp_path)
    assert loaded.model.config.tokens == "expressed"
    columns = np.arange(N_GENES)
    assert np.array_equal(loaded.predict(X, columns).proba, proba)

    columns[::6] = -1  # every marker of the first class
    partial = X.toarray()
    partial[:, ::6] = first.fitted_.model.standardizer.mean[::6].numpy()
    z = first.fitted_.model.standardizer(torch.from_numpy(partial))
    assert (z[:, ::6] == 0).all()
    without = loaded.predict(X, columns)
    expected = first.fitted_.model(torch.from_numpy(partial)).embedding.detach().numpy()
    np.testing.assert_allclose(without.embedding, expected, rtol=1e-4, atol=1e-5)
    assert not np.allclose(without.proba, proba, atol=0.05)
