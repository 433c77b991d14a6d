"""Start the transformer at the linear model that it contains."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ..dataloaders._moments import Cells
from ..evaluation._penalised import TunedLogisticRegression
from ..evaluation._steps import WithProducts
from ..evaluation._threads import one_thread
from ..features._transform import GeneScaler
from ..nn._embedding import MultiplicativeToken
from ..nn._longformer import GeneLongformer
from ._wide import per_class

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # the first where nothing is linear


@one_thread()
def logistic_start(
    model: GeneLongformer,
    cells: Cells,
    codes: np.ndarray,
    rows: np.ndarray,
    *,
    seed: int,
    penalty: float | None = None,
) -> float:
    """Set embeddings and head so that the model's first logits are those of logistic regression.

    With multiplicative tokens and blocks that add nothing yet, the pooled representation is a linear
    projection of the z-scores, and of products of linked genes where the model has them. The singular
    vectors of the regression's coefficients fill the first columns of the gene directions and of the
    head; the other columns stay as they were drawn, for what is not linear. With more classes than the
    model is wide, the closest matrix of that rank is taken.

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
    penalty
        What :func:`choose_penalty` has chosen, where it was asked before.

    Returns
    -------
    The inverse penalty ``C`` that was chosen.
    """
    token = model.token
    assert isinstance(token, MultiplicativeToken)
    if penalty is None:
        penalty, _ = choose_penalty(model, cells, codes, rows, seed=seed)
    z = model.standardizer(torch.from_numpy(cells.rows(rows)))
    features = [z]
    if model.products is not None:
        features.append(model.products.standardized(z[:, : model.config.n_genes]))
    regression = LogisticRegression(C=penalty, class_weight="balanced", max_iter=5000)
    regression.fit(torch.cat(features, dim=1).numpy(), codes[rows])
    coefficients, intercept = per_class(regression.coef_, regression.intercept_)
    with torch.no_grad():
        _write(model, token, torch.from_numpy(coefficients), torch.from_numpy(intercept))
    return penalty


@one_thread()
def choose_penalty(
    model: GeneLongformer, cells: Cells, codes: np.ndarray, rows: np.ndarray, *, seed: int
) -> tuple[float, np.ndarray | None]:
    """Choose the penalty of the regression on inner folds of some cells.

    Returns
    -------
    The inverse penalty, and the probabilities of these cells by regressions that did not see them,
    ``None`` where cells are too few for inner folds.
    """
    inputs = None
    if model.products is not None:
        pairs = torch.stack([model.products.first, model.products.second], dim=1).numpy()
        inputs = make_pipeline(GeneScaler(), WithProducts(pairs))
    tuned = TunedLogisticRegression(
        cells.n_tokens, PENALTIES, random_state=seed % 2**32, inputs=inputs
    )
    return tuned.choose(cells.rows(rows), codes[rows])


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
        model.products.weight[:rank] = (v[:rank, n_values:] * spread).float()
    model.head.weight.zero_()
    model.head.weight[:, :rank] = (u[:, :rank] * s[:rank] / spread).float()
    constant = model.head.weight @ (token.identity.sum(dim=0) * pool)
    model.head.bias.copy_(intercept.float() - constant)
