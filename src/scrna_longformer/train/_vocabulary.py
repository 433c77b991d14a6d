"""Which genes any part of a model reads, and what their counts are compared with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..dataloaders._cells import Matrix
from ..dataloaders._moments import Cells
from ..dataloaders._views import model_cells
from ..features._counts import recover_counts
from ..features._residuals import PearsonResiduals
from ..features._totals import cell_totals

N_RESIDUALS = 3000  # genes that a cell's total is taken over, besides those of other use


@dataclass(frozen=True)
class Vocabulary:
    """The genes of a model, among the columns of the values it is fitted to.

    Attributes
    ----------
    genes
        Columns that any part of the model reads, ascending, ``(n_genes,)``.
    tokens, linear
        Positions in `genes` of the tokens, and of the genes that enter linearly.
    positions
        Position in `genes` of each column of the values; -1 for those that are not read.
    share
        Share of each gene in the counts of the cells, ``(n_genes,)``, where token values are Pearson
        residuals; else empty.
    total
        Median of what ``expm1`` of these genes adds up to in a cell, there; else NaN.
    """

    genes: np.ndarray
    tokens: np.ndarray
    linear: np.ndarray
    positions: np.ndarray
    share: np.ndarray = field(default_factory=lambda: np.empty(0))
    total: float = np.nan

    @classmethod
    def of(
        cls,
        X: Matrix,
        *,
        tokens: np.ndarray,
        linear: np.ndarray,
        others: np.ndarray,
        residuals: bool,
    ) -> Vocabulary:
        """Gather the genes, and learn their shares of the counts where residuals need them.

        Parameters
        ----------
        X
            Cells x genes log values.
        tokens, linear, others
            Columns that are tokens, that enter linearly, and that other models read.
        residuals
            Whether token values are Pearson residuals.

        Raises
        ------
        ValueError
            If they are to be, and there are no counts behind the values.
        """
        read = [tokens, linear, others]
        if residuals:
            read.append(_residual_genes(X))
        genes = np.unique(np.concatenate(read))
        positions = np.full(X.shape[1], -1)
        positions[genes] = np.arange(len(genes))
        found = cls(genes, positions[tokens], positions[linear], positions)
        if not residuals:
            return found
        values = X[:, genes]
        sums = recover_counts(values, most_wrong=1).sum(axis=0, dtype=np.float64)
        total = float(np.median(cell_totals(values)))
        return cls(genes, found.tokens, found.linear, positions, sums / sums.sum(), total)

    def cells(self, X: Matrix) -> Cells:
        """Return what the model reads of the cells of `X`."""
        return model_cells(X, self.genes, tokens=self.tokens, linear=self.linear, share=self.share)

    def token_cells(self, X: Matrix) -> Cells:
        """Return the values of the tokens alone."""
        none = np.empty(0, dtype=np.int64)
        return model_cells(X, self.genes, tokens=self.tokens, linear=none, share=self.share)


def _residual_genes(X: Matrix) -> np.ndarray:
    try:
        return PearsonResiduals(N_RESIDUALS).fit(X).genes_
    except ValueError as error:
        msg = (
            f"Pearson residuals are of the counts behind the values. {error} Choose "
            "`input_transform`='log', or give it log1p of counts per 10,000."
        )
        raise ValueError(msg) from error
