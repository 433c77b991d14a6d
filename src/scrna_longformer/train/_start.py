"""The model that training begins with: which parts it has, and their first weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._random import seed
from ._products import products_of, say_more, set_statistics
from ._warm_start import choose_penalty, logistic_start, start_correction

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..dataloaders._moments import Cells
    from ..nn._config import LongformerConfig
    from ..nn._longformer import GeneLongformer

_REGRESSION, _PRODUCTS = 12, 15  # names of the random streams


class Start(NamedTuple):
    """A model before its first update.

    Attributes
    ----------
    model
        The model.
    shift
        What its logits lack, per class, ``(n_classes,)``: class-balanced training has taken the shares
        of the classes out of them, and the held-out predictions of a regression show how far. Zeros
        where it begins at random, or calibrated.
    """

    model: GeneLongformer
    shift: np.ndarray


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
) -> Start:
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
    is_linear, folds = config.holds_linear_model, seed(random_state, _REGRESSION)
    chosen = None
    if out_of_fold is None and is_linear and (products is None or warm_start is not False):
        chosen = choose_penalty(model, cells, codes, rows, seed=folds)
    found = None if products is False else products_of(model)
    if found is not None and products is None:
        given = out_of_fold[rows] if out_of_fold is not None else chosen and chosen.held_out
        evident = seed(random_state, _PRODUCTS)
        if not (
            is_linear
            and given is not None
            and say_more(found, model, cells, codes, rows, given, seed=evident)
        ):
            found = None
    if found is not None:
        model = make(replace(config, n_pairs=found.n_pairs))
        set_statistics(model, cells)
        chosen = None  # for fewer features
    if warm_start is None:
        warm_start = out_of_fold is None or found is not None
    shift = np.zeros(config.n_classes)
    if warm_start and is_linear:
        chosen = logistic_start(model, cells, codes, rows, seed=folds, chosen=chosen)
        if found is not None and out_of_fold is not None:
            start_correction(model, out_of_fold[rows], chosen, codes[rows])
        if found is None:
            shift = chosen.scaling(codes[rows]).shift
    return Start(model, shift)
