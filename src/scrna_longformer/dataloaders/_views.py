"""What a model reads of cells: values of its tokens, then of the genes that enter linearly."""

from __future__ import annotations

import numpy as np

from ..features._depth import AffineMap
from ._cells import CellMatrix, Matrix
from ._joined_cells import JoinedCells
from ._mapped_cells import MappedCells
from ._moments import Cells
from ._residual_cells import ResidualCells


def model_cells(
    X: Matrix,
    columns: np.ndarray,
    *,
    tokens: np.ndarray,
    linear: np.ndarray,
    share: np.ndarray,
    fill: np.ndarray | None = None,
    maps: tuple[AffineMap, AffineMap] | None = None,
) -> Cells:
    """Return the view of `X` that a model is trained on, or predicts.

    Parameters
    ----------
    X
        Cells x genes log values, dense or CSR.
    columns
        Column of `X` for each gene of the vocabulary; -1 for a gene that `X` does not have.
    tokens, linear
        Positions in the vocabulary of the tokens, and of the genes that enter linearly.
    share
        Share of each gene of the vocabulary in the counts of the training cells, where token values
        are Pearson residuals; empty where they are the values as given.
    fill
        Value of each gene that `X` does not have, ``(n_tokens + n_linear,)``.
    maps
        What the values of tokens and those of the genes that enter linearly are put through, by gene
        of the vocabulary.

    Examples
    --------
    >>> X, every = np.eye(3, dtype="f4"), np.arange(3)
    >>> cells = model_cells(X, every, tokens=every[1:], linear=every[:1], share=np.empty(0))
    >>> cells.rows(np.array([0]))
    array([[0., 0., 1.]], dtype=float32)
    """
    n_tokens = len(tokens)
    of_tokens, of_linear = (None, None) if fill is None else (fill[:n_tokens], fill[n_tokens:])
    values: Cells
    if len(share):
        values = ResidualCells(X, columns, tokens, share, of_tokens)
    else:
        values = CellMatrix(X, columns[tokens], of_tokens)
    others: Cells = CellMatrix(X, columns[linear], of_linear)
    if maps is not None:
        values = MappedCells(values, maps[0], tokens)
        others = MappedCells(others, maps[1], linear)
    return JoinedCells(values, others) if len(linear) else values
