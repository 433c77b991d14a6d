"""Temperature and class offsets that make probabilities mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

_FLOOR = 1e-6  # probabilities below are taken for it: a logarithm must be finite
_PRIOR_CELLS = 10.0  # a class offset of one unit is believed once about this many cells ask for it


@dataclass(frozen=True)
class LogitScaling:
    """``softmax(slope * log p + offset)``: one slope (an inverse temperature), one offset per class.

    Attributes
    ----------
    slope
        Inverse temperature; below 1 for a model that is too sure.
    offset
        Per class, ``(n_classes,)``. Takes back what class weights did to the shares of the classes.

    References
    ----------
    Guo et al. (2017). On calibration of modern neural networks. ICML. (Temperature scaling; with
    offsets it is their vector scaling with one slope.)
    """

    slope: float
    offset: np.ndarray

    @classmethod
    def fit(cls, proba: np.ndarray, codes: np.ndarray) -> LogitScaling:
        """Fit to probabilities of cells that the model was not trained on, by maximum likelihood.

        The logarithm of the slope and the offsets are drawn towards 0 by a weak penalty, so that
        few cells, or a class that is absent, change little.
        """
        log_proba = floored_log(proba)
        n_cells, n_classes = log_proba.shape
        truth = np.eye(n_classes)[codes]

        def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
            slope, offset = np.exp(x[0]), x[1:]
            logits = slope * log_proba + offset
            log_p = log_softmax(logits, axis=1)
            error = np.exp(log_p) - truth
            value = -(truth * log_p).sum() + _PRIOR_CELLS / 2 * (x @ x)
            gradient = np.r_[slope * (error * log_proba).sum(), error.sum(axis=0)]
            return value / n_cells, (gradient + _PRIOR_CELLS * x) / n_cells

        x = minimize(loss, np.zeros(n_classes + 1), jac=True, method="L-BFGS-B").x
        return cls(slope=float(np.exp(x[0])), offset=x[1:] - x[1:].mean())

    def logits(self, proba: np.ndarray) -> np.ndarray:
        """Scaled logits of probabilities, cells x classes."""
        return self.slope * floored_log(proba) + self.offset

    def __call__(self, proba: np.ndarray) -> np.ndarray:
        """Scaled probabilities."""
        return softmax(self.logits(proba), axis=1)

    def to_array(self) -> np.ndarray:
        """Slope and offsets as one array."""
        return np.r_[self.slope, self.offset]

    @classmethod
    def from_array(cls, array: np.ndarray) -> LogitScaling:
        """Rebuild from :meth:`to_array`."""
        array = np.asarray(array, dtype=np.float64)
        return cls(slope=float(array[0]), offset=array[1:])


def floored_log(proba: np.ndarray) -> np.ndarray:
    """Logarithm of probabilities, finite for those that are 0."""
    return np.log(np.maximum(np.asarray(proba, dtype=np.float64), _FLOOR))
