"""Run a model over many cells."""

from __future__ import annotations

import warnings
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..dataloaders._moments import Cells
from ..nn._config import LongformerConfig
from ..nn._longformer import GeneLongformer

# Activations of one inference batch: tokens x width, a few megabytes that stay in the cache.
BATCH_ELEMENTS = 2**20
# Devices whose kernels have given wrong results in silence: their first batch is checked.
DOUBTED = ("mps",)
LARGEST_DIFFERENCE = 1e-3


@dataclass(frozen=True)
class Prediction:
    """What a model says about cells.

    Attributes
    ----------
    proba
        Class probabilities, ``(cells, n_classes)`` float32.
    embedding
        Pooled representations, ``(cells, d_model)`` float32.
    residual
        What a model with a residual head adds to other logits, ``(cells, n_classes)`` float32.
    depth
        Share of the molecules of a training cell that the cells were taken to have.
    """

    proba: np.ndarray
    embedding: np.ndarray
    residual: np.ndarray | None = None
    depth: float = 1.0


def inference_batch_size(config: LongformerConfig) -> int:
    """Cells per inference batch: a function of the model's sizes alone, so results are repeatable."""
    return int(np.clip(BATCH_ELEMENTS // config.activations_per_cell, 1, 1024))


@torch.inference_mode()
def predict(model: GeneLongformer, cells: Cells, index: np.ndarray | None = None) -> Prediction:
    """Predict these cells (all by default) in evaluation mode, batch by batch."""
    index = np.arange(len(cells)) if index is None else index
    device = next(model.parameters()).device
    size = inference_batch_size(model.config)
    was_training = model.training
    model.eval()
    proba = np.empty((len(index), model.config.n_classes), dtype=np.float32)
    embedding = np.empty((len(index), model.config.d_model), dtype=np.float32)
    residual = np.empty_like(proba) if model.config.residual_head else None
    for start in range(0, len(index), size):
        rows = slice(start, start + size)
        values = torch.from_numpy(cells.rows(index[rows]))
        output = model(values.to(device))
        proba[rows] = output.logits.float().softmax(dim=1).cpu().numpy()
        if start == 0 and device.type in DOUBTED:
            _compare_with_cpu(model, values, proba[rows])
        embedding[rows] = output.embedding.float().cpu().numpy()
        if residual is not None:
            residual[rows] = output.residual.float().cpu().numpy()
    model.train(was_training)
    return Prediction(proba, embedding, residual)


def _compare_with_cpu(model: GeneLongformer, values: Tensor, proba: np.ndarray) -> None:
    """Warn if a batch's probabilities differ from those that the CPU computes."""
    on_cpu = deepcopy(model).cpu()(values).logits.softmax(dim=1).numpy()
    difference = float(np.abs(on_cpu - proba).max())
    if difference > LARGEST_DIFFERENCE:
        device = next(model.parameters()).device
        msg = (
            f"Probabilities on {device} differ from those on the CPU by up to {difference:.2g}. "
            "Use accelerator='cpu', and please report this with your version of torch "
            f"({torch.__version__})."
        )
        warnings.warn(msg, UserWarning, stacklevel=2)
