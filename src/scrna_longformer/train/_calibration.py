"""What cells outside training say about a fitted model: prediction sets, and what is unlike them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..evaluation._conformal import Conformal
from ..evaluation._novelty import Novelty, log_ratios
from ._predict import Prediction

_ARRAYS = {
    "conformal.codes": ("conformal", "codes"),
    "conformal.proba": ("conformal", "proba"),
    "conformal.novelty": ("conformal", "novelty"),
    "novelty.centers": ("novelty", "centers"),
    "novelty.whitening": ("novelty", "whitening"),
}


@dataclass(frozen=True)
class Calibration:
    """Calibration scores of a fitted model.

    Attributes
    ----------
    novelty
        How far cells are from the classes, learned on the training cells.
    conformal
        What held-out cells score, by class and by novelty.
    """

    novelty: Novelty
    conformal: Conformal

    @classmethod
    def fit(
        cls, prediction: Prediction, codes: np.ndarray, *, train: np.ndarray, held_out: np.ndarray
    ) -> Calibration:
        """Learn from what the model predicts for its training cells and for cells it never saw.

        Parameters
        ----------
        prediction
            Of all cells.
        codes
            Class of each cell.
        train, held_out
            Rows of the two kinds of cells. No held-out cell may have taken part in any choice.
        """
        points = cls.points(prediction)
        novelty = Novelty.fit(points[train], codes[train])
        conformal = Conformal.fit(
            codes[held_out], prediction.proba[held_out], novelty.score(points[held_out])
        )
        return cls(novelty, conformal)

    @staticmethod
    def points(prediction: Prediction) -> np.ndarray:
        """The space in which novelty is measured: log-ratios of the class probabilities, and the embedding.

        The two fail on different types: a cell unlike all others may be given to one class with
        certainty, and its representation still lies apart.
        """
        return np.hstack([log_ratios(prediction.proba), prediction.embedding])

    def sets(self, prediction: Prediction, *, alpha: float) -> np.ndarray:
        """Which classes are in the prediction set of each cell, ``(cells, n_classes)`` bool."""
        return self.conformal.sets(prediction.proba, alpha=alpha)

    def novelty_p_values(self, prediction: Prediction) -> np.ndarray:
        """P-value of each cell being of a class that the model knows, ``(cells,)``."""
        return self.conformal.novelty_p_values(self.novelty.score(self.points(prediction)))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays."""
        return {name: getattr(getattr(self, part), a) for name, (part, a) in _ARRAYS.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Calibration | None:
        """Take the arrays of :meth:`to_arrays` out of `arrays`; ``None`` if there are none."""
        found = {name: arrays.pop(name) for name in _ARRAYS if name in arrays}
        if len(found) < len(_ARRAYS):
            return None
        parts: dict[str, dict[str, np.ndarray]] = {"conformal": {}, "novelty": {}}
        for name, (part, attribute) in _ARRAYS.items():
            parts[part][attribute] = np.asarray(found[name])
        return cls(Novelty(**parts["novelty"]), Conformal(**parts["conformal"]))
