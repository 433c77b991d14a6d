"""A simple model, corrected by the transformer as far as held-out cells allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, softmax

from ..dataloaders._cells import CellMatrix, Matrix
from ..evaluation._scaling import floored_log
from ._predict import Prediction
from ._wide import WidePart

GATES = (0.0, 0.25, 0.5, 0.75, 1.0)
_BLOCK = 1024  # cells made dense at a time


@dataclass(frozen=True)
class Mixture:
    """``softmax(log p_simple + gate * residual)``.

    Attributes
    ----------
    wide
        The simple model.
    gate
        Share of the transformer's correction that is used: 0 is the simple model itself.
    """

    wide: WidePart
    gate: float

    def predict_proba(self, X: Matrix, columns: np.ndarray, deep: Prediction) -> np.ndarray:
        """Class probabilities of the cells of `X`; `deep` is what the network says of them."""
        simple = self.simple_proba(X, columns)
        return corrected(simple, deep.residual, self.gate) if self.gate else simple

    def simple_proba(self, X: Matrix, columns: np.ndarray) -> np.ndarray:
        """Class probabilities of the simple model alone."""
        columns = np.asarray(columns)
        cells = CellMatrix(X, columns, np.zeros(len(columns)))
        starts = range(0, len(cells), _BLOCK)
        blocks = (cells.rows(np.arange(s, min(s + _BLOCK, len(cells)))) for s in starts)
        return np.concatenate([self.wide.predict_proba(b, columns >= 0) for b in blocks])

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


def corrected(simple: np.ndarray, residual: np.ndarray | None, gate: float) -> np.ndarray:
    """Probabilities of a simple model with a share of a correction of its logits."""
    assert residual is not None
    return softmax(floored_log(simple) + gate * residual, axis=1)


def choose_gate(
    simple: np.ndarray, residual: np.ndarray, codes: np.ndarray, unseen: np.ndarray
) -> float:
    """Choose how much of a correction to use, on cells that neither model was fitted to.

    The share with the smallest log loss, if it gains more than one standard error over none
    (the paired error over cells), and gains something on the `unseen` cells alone; else 0. The rule
    prefers the simple model, because so few cells choose that the best share is often best by
    chance.

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
    Breiman et al. (1984). Classification and Regression Trees, section 3.4.3 (the rule of one
    standard error).
    """
    if not unseen.any():
        return 0.0
    log_simple, cells = floored_log(simple), np.arange(len(codes))
    losses = np.array(
        [-log_softmax(log_simple + g * residual, axis=1)[cells, codes] for g in GATES]
    )
    best = int(losses.mean(axis=1).argmin())
    gain = losses[0] - losses[best]
    stands_out = gain.mean() > gain.std() / np.sqrt(len(gain))
    return GATES[best] if stands_out and gain[unseen].mean() > 0 else 0.0
