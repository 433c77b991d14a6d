"""The simple model beside the transformer, as plain arrays that can be stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from ..dataloaders._cells import CellMatrix, Matrix
from ..evaluation._pool import LogitPool
from ..evaluation._scaling import LogitScaling
from ..evaluation._tuned import TunedClassifier
from ..features._counts import recover_counts
from ..features._residuals import PearsonResiduals, pearson_residuals
from ._depth import ShallowValues

if TYPE_CHECKING:
    from ..evaluation._penalised import TunedLogisticRegression
    from ..evaluation._simple_mean import SimpleMean

_CLIP = 10.0  # of GeneScaler and PearsonResiduals alike
_BLOCK = 1024  # cells made dense at a time
_OF_MEMBER = ("genes", "center", "inverse_scale", "weight", "intercept", "if_absent")


@dataclass(frozen=True)
class LinearMember:
    """A linear model of standardised log values, or of Pearson residuals, of some genes.

    Attributes
    ----------
    genes
        Columns of the values it reads, ``(n,)``.
    center, inverse_scale
        What standardises log values, ``(n,)`` each. For residuals `center` is each gene's share of
        the counts and `inverse_scale` is empty.
    weight
        ``(n, n_classes)``.
    intercept
        ``(n_classes,)``.
    scaling
        Its calibration.
    if_absent
        What each gene adds to the logits where it was not measured, ``(n, n_classes)``; see
        :meth:`with_midpoints`.
    """

    genes: np.ndarray
    center: np.ndarray
    inverse_scale: np.ndarray
    weight: np.ndarray
    intercept: np.ndarray
    scaling: LogitScaling
    if_absent: np.ndarray

    @property
    def reads_residuals(self) -> bool:
        """Whether it reads Pearson residuals instead of log values."""
        return len(self.inverse_scale) == 0

    def predict_proba(
        self, values: np.ndarray, is_present: np.ndarray, shallow: ShallowValues | None = None
    ) -> np.ndarray:
        """Calibrated probabilities of dense log values; an absent gene speaks for no class."""
        absent = ~is_present[self.genes]
        logits = self.inputs(values, is_present, shallow) @ self.weight + self.intercept
        if absent.any():
            logits += self.if_absent[absent].sum(axis=0)
        return self.scaling(softmax(logits, axis=1))

    def inputs(
        self, values: np.ndarray, is_present: np.ndarray, shallow: ShallowValues | None = None
    ) -> np.ndarray:
        """What the weights are multiplied with, ``(cells, n)``; 0 for absent genes."""
        here = is_present[self.genes]
        genes = self.genes[here]
        inputs = np.zeros((len(values), len(self.genes)), dtype=np.float32)
        found = values[:, genes]
        if self.reads_residuals:
            counts, share = recover_counts(found, most_wrong=1).toarray(), self.center[here]
            totals = counts.sum(axis=1, dtype=np.float64) / share.sum()
            residuals = pearson_residuals(counts, share, totals=totals)
            inputs[:, here] = residuals if shallow is None else shallow.residual(residuals, genes)
        else:
            found = found if shallow is None else shallow.log(found, genes)
            z = (found - self.center[here]) * self.inverse_scale[here]
            inputs[:, here] = np.clip(z, -_CLIP, _CLIP)
        return inputs

    def with_midpoints(self, means: np.ndarray) -> LinearMember:
        """Return the member that knows what to put in the place of a gene that was not measured.

        Not the mean of all cells: the intercept is that of a model which will hear every gene, and
        where half of them are silent it decides alone. In linear discriminant analysis a gene speaks
        for a class where it is above, and against it where it is below, the point midway between the
        mean of that class and the mean of all (of weights that sum to 0 over classes, and classes that
        count alike). There it is put. If genes are independent within classes this is, exactly, the
        discriminant of the genes that are left; for a regression the same point is used.

        Parameters
        ----------
        means
            Mean input of each class in the training cells, ``(n_classes, n)``.
        """
        weight = self.weight - self.weight.mean(axis=1, keepdims=True)
        midway = (means + means.mean(axis=0)) / 2
        return replace(self, if_absent=(weight * midway.T).astype(np.float32))


@dataclass(frozen=True)
class WidePart:
    """A fitted :class:`~scrna_longformer.evaluation.SimpleMean` without scikit-learn."""

    members: tuple[LinearMember, ...]
    pool: LogitPool

    @classmethod
    def from_simple_mean(cls, model: SimpleMean, X: Matrix, codes: np.ndarray) -> WidePart:
        """Collapse each member's steps into one matrix; `X` and `codes` are what it was fitted to."""
        pairs = zip(model.members_, model.scalings_, strict=True)
        members = (_collapse(member, scaling) for member, scaling in pairs)
        return cls(tuple(m.with_midpoints(_class_means(m, X, codes)) for m in members), model.pool_)

    @property
    def genes(self) -> np.ndarray:
        """All columns that any member reads, ascending."""
        return np.unique(np.concatenate([member.genes for member in self.members]))

    def renumbered(self, position: np.ndarray) -> WidePart:
        """Return the same model for values whose columns are found at ``position[column]``."""
        members = (replace(member, genes=position[member.genes]) for member in self.members)
        return replace(self, members=tuple(members))

    def predict_proba(
        self, values: np.ndarray, is_present: np.ndarray, shallow: ShallowValues | None = None
    ) -> np.ndarray:
        """Class probabilities, ``(cells, n_classes)`` float64.

        Parameters
        ----------
        values
            Cells x columns log values, dense; columns of absent genes may hold anything.
        is_present
            Which columns were measured.
        shallow
            What makes values of cells with fewer molecules those of training cells.
        """
        return self.pool([m.predict_proba(values, is_present, shallow) for m in self.members])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays."""
        arrays = {"wide.weights": self.pool.weights, "wide.offset": self.pool.offset}
        for i, member in enumerate(self.members):
            for name in _OF_MEMBER:
                arrays[f"wide.{i}.{name}"] = getattr(member, name)
            arrays[f"wide.{i}.scaling"] = member.scaling.to_array()
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> WidePart:
        """Rebuild from :meth:`to_arrays`."""
        members: list[LinearMember] = []
        while (prefix := f"wide.{len(members)}.") + "genes" in arrays:
            parts = {name: np.asarray(arrays[prefix + name]) for name in _OF_MEMBER}
            members.append(
                LinearMember(**parts, scaling=LogitScaling.from_array(arrays[prefix + "scaling"]))
            )
        weights, offset = (np.asarray(arrays[f"wide.{name}"]) for name in ("weights", "offset"))
        return cls(tuple(members), LogitPool(weights, offset))


def _collapse(
    member: TunedLogisticRegression | TunedClassifier, scaling: LogitScaling
) -> LinearMember:
    if isinstance(member, TunedClassifier):  # discriminant analysis, divided by the shares
        inputs, linear = member.inputs_, member.model_.estimator_
        balance = -np.log(member.model_.shares_)
    else:
        inputs, linear, balance = member.model_[0], member.model_[-1], 0.0
    weight, intercept = per_class(linear.coef_, linear.intercept_)
    intercept = intercept + balance
    if isinstance(inputs[0], PearsonResiduals):
        residuals, components, unit = (step for _, step in inputs.steps)
        pca = components.pca_
        onto = pca.components_.T.astype(np.float64) / unit.scale_
        weight = onto @ weight.T
        intercept = intercept - pca.mean_ @ weight
        genes, center, inverse = residuals.genes_, residuals.share_, np.empty(0)
    else:
        selector, scaler, *prior = inputs
        genes, center, weight = selector.genes_, scaler.mean_, weight.T
        if prior:
            weight = weight * prior[0].scale_[:, None]
        inverse = np.divide(
            1.0, scaler.scale_, out=np.zeros_like(scaler.scale_), where=scaler.scale_ > 0
        )
    return LinearMember(
        genes=np.asarray(genes, dtype=np.int64),
        center=center.astype(np.float64),
        inverse_scale=inverse.astype(np.float32),
        weight=weight.astype(np.float32),
        intercept=intercept.astype(np.float64),
        scaling=scaling,
        if_absent=np.zeros_like(weight, dtype=np.float32),
    )


def _class_means(member: LinearMember, X: Matrix, codes: np.ndarray) -> np.ndarray:
    """Mean of what a member reads of the cells of each class, ``(n_classes, n)``."""
    own = replace(member, genes=np.arange(len(member.genes)))
    cells, every = CellMatrix(X, member.genes), np.ones(len(member.genes), dtype=bool)
    sums = np.zeros((codes.max() + 1, len(member.genes)))
    for start in range(0, len(cells), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(cells)))
        is_of = np.eye(len(sums))[codes[rows]]
        sums += is_of.T @ own.inputs(cells.rows(rows), every)
    return sums / np.bincount(codes)[:, None]


def per_class(coefficients: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (classes x genes) and intercepts; two classes share the one row that there is."""
    if len(coefficients) == 1:
        coefficients, intercept = (
            np.concatenate([-x / 2, x / 2]) for x in (coefficients, intercept)
        )
    return coefficients.astype(np.float64), intercept.astype(np.float64)
