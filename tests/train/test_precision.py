"""Training with matrix products in bfloat16."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from scrna_longformer import datasets
from scrna_longformer.dataloaders import CellMatrix
from scrna_longformer.graph import GeneGraph, gene_knn
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.train import LongformerClassifier, TrainConfig
from scrna_longformer.train._runner import TrainingRun


@pytest.fixture(scope="module")
def cells() -> tuple[np.ndarray, np.ndarray]:
    adata = datasets.simulate_interactions(300, kind="mean", mean_effect=0.7)
    values = np.log1p(np.asarray(adata.X.todense(), dtype=np.float32))
    return values, adata.obs["mean_type"].cat.codes.to_numpy().astype(int)


class Products(TorchFunctionMode):
    """Notes the types of numbers that linear layers give."""

    def __init__(self) -> None:
        super().__init__()
        self.dtypes: set[torch.dtype] = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        if func is torch.nn.functional.linear:
            self.dtypes.add(output.dtype)
        return output


def run_of(cells: tuple, precision: str, tokens: str = "all") -> TrainingRun:
    values, codes = cells
    config = LongformerConfig.from_preset(
        "tiny", n_genes=values.shape[1], n_classes=4, tokens=tokens
    )
    graph = GeneGraph.from_scipy(gene_knn(values, 4)[0])
    torch.manual_seed(0)
    return TrainingRun(
        GeneLongformer(config, graph),
        CellMatrix(values, np.arange(values.shape[1])),
        codes,
        train_index=np.arange(200),
        stopping_index=np.arange(200, 300),
        config=TrainConfig(precision=precision),
        accelerator="cpu",
        random_state=0,
    )


@pytest.mark.parametrize("tokens", ["all", "expressed"])
def test_products_are_rounded_and_nothing_that_is_kept(cells: tuple, tokens: str) -> None:
    exact, rounded = (run_of(cells, p, tokens) for p in ("32-true", "bf16-mixed"))
    assert exact.stopping_loss() == rounded.stopping_loss()  # evaluation is in float32
    losses, dtypes = [], []
    for run in (exact, rounded):
        with Products() as products:
            losses.append([float(run.update(step)) for step in range(20)][-1])
        dtypes.append(products.dtypes)
    assert dtypes == [{torch.float32}, {torch.bfloat16}]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    for parameter in rounded.model.parameters():
        assert parameter.dtype == torch.float32
        assert parameter.grad is None or parameter.grad.dtype == torch.float32


def test_it_learns_as_well_and_to_the_same_bits_each_time(cells: tuple) -> None:
    X, codes = cells

    def fitted(precision: str) -> np.ndarray:
        model = LongformerClassifier(
            "tiny",
            offset=None,
            accelerator="cpu",
            # without cells that choose the weights: they might choose those before any training
            train_options={"max_steps": 300, "precision": precision, "stopping_fraction": 0.0},
        ).fit(X[:200], codes[:200])
        return model.predict_proba(X[200:])

    exact, rounded, again = (fitted(p) for p in ("32-true", "bf16-mixed", "bf16-mixed"))
    np.testing.assert_array_equal(rounded, again)
    assert (exact != rounded).any()
    accuracy = [(p.argmax(axis=1) == codes[200:]).mean() for p in (exact, rounded)]
    assert accuracy[1] > accuracy[0] - 0.05
    assert accuracy[0] > 0.5  # chance is 0.25
