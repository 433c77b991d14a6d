"""Temperature and class offsets that make probabilities mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from ._pool import LogitPool, floored_log


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
    def fit(
        cls,
        proba: np.ndarray,
        codes: np.ndarray,
        *,
        ridge: float | None = None,
        shift: np.ndarray | None = None,
    ) -> LogitScaling:
        """Fit to probabilities of cells that the model was not trained on, by penalised likelihood.

        The logarithm of the slope is drawn towards 0, and the offsets towards `shift`, so that few
        cells, or a class that is absent, change little.

        Parameters
        ----------
        proba
            Cells x classes.
        codes
            Class of each cell.
        ridge
            As in :meth:`LogitPool.fit`, with its default.
        shift
            What is known already of the offsets (of logits, before the slope), ``(n_classes,)``.
        """
        known = np.zeros(proba.shape[1]) if shift is None else shift
        shifted = proba if shift is None else softmax(floored_log(proba) + known, axis=1)
        pool = LogitPool.fit([shifted], codes, ridge=ridge)
        slope = float(pool.weights[0])
        return cls(slope=slope, offset=pool.offset + slope * known)

    @property
    def shift(self) -> np.ndarray:
        """What is added to the logits of each class before the slope, ``(n_classes,)``."""
        return self.offset / self.slope

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
