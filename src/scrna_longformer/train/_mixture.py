"""A simple model, corrected by the transformer as far as held-out cells allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, logsumexp, softmax

from ..dataloaders._cells import CellMatrix, Matrix
from ..evaluation._scaling import floored_log
from ._depth import ShallowValues
from ._predict import Prediction
from ._wide import WidePart

GATES = np.arange(100) / 100
_DOUBTED_CELLS = 3.0  # imagined cells about which the correction is surely wrong
_LEAST_EVIDENCE = 1.0  # log Bayes factor
_BLOCK = 1024  # cells made dense at a time


@dataclass(frozen=True)
class Mixture:
    """``(1 - gate) * p_simple + gate * softmax(log p_simple + residual)``.

    Probabilities are mixed, not logits, because then the most that a wrong correction can cost is
    known: a cell's log loss grows by at most ``-log(1 - gate)``.

    Attributes
    ----------
    wide
        The simple model.
    gate
        Weight of the corrected model: 0 is the simple model itself.
    """

    wide: WidePart
    gate: float

    def predict_proba(
        self,
        X: Matrix,
        columns: np.ndarray,
        deep: Prediction,
        shallow: ShallowValues | None = None,
    ) -> np.ndarray:
        """Class probabilities of the cells of `X`; `deep` is what the network says of them."""
        simple = self.simple_proba(X, columns, shallow)
        if not self.gate:
            return simple
        return (1 - self.gate) * simple + self.gate * corrected(simple, deep.residual)

    def simple_proba(
        self, X: Matrix, columns: np.ndarray, shallow: ShallowValues | None = None
    ) -> np.ndarray:
        """Class probabilities of the simple model alone."""
        columns = np.asarray(columns)
        cells = CellMatrix(X, columns, np.zeros(len(columns)))
        starts = range(0, len(cells), _BLOCK)
        blocks = (cells.rows(np.arange(s, min(s + _BLOCK, len(cells)))) for s in starts)
        return np.concatenate([self.wide.predict_proba(b, columns >= 0, shallow) for b in blocks])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays."""
        return {"wide.gate": np.array([self.gate])} | self.wide.to_arrays()

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Mixture | None:
        """Take the arrays of :meth:`to_arrays` out of `arrays`; ``None`` if there are none."""
        own = {name: arrays.pop(name) for name in list(arrays) if name.startswith("wide.")}
        if not own:
            return None
        return cls(wide=WidePart.from_arrays(own), gate=float(own["wide.gate"][0]))


def corrected(simple: np.ndarray, residual: np.ndarray | None) -> np.ndarray:
    """Probabilities of a simple model after a correction of its logits."""
    assert residual is not None
    return softmax(floored_log(simple) + residual, axis=1)


def choose_gate(
    simple: np.ndarray, residual: np.ndarray, codes: np.ndarray, unseen: np.ndarray
) -> float:
    """Choose how much of a correction to use, on cells that neither model was fitted to.

    The mean of all weights, each as likely as it makes the labels of these cells, and those of a few
    imagined cells that the correction is surely wrong about: a beta prior, ``Beta(1, 4)``. So few
    cells choose that the single best weight is often best by chance, and that a mistake that is rare
    but costly need not be among them.

    It is 0 where the labels do not speak for any correction: where they are less than e times as
    likely under it, averaged over the prior, as without (a log Bayes factor below 1: "not worth more
    than a bare mention"). And where the `unseen` cells alone do not gain.

    Parameters
    ----------
    simple
        Cells x classes probabilities.
    residual
        Cells x classes corrections of their logarithm.
    codes
        Class of each cell.
    unseen
        Which cells had no part in the choice of the weights, ``(cells,)`` boolean. To the others the
        correction looks a little too good.

    References
    ----------
    Stone (1961). The opinion pool. Annals of Mathematical Statistics. (Mixtures of probabilities.)

    Kass and Raftery (1995). Bayes factors. Journal of the American Statistical Association.
    """
    if not unseen.any():
        return 0.0
    of_truth = np.arange(len(codes)), codes
    without = softmax(floored_log(simple), axis=1)[of_truth]
    gained = corrected(simple, residual)[of_truth] / without - 1
    likelihood = np.log1p(np.multiply.outer(GATES, gained)).sum(axis=1)  # over that without
    prior = log_softmax(_DOUBTED_CELLS * np.log1p(-GATES))
    evidence = logsumexp(likelihood + prior)
    if evidence < _LEAST_EVIDENCE:
        return 0.0
    mean = float(GATES @ np.exp(likelihood + prior - evidence))
    gate = round(mean, 2)  # as it is told everywhere
    return gate if np.log1p(gate * gained[unseen]).sum() > 0 else 0.0
