"""Whether products of linked genes say what a model that is linear in the genes does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.special import log_softmax

from .._random import generator
from ..evaluation._inner_folds import inner_folds
from ..evaluation._scaling import LogitScaling, floored_log
from ..nn._config import WITH_PAIRS
from ..nn._products import LinkedProducts, attending_pairs

if TYPE_CHECKING:
    from ..dataloaders._moments import Cells
    from ..nn._longformer import GeneLongformer

MOST_PAIRS = 20_000  # their products are dense
_MOST_CELLS = 2_000  # at a time, and that judge
_N_FOLDS = 5
_STEPS = np.logspace(-4, 1, 41)
_EVIDENT = 3.0  # standard errors
_WORTHWHILE = 0.01  # nats per cell; where all cells are right a gain is certain and tiny


def products_of(model: GeneLongformer) -> LinkedProducts | None:
    """Return products of the genes that attend to each other, without statistics, if there are any."""
    if model.config.attention not in WITH_PAIRS:
        return None
    pairs = attending_pairs(model.config, model.graph)
    return LinkedProducts(pairs, model.config.d_model) if 0 < len(pairs) <= MOST_PAIRS else None


def say_more(
    products: LinkedProducts,
    model: GeneLongformer,
    cells: Cells,
    codes: np.ndarray,
    rows: np.ndarray,
    proba: np.ndarray,
    *,
    seed: int,
) -> bool:
    """Whether products explain what held-out predictions leave over.

    Parameters
    ----------
    products
        Products of tokens.
    model
        Has the standardiser of the tokens.
    cells, codes
        Expression and class of all cells.
    rows
        The cells that judge; 2,000 of them where there are more.
    proba
        Probabilities of these by a model linear in the genes that was not fitted to them,
        ``(rows, n_classes)``; they are calibrated first.
    seed
        Seed of the folds.

    Notes
    -----
    One step of gradient boosting by a linear learner: on four fifths of the cells, the direction in
    which a linear map of the products raises the log-likelihood fastest, which is their covariance
    with what the probabilities leave over; on the other fifth, what a step in it gains. The step is as
    long as is best for all cells. The products are taken where the mean gain is above three standard
    errors, and above 0.01. Where single genes tell the classes apart their products do as well, but add
    nothing to them, and models that are fitted to both are the worse for it.

    References
    ----------
    Friedman (2001), Greedy function approximation: a gradient boosting machine, Annals of Statistics
    29, 1189-1232.
    """
    if len(rows) > _MOST_CELLS:
        drawn = np.sort(generator(seed).choice(len(rows), _MOST_CELLS, replace=False))
        rows, proba = rows[drawn], proba[drawn]
    codes, values = codes[rows], _standardized(products, model, cells, rows)
    proba = LogitScaling.fit(proba, codes)(proba)
    cell, logits = np.arange(len(codes)), floored_log(proba)
    left = np.eye(proba.shape[1])[codes] - proba
    direction = np.zeros_like(logits)
    folds = inner_folds(codes, _N_FOLDS, seed % 2**32)
    for train, test in folds:
        direction[test] = values[test] @ (values[train].T @ left[train]) / len(train)
    before = log_softmax(logits, axis=1)[cell, codes]
    gains = [log_softmax(logits + s * direction, axis=1)[cell, codes] - before for s in _STEPS]
    gain = max(gains, key=np.mean)
    least = max(_WORTHWHILE, _EVIDENT * gain.std(ddof=1) / np.sqrt(len(gain)))
    return bool(gain.mean() > least)


def _standardized(
    products: LinkedProducts, model: GeneLongformer, cells: Cells, rows: np.ndarray
) -> np.ndarray:
    z = _token_scores(model, cells, rows)
    found = products.products(z)
    products.set_statistics(found.mean(dim=0), found.std(dim=0, correction=0))
    return products.standardized(z).numpy()


def set_statistics(model: GeneLongformer, cells: Cells) -> None:
    """Give a model's products their mean and spread in all cells."""
    products = model.products
    assert products is not None
    total = torch.zeros(2, products.n_pairs, dtype=torch.float64)
    for start in range(0, len(cells), _MOST_CELLS):
        rows = np.arange(start, min(start + _MOST_CELLS, len(cells)))
        block = products.products(_token_scores(model, cells, rows)).double()
        total += torch.stack([block.sum(dim=0), block.square().sum(dim=0)])
    mean, square = total / len(cells)
    products.set_statistics(mean, (square - mean.square()).clamp_min(0).sqrt())


def _token_scores(model: GeneLongformer, cells: Cells, rows: np.ndarray) -> torch.Tensor:
    values = torch.from_numpy(cells.rows(rows))
    return model.standardizer(values)[:, : model.config.n_genes]
