"""Start the transformer at the linear model that it contains."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ..dataloaders._moments import Cells
from ..evaluation._penalised import TunedLogisticRegression
from ..evaluation._prior_spread import PriorSpread
from ..evaluation._products import WithProducts
from ..evaluation._scaling import LogitScaling, floored_log
from ..evaluation._threads import one_thread
from ..features._transform import GeneScaler
from ..nn._embedding import MultiplicativeToken
from ..nn._longformer import GeneLongformer
from ._wide import per_class

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # the first where nothing is linear


class ChosenPenalty(NamedTuple):
    """The inverse penalty ``C`` of a regression, and what it says of cells that it did not see.

    Attributes
    ----------
    penalty
        The inverse penalty.
    held_out
        Cells x classes probabilities of the cells it was chosen on, each by a regression that did not
        see the cell; ``None`` where cells were too few for inner folds.
    """

    penalty: float
    held_out: np.ndarray | None

    def scaling(self, codes: np.ndarray) -> LogitScaling:
        """Calibration of the regression; `codes` are the classes of the cells it was chosen on."""
        if self.held_out is None:
            return LogitScaling(1.0, np.zeros(int(codes.max()) + 1))
        return LogitScaling.fit(self.held_out, codes)


@one_thread()
def logistic_start(
    model: GeneLongformer,
    cells: Cells,
    codes: np.ndarray,
    rows: np.ndarray,
    *,
    seed: int,
    chosen: ChosenPenalty | None = None,
) -> ChosenPenalty:
    """Set embeddings and head so that the model's first logits are those of logistic regression.

    With multiplicative tokens and blocks that add nothing yet, the pooled representation is a linear
    projection of the z-scores, and of products of linked genes where the model has them. The singular
    vectors of the regression's coefficients fill the first columns of the gene directions and of the
    head; the other columns stay as they were drawn, for what is not linear. With more classes than the
    model is wide, the closest matrix of that rank is taken.

    A regression on products, too, has a prior of :class:`~scrna_longformer.evaluation._prior_spread.PriorSpread`,
    and the first logits are calibrated.

    Parameters
    ----------
    model
        A fresh model with its standardiser set; changed in place.
    cells, codes
        Expression and class of all cells.
    rows
        The cells to fit the regression to.
    seed
        Seed of the inner folds that choose the penalty.
    chosen
        What :func:`choose_penalty` has chosen, where it was asked before.

    Returns
    -------
    What was chosen.
    """
    token, products = model.token, model.products
    assert isinstance(token, MultiplicativeToken)
    if chosen is None:
        chosen = choose_penalty(model, cells, codes, rows, seed=seed)
    regression = LogisticRegression(C=chosen.penalty, class_weight="balanced", max_iter=5000)
    z = model.standardizer(torch.from_numpy(cells.rows(rows)))
    if products is None:
        regression.fit(z.numpy(), codes[rows])
        coefficients, intercept = per_class(regression.coef_, regression.intercept_)
    else:
        both = torch.cat([z, products.standardized(z[:, : model.config.n_genes])], dim=1).numpy()
        prior = PriorSpread().fit(both, codes[rows])
        products.prior_sd.copy_(torch.from_numpy(prior.scale_[z.shape[1] :]))
        regression.fit(prior.transform(both), codes[rows])
        scaling = chosen.scaling(codes[rows])
        coefficients, intercept = per_class(regression.coef_ * prior.scale_, regression.intercept_)
        coefficients, intercept = coefficients * scaling.slope, intercept * scaling.slope
        intercept += scaling.offset
    with torch.no_grad():
        _write(model, token, torch.from_numpy(coefficients), torch.from_numpy(intercept))
    return chosen


def start_correction(
    model: GeneLongformer, offset: np.ndarray, chosen: ChosenPenalty, codes: np.ndarray
) -> None:
    """Let what corrects another model begin with as much of :func:`logistic_start` as it gains from.

    Parameters
    ----------
    model
        What :func:`logistic_start` was called with; changed in place.
    offset
        Cells x classes probabilities of the other model, for cells that it was not fitted to.
    chosen
        What :func:`logistic_start` has returned, of the same cells.
    codes
        Class of each of these cells.
    """
    assert model.residual_head is not None
    if chosen.held_out is None:
        return
    given, cell = floored_log(offset), np.arange(len(codes))
    added = chosen.scaling(codes).logits(chosen.held_out)

    def loss(share: float) -> float:
        return float(-log_softmax(given + share * added, axis=1)[cell, codes].mean())

    share = float(minimize_scalar(loss, bounds=(0, 1), method="bounded").x)
    with torch.no_grad():
        model.residual_head.weight.copy_(share * model.head.weight)
        model.residual_head.bias.copy_(share * model.head.bias)


@one_thread()
def choose_penalty(
    model: GeneLongformer, cells: Cells, codes: np.ndarray, rows: np.ndarray, *, seed: int
) -> ChosenPenalty:
    """Choose the penalty of the regression on inner folds of some cells."""
    inputs = None
    if model.products is not None:
        pairs = torch.stack([model.products.first, model.products.second], dim=1).numpy()
        inputs = make_pipeline(GeneScaler(), WithProducts(pairs), PriorSpread())
    tuned = TunedLogisticRegression(
        cells.n_tokens,
        PENALTIES,
        random_state=seed % 2**32,
        inputs=inputs,
        scaled_first=model.products is not None,
    )
    return ChosenPenalty(*tuned.choose(cells.rows(rows), codes[rows]))


def _write(
    model: GeneLongformer,
    token: MultiplicativeToken,
    coefficients: torch.Tensor,
    intercept: torch.Tensor,
) -> None:
    """Factor the coefficients into gene directions and head, in the scale of the other columns."""
    n_genes, pool = model.config.n_genes, model.pool_scale
    n_values = n_genes + model.config.n_linear
    u, s, v = torch.linalg.svd(coefficients / pool, full_matrices=False)
    rank = min(len(s), model.config.d_model)
    spread = model.config.init_scale * n_genes**0.5  # columns of v have length 1
    token.direction[:, :rank] = (v[:rank, :n_genes].T * spread).float()
    if model.linear is not None:
        model.linear.weight[:rank] = (v[:rank, n_genes:n_values] * spread).float()
    if model.products is not None:
        of_products = v[:rank, n_values:] * spread / model.products.prior_sd
        model.products.weight[:rank] = of_products.float()
    model.head.weight.zero_()
    model.head.weight[:, :rank] = (u[:, :rank] * s[:rank] / spread).float()
    constant = model.head.weight @ (token.identity.sum(dim=0) * pool)
    model.head.bias.copy_(intercept.float() - constant)
