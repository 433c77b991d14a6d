"""A trained model with everything it needs to predict, and its plain-array form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral

import numpy as np
import torch
from scipy import sparse

from ..dataloaders._cells import Matrix
from ..dataloaders._moments import Cells
from ..dataloaders._views import model_cells
from ..evaluation._scaling import LogitScaling
from ..features._totals import at_totals
from ..graph._gene_graph import GeneGraph
from ..nn._config import LongformerConfig
from ..nn._longformer import GeneLongformer
from ._calibration import Calibration
from ._depth import DepthModel, ShallowValues, molecules
from ._mixture import Mixture
from ._predict import Prediction, predict

# 2: tokens may be some of the genes; residuals; a simple model beside; calibration scores
# 3: the simple model is a weighted mean of three
# 4: the gate weighs probabilities; the total of training cells
# 5: what a gene that was not measured says in the simple model, a mean of four; depth
FORMAT_VERSION = 5
# Depth is judged by what cells are taken for, and that by depth: each round makes both better.
_ROUNDS, _SAME_DEPTH = 4, 0.05
_INDPTR, _INDICES = "graph.indptr", "graph.indices"
_TOKENS, _LINEAR, _SHARE = "inputs.tokens", "inputs.linear", "inputs.share"
_TOTAL = "inputs.total"
_SCALING = "own.scaling"


@dataclass(frozen=True)
class FittedLongformer:
    """A trained model, the names of its genes and classes, and the kind of values it was given.

    Attributes
    ----------
    model
        The network, in evaluation mode, with its graph and training statistics.
    genes
        Name of each gene that any part of the model reads, ``(n_genes,)`` text.
    classes
        Value of each class, ``(n_classes,)``: text, integers or booleans.
    expression
        State of the training values, ``'log'`` or ``'scaled'``.
    calibration
        Scores of cells outside training, for prediction sets and unknown cells.
    tokens
        Which of the genes are tokens, ``(n_tokens,)``; by default all of them.
    share
        Share of each gene in the counts of the training cells, ``(n_genes,)``, where token values
        are Pearson residuals; empty where they are the values as given.
    total
        Median of what ``expm1`` of these genes adds up to in a training cell, where there are counts
        behind the values; else NaN.
    mixture
        The simple model beside the network, and how both are weighed, where there is one.
    scaling
        Calibration of the network's own probabilities.
    linear
        Which of the genes enter the network linearly, ``(n_linear,)``.
    depth
        What fewer molecules do to the values, where token values are Pearson residuals.
    """

    model: GeneLongformer
    genes: np.ndarray
    classes: np.ndarray
    expression: str = "log"
    calibration: Calibration | None = None
    tokens: np.ndarray | None = None
    share: np.ndarray = field(default_factory=lambda: np.empty(0))
    total: float = np.nan
    mixture: Mixture | None = None
    scaling: LogitScaling | None = None
    linear: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    depth: DepthModel | None = None

    @property
    def token_genes(self) -> np.ndarray:
        """Name of each token, ``(n_tokens,)`` text."""
        return self.genes if self.tokens is None else self.genes[self.tokens]

    @property
    def input_transform(self) -> str:
        """Kind of token values, ``'log'`` (as given) or ``'pearson'`` residuals."""
        return "pearson" if len(self.share) else "log"

    @property
    def needs_counts(self) -> bool:
        """Whether any part reads the counts behind the values."""
        members = () if self.mixture is None else self.mixture.wide.members
        return self.input_transform == "pearson" or any(
            member.reads_residuals for member in members
        )

    def cells(self, X: Matrix, columns: np.ndarray) -> Cells:
        """Return token values of the cells of `X`; see :meth:`predict`."""
        return self._cells(*self._comparable(X, np.asarray(columns)))

    def _cells(self, X: Matrix, columns: np.ndarray, shallow: ShallowValues | None = None) -> Cells:
        return model_cells(
            X,
            columns,
            tokens=np.arange(len(columns)) if self.tokens is None else self.tokens,
            linear=self.linear,
            share=self.share,
            fill=self.model.standardizer.mean.cpu().numpy(),
            maps=None if shallow is None else (shallow.residual, shallow.log),
        )

    def predict(self, X: Matrix, columns: np.ndarray) -> Prediction:
        """Predict the cells of `X`.

        Parameters
        ----------
        X
            Cells x genes, on the scale of the training values.
        columns
            Column of `X` for each gene; -1 for genes that `X` lacks, which enter at their training
            mean.

        Notes
        -----
        Where genes are lacking, log values depend on whether cells were scaled to their total with
        or without them. They are therefore scaled anew, to what the genes that are there should add
        up to: the total of training cells, less the share of the absent genes.

        Where cells have clearly fewer molecules than training cells of the classes that they are
        taken for, they are predicted again, from values whose mean and spread at that depth
        are exchanged for those of training cells. How deep they are is asked of the whole query.
        """
        X, columns = self._comparable(X, np.asarray(columns))
        found = self._predict(X, columns)
        if self.depth is None:
            return found
        is_present = columns >= 0
        total = molecules(X[:, columns[is_present]], self.share[is_present])
        for _ in range(_ROUNDS):
            depth = self.depth.of_query(total, found.proba)
            if abs(depth / found.depth - 1) < _SAME_DEPTH:
                break
            shallow = self.depth.at(depth).where(is_present)
            found = replace(self._predict(X, columns, shallow), depth=depth)
        return found

    def _predict(
        self, X: Matrix, columns: np.ndarray, shallow: ShallowValues | None = None
    ) -> Prediction:
        found = predict(self.model, self._cells(X, columns, shallow))
        if self.scaling is not None:
            found = replace(found, proba=self.scaling(found.proba).astype(np.float32))
        if self.mixture is None:
            return found
        proba = self.mixture.predict_proba(X, columns, found, shallow)
        return replace(found, proba=proba.astype(np.float32))

    def _comparable(self, X: Matrix, columns: np.ndarray) -> tuple[Matrix, np.ndarray]:
        """Cells that lack genes, at the total that training cells would have without them."""
        is_present = columns >= 0
        if is_present.all() or np.isnan(self.total):
            return X, columns
        here = np.where(is_present, np.cumsum(is_present) - 1, -1)
        total = self.total * float(self.share[is_present].sum())
        return at_totals(X[:, columns[is_present]], total), here

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Weights, training statistics and graph as named arrays."""
        arrays = {
            name: value.detach().cpu().numpy() for name, value in self.model.state_dict().items()
        }
        graph = self.model.graph.to_scipy()
        arrays[_INDPTR] = graph.indptr.astype(np.int64)
        arrays[_INDICES] = graph.indices.astype(np.int64)
        if self.tokens is not None:
            arrays[_TOKENS] = np.asarray(self.tokens, dtype=np.int64)
        if len(self.linear):
            arrays[_LINEAR] = np.asarray(self.linear, dtype=np.int64)
        if len(self.share):
            arrays[_SHARE] = self.share
            arrays[_TOTAL] = np.array([self.total])
        if self.scaling is not None:
            arrays[_SCALING] = self.scaling.to_array()
        for part in (self.mixture, self.calibration, self.depth):
            arrays |= part.to_arrays() if part else {}
        return arrays

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
            If the parts do not belong together, or the format is not that of this version.
        """
        if not isinstance(format_version, Integral):
            msg = f"The model's format version must be an integer, not {format_version!r}."
            raise ValueError(msg)
        if format_version > FORMAT_VERSION:
            msg = (
                f"The model has format version {format_version}; this version of scrna-longformer "
                f"reads up to {FORMAT_VERSION}. Upgrade it with pip install -U scrna-longformer."
            )
            raise ValueError(msg)
        if format_version < FORMAT_VERSION:
            msg = (
                f"The model has format version {format_version}, of before the first release; this "
                f"version of scrna-longformer reads {FORMAT_VERSION}. Fit it again."
            )
            raise ValueError(msg)
        parsed = LongformerConfig.from_json(config)
        genes, classes = _plain(genes), _plain(classes)
        for names, what in ((genes, "genes"), (classes, "classes")):
            if names.ndim != 1 or len(np.unique(names)) < len(names):
                msg = f"The model's {what} must be a list of different names; it was changed."
                raise ValueError(msg)
        weights = {name: np.asarray(array) for name, array in arrays.items()}
        tokens, linear = weights.pop(_TOKENS, None), weights.pop(_LINEAR, np.empty(0, np.int64))
        share, scaling = weights.pop(_SHARE, np.empty(0)), weights.pop(_SCALING, None)
        total = float(weights.pop(_TOTAL, np.array([np.nan]))[0])
        mixture, calibration = Mixture.from_arrays(weights), Calibration.from_arrays(weights)
        depth = DepthModel.from_arrays(weights)
        n_tokens = len(genes) if tokens is None else len(tokens)
        read = 0 if tokens is None else 1 + max(tokens.max(initial=0), len(share) - 1)
        read = max(read, 1 + linear.max(initial=-1))
        sizes = n_tokens, len(linear), len(classes)
        if sizes != (parsed.n_genes, parsed.n_linear, parsed.n_classes) or read > len(genes):
            msg = (
                f"The model's config speaks of {parsed.n_genes} tokens and {parsed.n_classes} "
                f"classes, but {len(genes)} genes and {len(classes)} classes are named: parts are "
                "missing."
            )
            raise ValueError(msg)
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
        return cls(
            model.eval(),
            genes,
            classes,
            str(expression),
            tokens=tokens,
            share=share,
            total=total,
            calibration=calibration,
            mixture=mixture,
            scaling=None if scaling is None else LogitScaling.from_array(scaling),
            linear=linear,
            depth=depth,
        )


def _plain(names: np.ndarray) -> np.ndarray:
    """Undo what storage does to text: object arrays and string dtypes become fixed-width text."""
    names = np.asarray(names)
    return names if names.dtype.kind in "biuf" else np.array(names.tolist(), dtype=str)
