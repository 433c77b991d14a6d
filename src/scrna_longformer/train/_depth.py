"""Cells with fewer molecules than those of training, read as if they had as many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from .._random import generator
from ..dataloaders._cells import CellMatrix, Matrix
from ..dataloaders._residual_cells import ResidualCells
from ..features._counts import recover_counts
from ..features._depth import DEPTHS, AffineMap, MomentsByDepth
from ..features._thinning import thin_counts
from ..features._totals import cell_totals

_MOST_CELLS = 2000  # for means and spreads these are plenty
# A query within this factor of the training cells is left alone: types are not equally common in both.
_SHALLOW = 0.8
_OF_MEDIAN = 1.2533  # its standard error is so much larger than that of a mean
_LOG, _RESIDUAL, _TOTAL = "depth.log", "depth.residual", "depth.log_total"


@dataclass(frozen=True)
class ShallowValues:
    """How log values and residuals of shallower cells become those of training cells.

    Attributes
    ----------
    log, residual
        Of each gene of the vocabulary.
    """

    log: AffineMap
    residual: AffineMap

    def where(self, is_present: np.ndarray) -> ShallowValues:
        """Leave alone the values that stand in the place of genes that are not present."""
        return ShallowValues(self.log.where(is_present), self.residual.where(is_present))


@dataclass(frozen=True)
class DepthModel:
    """What depth does to values, and how deep cells of each class are.

    The molecules of training cells are thinned by coins, which is what a shallower run of the same
    cells would be. That needs no label, so nothing about classes is assumed but that they look alike.

    Attributes
    ----------
    log, residual
        Means and spreads at several depths, of log values and of Pearson residuals.
    log_total
        Mean logarithm of the molecules of a training cell of each class, ``(n_classes,)``.
    """

    log: MomentsByDepth
    residual: MomentsByDepth
    log_total: np.ndarray

    @classmethod
    def fit(
        cls,
        X: Matrix,
        codes: np.ndarray,
        genes: np.ndarray,
        share: np.ndarray,
        *,
        random_state: int,
    ) -> DepthModel:
        """Learn it from training cells.

        Parameters
        ----------
        X
            Cells x genes log values.
        codes
            Class of each cell.
        genes
            Columns of the vocabulary.
        share
            Share of each of them in the counts.
        random_state
            Seed of the cells that are looked at, and of the coins.
        """
        rng = generator(random_state)
        total = molecules(X[:, genes], share)
        has_any = total > 0
        sizes = np.maximum(np.bincount(codes[has_any], minlength=int(codes.max()) + 1), 1)
        log_total = np.bincount(codes[has_any], np.log(total[has_any]), len(sizes)) / sizes
        rows = np.sort(rng.permutation(X.shape[0])[:_MOST_CELLS])
        values = X[rows][:, genes]
        counts = recover_counts(values, most_wrong=1)
        found = np.maximum(counts.sum(axis=1, dtype=np.float64), 1)
        unit = cell_totals(values) / found  # what one molecule adds to expm1 of a value
        every, of_log, of_residual = np.arange(len(genes)), [], []
        for depth in DEPTHS:
            left = counts if depth == 1 else thin_counts(counts, depth, rng)[0]
            shallow = sparse.csr_matrix(sparse.diags_array(unit / depth) @ left)
            shallow.data = np.log1p(shallow.data)
            of_log.append(CellMatrix(shallow, every).moments(np.arange(len(rows))))
            residuals = ResidualCells(shallow.astype(np.float32), every, every, share)
            of_residual.append(residuals.moments(np.arange(len(rows))))
        log, residual = (
            MomentsByDepth(*(np.stack(parts) for parts in zip(*found, strict=True)))
            for found in (of_log, of_residual)
        )
        return cls(log, residual, log_total)

    def of_query(self, total: np.ndarray, proba: np.ndarray) -> float:
        """Share of the molecules that the cells of a query have, of those that training cells have.

        Cells are compared with training cells of the classes that they are taken for. It is 1 unless
        the median cell has clearly fewer molecules (by two standard errors less than 0.8 of them).

        Parameters
        ----------
        total
            :func:`molecules` of each cell.
        proba
            Cells x classes probabilities.
        """
        has_any = total > 0
        ratio = np.log(total[has_any]) - proba[has_any] @ self.log_total
        if len(ratio) < 2:
            return 1.0
        error = _OF_MEDIAN * ratio.std(ddof=1) / np.sqrt(len(ratio))
        median = np.median(ratio)
        return float(np.exp(median)) if median + 2 * error < np.log(_SHALLOW) else 1.0

    def at(self, depth: float) -> ShallowValues:
        """Return what makes values of cells at this depth those of training cells."""
        return ShallowValues(self.log.to_full(depth), self.residual.to_full(depth))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays."""
        moments = {_LOG: self.log, _RESIDUAL: self.residual}
        arrays = {f"{name}_mean": found.mean for name, found in moments.items()}
        arrays |= {f"{name}_sd": found.sd for name, found in moments.items()}
        return arrays | {_TOTAL: self.log_total}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> DepthModel | None:
        """Take the arrays of :meth:`to_arrays` out of `arrays`; ``None`` if there are none."""
        if _TOTAL not in arrays:
            return None
        log, residual = (
            MomentsByDepth(*(arrays.pop(f"{name}_{part}") for part in ("mean", "sd")))
            for name in (_LOG, _RESIDUAL)
        )
        return cls(log, residual, arrays.pop(_TOTAL))


def molecules(X: Matrix, share: np.ndarray) -> np.ndarray:
    """Molecules of each cell, extended to the genes of the vocabulary that are absent, ``(cells,)``.

    Parameters
    ----------
    X
        Cells x genes log values, of those genes of the vocabulary that are there.
    share
        Share of each of these genes in the counts of training cells.
    """
    return recover_counts(X, most_wrong=1).sum(axis=1, dtype=np.float64) / share.sum()
