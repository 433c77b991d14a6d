"""Probabilities of several models as one: a weighted geometric mean with an offset per class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

# One cell of 200, ten of 2,000: few cells are all there is to go by, and what many say of one study to
# the last decimal the next one contradicts.
_RIDGE = 0.005
_FLOOR = 1e-6  # probabilities below are taken for it: a logarithm must be finite


@dataclass(frozen=True)
class LogitPool:
    """``softmax(sum_m weight_m * log p_m + offset)``: a logarithmic opinion pool.

    Attributes
    ----------
    weights
        One positive number per model, ``(n_models,)``. They need not add up to 1: models that agree
        because they see different things may be surer together than each alone.
    offset
        Per class, ``(n_classes,)``.

    Examples
    --------
    >>> pool = LogitPool(np.array([0.5, 0.5]), np.zeros(2))
    >>> pool([np.array([[0.9, 0.1]]), np.array([[0.5, 0.5]])])
    array([[0.75, 0.25]])

    References
    ----------
    Genest & Zidek (1986). Combining probability distributions. Statistical Science. (Pools.)
    Wolpert (1992). Stacked generalization. Neural Networks. (Weights from out-of-fold predictions.)
    """

    weights: np.ndarray
    offset: np.ndarray

    @classmethod
    def fit(
        cls, probas: Sequence[np.ndarray], codes: np.ndarray, *, ridge: float | None = None
    ) -> LogitPool:
        """Fit to probabilities of cells that no model was trained on, by penalised likelihood.

        The logarithms of the weights are drawn towards equal weights that add up to 1, and the
        offsets towards 0: few cells, or a class that is absent, change little.

        Parameters
        ----------
        probas
            Cells x classes probabilities of each model.
        codes
            Class of each cell.
        ridge
            Penalty on half the squared change, beside the mean loss of a cell: a change of one unit is
            believed once about this share of the cells asks for it. By default 0.005, and at least
            that of one cell.
        """
        logs = np.stack([floored_log(proba) for proba in probas])
        n_models, n_cells, n_classes = logs.shape
        if not n_cells:
            return cls.even(n_models, n_classes)
        truth = np.eye(n_classes)[codes]
        penalty = max(_RIDGE, 1 / n_cells) if ridge is None else ridge

        def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
            weights = np.exp(x[:n_models]) / n_models
            log_p = log_softmax(np.tensordot(weights, logs, 1) + x[n_models:], axis=1)
            error = np.exp(log_p) - truth
            value = -(truth * log_p).sum() / n_cells + penalty / 2 * (x @ x)
            gradient = np.r_[weights * np.tensordot(logs, error, 2), error.sum(axis=0)]
            return value, gradient / n_cells + penalty * x

        x = minimize(loss, np.zeros(n_models + n_classes), jac=True, method="L-BFGS-B").x
        offset = x[n_models:]
        return cls(np.exp(x[:n_models]) / n_models, offset - offset.mean())

    @classmethod
    def even(cls, n_models: int, n_classes: int) -> LogitPool:
        """Return the pool in which every model counts the same."""
        return cls(np.full(n_models, 1 / n_models), np.zeros(n_classes))

    def __call__(self, probas: Sequence[np.ndarray]) -> np.ndarray:
        """Pooled probabilities, cells x classes."""
        logs = np.stack([floored_log(proba) for proba in probas])
        return softmax(np.tensordot(self.weights, logs, 1) + self.offset, axis=1)


def floored_log(proba: np.ndarray) -> np.ndarray:
    """Logarithm of probabilities, finite for those that are 0."""
    return np.log(np.maximum(np.asarray(proba, dtype=np.float64), _FLOOR))
