"""The model that training begins with: which parts it has, and their first weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .._random import seed
from ._products import products_of, say_more, set_statistics
from ._warm_start import choose_penalty, logistic_start

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from ..dataloaders._moments import Cells
    from ..nn._config import LongformerConfig
    from ..nn._longformer import GeneLongformer

_REGRESSION, _PRODUCTS = 12, 15  # names of the random streams


def starting_model(
    make: Callable[[LongformerConfig], GeneLongformer],
    config: LongformerConfig,
    cells: Cells,
    codes: np.ndarray,
    rows: np.ndarray,
    out_of_fold: np.ndarray | None,
    *,
    products: bool | None,
    warm_start: bool | None,
    random_state: int,
) -> GeneLongformer:
    """Return a model with products of linked genes where they are wanted, and its first weights.

    Parameters
    ----------
    make
        Makes a fresh model of a config, its standardiser set; always the same for the same config.
    config
        Of a model without products.
    cells, codes
        Expression and class of all cells.
    rows
        The cells that give gradients. Everything that needs a class is learned from these.
    out_of_fold
        Held-out probabilities of all cells by the model that is to be corrected, if there is one.
    products, warm_start
        As in :class:`LongformerClassifier`.
    random_state
        Seed of the folds in which evidence and penalty are found.
    """
    model = make(config)
    is_linear, regression = config.holds_linear_model, seed(random_state, _REGRESSION)
    penalty, held_out = None, None if out_of_fold is None else out_of_fold[rows]
    if held_out is None and is_linear and (products is None or warm_start is not False):
        penalty, held_out = choose_penalty(model, cells, codes, rows, seed=regression)
    found = None if products is False else products_of(model)
    if found is not None and products is None:
        folds = seed(random_state, _PRODUCTS)
        if not (
            is_linear
            and held_out is not None
            and say_more(found, model, cells, codes, rows, held_out, seed=folds)
        ):
            found = None
    if found is not None:
        model = make(replace(config, n_pairs=found.n_pairs))
        set_statistics(model, cells)
        penalty = None  # what was chosen is for fewer features
    if warm_start is None:
        warm_start = out_of_fold is None or found is not None
    if warm_start and is_linear:
        logistic_start(model, cells, codes, rows, seed=regression, penalty=penalty)
    return model
