"""Means and spreads of shallower cells, and the map that takes them back."""

from __future__ import annotations

import numpy as np
import pytest

from scrna_longformer.features._depth import AffineMap, MomentsByDepth


@pytest.fixture
def moments() -> MomentsByDepth:
    """Two genes: one halves with depth, of the other nothing is left at an eighth."""
    mean = np.array([[8.0, 1.0], [4.0, 0.5], [2.0, 0.2], [1.0, 0.0]])
    sd = np.array([[4.0, 1.0], [2.0, 0.5], [1.0, 0.1], [0.8, 0.0]])
    return MomentsByDepth(mean, sd)


@pytest.mark.parametrize("row", range(4))
def test_moments_of_shallow_cells_become_those_of_deep_ones(moments, row) -> None:
    to = moments.to_full(0.5**row)
    values = moments.mean[row] + moments.sd[row] * np.array([[-1.0], [1.0]])
    back = to(values, np.arange(2))
    np.testing.assert_allclose(back.mean(axis=0), moments.mean[0], rtol=1e-6)
    assert np.ptp(back[:, 0]) / 2 == pytest.approx(4)
    # of what is hardly left nothing is made more of than five times
    assert np.ptp(back[:, 1]) / 2 == pytest.approx([1, 1, 0.5, 0][row])


def test_between_depths_and_below_the_smallest(moments) -> None:
    middle = moments.to_full(2**-1.5)  # in the middle between a half and a quarter
    assert middle.scale[0] == pytest.approx(4 / 1.5)
    assert middle.scale[0] * 3 + middle.shift[0] == pytest.approx(8)
    smallest, below = moments.to_full(1 / 8), moments.to_full(1 / 100)
    np.testing.assert_array_equal(smallest.scale, below.scale)
    np.testing.assert_array_equal(smallest.shift, below.shift)


def test_genes_that_are_not_there_are_left_alone() -> None:
    to = AffineMap(np.array([2.0, 3.0]), np.array([1.0, 1.0])).where(np.array([True, False]))
    assert to(np.array([[1.0, 1.0]]), np.arange(2)).tolist() == [[3.0, 1.0]]
