"""A trained model with everything it needs to predict, and its plain-array form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from ..dataloaders._cells import CellMatrix, Matrix
from ..graph._gene_graph import GeneGraph
from ..nn._config import LongformerConfig
from ..nn._longformer import GeneLongformer
from ._calibration import Calibration
from ._predict import Prediction, predict

FORMAT_VERSION = 2  # 2: calibration scores, where there are any
_INDPTR, _INDICES = "graph.indptr", "graph.indices"


@dataclass(frozen=True)
class FittedLongformer:
    """A trained model, the names of its genes and classes, and the kind of values it was given.

    Attributes
    ----------
    model
        The network, in evaluation mode, with its graph and training statistics.
    genes
        Name of each token, ``(n_tokens,)`` text.
    classes
        Value of each class, ``(n_classes,)``: text, integers or booleans.
    expression
        State of the training values, ``'log'`` or ``'scaled'``.
    calibration
        Scores of cells outside training, for prediction sets and unknown cells.
    """

    model: GeneLongformer
    genes: np.ndarray
    classes: np.ndarray
    expression: str = "log"
    calibration: Calibration | None = None

    def predict(self, X: Matrix, columns: np.ndarray) -> Prediction:
        """Predict the cells of `X`.

        Parameters
        ----------
        X
            Cells x genes, on the scale of the training values.
        columns
            Column of `X` for each token; -1 for genes that `X` lacks, which enter at their training
            mean.
        """
        fill = self.model.standardizer.mean.cpu().numpy()
        return predict(self.model, CellMatrix(X, columns, fill))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Weights, training statistics and graph as named arrays."""
        arrays = {
            name: value.detach().cpu().numpy() for name, value in self.model.state_dict().items()
        }
        graph = self.model.graph.to_scipy()
        arrays[_INDPTR] = graph.indptr.astype(np.int64)
        arrays[_INDICES] = graph.indices.astype(np.int64)
        return arrays | (self.calibration.to_arrays() if self.calibration else {})

    @classmethod
    def from_arrays(
        cls,
        config: str,
        arrays: Mapping[str, np.ndarray],
        *,
        genes: np.ndarray,
        classes: np.ndarray,
        expression: str = "log",
        format_version: int = FORMAT_VERSION,
    ) -> FittedLongformer:
        """Rebuild a model from :meth:`to_arrays` and the JSON text of its config.

        Raises
        ------
        ValueError
            If the parts do not belong together, or the format is newer than this version.
        """
        if format_version > FORMAT_VERSION:
            msg = (
                f"The model has format version {format_version}; this version of scrna-longformer "
                f"reads up to {FORMAT_VERSION}. Upgrade it with pip install -U scrna-longformer."
            )
            raise ValueError(msg)
        parsed = LongformerConfig.from_json(config)
        genes, classes = _plain(genes), _plain(classes)
        if (len(genes), len(classes)) != (parsed.n_genes, parsed.n_classes):
            msg = (
                f"The model's config speaks of {parsed.n_genes} genes and {parsed.n_classes} "
                f"classes, but {len(genes)} and {len(classes)} are named: parts are missing."
            )
            raise ValueError(msg)
        weights = dict(arrays)
        calibration = Calibration.from_arrays(weights)
        try:
            indptr, indices = weights.pop(_INDPTR), weights.pop(_INDICES)
        except KeyError as error:
            msg = f"The model has no {error}; it is incomplete. Fit or save it again."
            raise ValueError(msg) from error
        edges = np.ones(len(indices), dtype=bool)
        shape = (parsed.n_genes, parsed.n_genes)
        graph = GeneGraph.from_scipy(sparse.csr_matrix((edges, indices, indptr), shape=shape))
        model = GeneLongformer(parsed, graph)
        state = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
        try:
            model.load_state_dict(state)
        except RuntimeError as error:
            msg = f"The model's weights do not fit its config: {error}"
            raise ValueError(msg) from error
        return cls(model.eval(), genes, classes, str(expression), calibration=calibration)


def _plain(names: np.ndarray) -> np.ndarray:
    """Undo what storage does to text: object arrays and string dtypes become fixed-width text."""
    names = np.asarray(names)
    return names if names.dtype.kind in "biuf" else np.array(names.tolist(), dtype=str)
