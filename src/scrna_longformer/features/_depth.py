"""What fewer molecules per cell do to the mean and spread of values, and how to take it back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DEPTHS = (1.0, 0.5, 0.25, 0.125)  # shares of a cell's molecules
_LARGEST_STRETCH = 5.0  # a gene that is hardly left says little, however it is stretched


@dataclass(frozen=True)
class AffineMap:
    """``values * scale + shift``, gene by gene.

    Attributes
    ----------
    scale, shift
        ``(n_genes,)`` float32.
    """

    scale: np.ndarray
    shift: np.ndarray

    def __call__(self, values: np.ndarray, genes: np.ndarray) -> np.ndarray:
        """Map dense cells x genes `values`, whose columns are these of the genes."""
        return values * self.scale[genes] + self.shift[genes]

    def where(self, is_present: np.ndarray) -> AffineMap:
        """Return the map that leaves genes as they are that are not present."""
        scale, shift = np.where(is_present, self.scale, 1), np.where(is_present, self.shift, 0)
        return AffineMap(scale.astype(np.float32), shift.astype(np.float32))


@dataclass(frozen=True)
class MomentsByDepth:
    """Mean and standard deviation of each gene in the same cells, with all their molecules and with fewer.

    Attributes
    ----------
    mean, sd
        One row for each of ``DEPTHS``, ``(4, n_genes)`` float32.

    Examples
    --------
    >>> moments = MomentsByDepth(np.array([[2.0], [1.0]] * 2), np.array([[1.0], [0.5]] * 2))
    >>> as_trained = moments.to_full(0.5)  # at half the depth the gene was 1 on average, not 2
    >>> as_trained(np.array([[1.0], [1.5]]), np.array([0]))
    array([[2.],
           [3.]])
    """

    mean: np.ndarray
    sd: np.ndarray

    def to_full(self, depth: float) -> AffineMap:
        """Return what gives values of cells at this share of the molecules the moments of all.

        Between the depths that were measured, moments are taken to be linear in its logarithm; below
        the smallest as there.
        """
        steps = np.log2(DEPTHS)
        mean, sd = (self._at(np.log2(depth), steps, rows) for rows in (self.mean, self.sd))
        varies = (sd > 0) & (self.sd[0] > 0)
        stretch = np.divide(self.sd[0], sd, out=np.ones_like(sd), where=varies)
        scale = np.clip(stretch, 1 / _LARGEST_STRETCH, _LARGEST_STRETCH)
        shift = self.mean[0] - scale * mean
        return AffineMap(scale.astype(np.float32), shift.astype(np.float32))

    @staticmethod
    def _at(step: float, steps: np.ndarray, rows: np.ndarray) -> np.ndarray:
        place = float(np.interp(-step, -steps, np.arange(len(steps))))
        below = min(int(place), len(steps) - 2)
        share = place - below
        return (1 - share) * rows[below] + share * rows[below + 1]
