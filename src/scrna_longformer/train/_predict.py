"""Run a model over many cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..dataloaders._cells import CellMatrix
from ..nn._config import LongformerConfig
from ..nn._longformer import GeneLongformer

# Activations of one inference batch: tokens x width, a few megabytes that stay in the cache.
BATCH_ELEMENTS = 2**20


@dataclass(frozen=True)
class Prediction:
    """What a model says about cells.

    Attributes
    ----------
    proba
        Class probabilities, ``(cells, n_classes)`` float32.
    embedding
        Pooled representations, ``(cells, d_model)`` float32.
    """

    proba: np.ndarray
    embedding: np.ndarray


def inference_batch_size(config: LongformerConfig) -> int:
    """Cells per inference batch: a function of the model's sizes alone, so results are repeatable."""
    elements_per_cell = config.n_genes * config.d_model
    return int(np.clip(BATCH_ELEMENTS // elements_per_cell, 1, 1024))


@torch.inference_mode()
def predict(
    model: GeneLongformer, cells: CellMatrix, index: np.ndarray | None = None
) -> Prediction:
    """Predict these cells (all by default) in evaluation mode, batch by batch."""
    index = np.arange(len(cells)) if index is None else index
    device = next(model.parameters()).device
    size = inference_batch_size(model.config)
    was_training = model.training
    model.eval()
    proba = np.empty((len(index), model.config.n_classes), dtype=np.float32)
    embedding = np.empty((len(index), model.config.d_model), dtype=np.float32)
    for start in range(0, len(index), size):
        rows = slice(start, start + size)
        output = model(torch.from_numpy(cells.rows(index[rows])).to(device))
        proba[rows] = output.logits.float().softmax(dim=1).cpu().numpy()
        embedding[rows] = output.embedding.float().cpu().numpy()
    model.train(was_training)
    return Prediction(proba=proba, embedding=embedding)
