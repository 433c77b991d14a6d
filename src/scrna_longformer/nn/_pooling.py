"""From the tokens of a cell to one vector: a sum over genes, scaled."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def pool_scale(pooling: str, n_genes: int) -> float:
    """Return what the sum over `n_genes` tokens is multiplied with.

    ``'sum'`` divides by the square root of the number of genes: independent tokens then give a
    vector of the same scale for any number of genes, and no normalisation follows that would take
    the cell's magnitude away. ``'mean'`` divides by the number of genes.

    Examples
    --------
    >>> pool_scale("sum", 400), pool_scale("mean", 400)
    (0.05, 0.0025)
    """
    return {"sum": n_genes**-0.5, "mean": 1 / n_genes}[pooling]


def sum_of_cells(tokens: Tensor, cell: np.ndarray, n_cells: int) -> Tensor:
    """Sum tokens ``(tokens, d)``, listed cell after cell, to ``(n_cells, d)``; none sum to zero.

    Cell by cell: adding by index is not deterministic on every device.

    Examples
    --------
    >>> sum_of_cells(torch.tensor([[1.0], [2.0], [3.0]]), np.array([0, 0, 2]), 3).tolist()
    [[3.0], [0.0], [3.0]]
    """
    if not n_cells:
        return tokens[:0]
    sizes = np.bincount(cell, minlength=n_cells).tolist()
    return torch.stack([of_cell.sum(dim=0) for of_cell in tokens.split(sizes)])
