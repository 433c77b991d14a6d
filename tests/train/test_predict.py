from __future__ import annotations

import numpy as np
import pytest
import torch

from scrna_longformer.dataloaders import CellMatrix
from scrna_longformer.graph import GeneGraph
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.train import LongformerClassifier, _predict


@pytest.fixture
def model() -> GeneLongformer:
    torch.manual_seed(0)
    model = GeneLongformer(LongformerConfig(n_genes=8, n_classes=3), GeneGraph.full(8))
    torch.nn.init.normal_(model.head.weight)
    return model


@pytest.fixture
def cells(rng: np.random.Generator) -> CellMatrix:
    return CellMatrix(rng.random((50, 8)).astype(np.float32), np.arange(8))


def test_batches_do_not_change_a_prediction(model, cells, monkeypatch) -> None:
    whole = _predict.predict(model, cells)
    monkeypatch.setattr(_predict, "BATCH_ELEMENTS", 8 * 16 * 7)
    parts = _predict.predict(model, cells)
    np.testing.assert_allclose(parts.proba, whole.proba, atol=1e-6)
    np.testing.assert_allclose(parts.embedding, whole.embedding, rtol=1e-5, atol=1e-6)


def test_cells_can_be_chosen(model, cells) -> None:
    index = np.array([7, 3])
    part = _predict.predict(model, cells, index)
    np.testing.assert_allclose(part.proba, _predict.predict(model, cells).proba[index], atol=1e-6)


def test_training_mode_comes_back_as_it_was(model, cells) -> None:
    model.train()
    _predict.predict(model, cells)
    assert model.training


def test_a_doubted_device_is_compared_with_the_cpu(model, cells, monkeypatch) -> None:
    """The CPU plays the doubted device; its copy for comparison gets other weights."""
    monkeypatch.setattr(_predict, "DOUBTED", ("cpu",))
    _predict.predict(model, cells)  # agrees with itself: no warning

    def spoiled(original: GeneLongformer) -> GeneLongformer:
        copy = GeneLongformer(original.config, original.graph).eval()
        copy.load_state_dict(original.state_dict())
        with torch.no_grad():
            copy.head.bias[0] += 0.1
        return copy

    monkeypatch.setattr(_predict, "deepcopy", spoiled)
    with pytest.warns(UserWarning, match=r"differ from those on the CPU by up to 0\.0"):
        _predict.predict(model, cells)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_learns_what_the_cpu_learns(rng: np.random.Generator) -> None:
    codes = np.arange(200) % 3
    X = (rng.random((200, 40)) + (np.arange(40) % 3 == codes[:, None])).astype(np.float32)
    options = {"max_steps": 300}
    for accelerator in ("cpu", "cuda"):
        model = LongformerClassifier(
            "small", n_neighbors=5, train_options=options, accelerator=accelerator
        ).fit(X, codes)
        assert (model.predict(X) == codes).mean() > 0.95
    assert next(model.fitted_.model.parameters()).device.type == "cuda"
