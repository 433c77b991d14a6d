"""Views made of other views."""

from __future__ import annotations

import numpy as np
import pytest

from scrna_longformer.dataloaders import CellMatrix, JoinedCells, ResidentCells, _resident, resident


@pytest.fixture
def view(rng: np.random.Generator) -> CellMatrix:
    return CellMatrix(rng.random((30, 8), dtype=np.float32), np.array([5, 1, 2]))


def test_rows_that_stand_ready_are_those_of_the_view(view: CellMatrix) -> None:
    ready, index = resident(view), np.array([3, 3, 0])
    assert isinstance(ready, ResidentCells)
    assert len(ready) == 30
    assert np.array_equal(ready.rows(index), view.rows(index))
    for found, expected in zip(ready.moments(index), view.moments(index), strict=True):
        assert np.array_equal(found, expected)


def test_what_has_no_room_stays_a_view(view: CellMatrix, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_resident, "ROOM", 30 * 3 - 1)
    assert resident(view) is view


def test_joined_views_stand_side_by_side(view: CellMatrix, rng: np.random.Generator) -> None:
    other = CellMatrix(rng.random((30, 2), dtype=np.float32), np.array([0, 1]))
    both, index = JoinedCells(view, other), np.array([7, 2])
    assert (len(both), both.n_tokens) == (30, 5)
    assert np.array_equal(both.rows(index), np.hstack([view.rows(index), other.rows(index)]))
    mean, sd = both.moments(index)
    assert np.array_equal(mean[3:], other.moments(index)[0])
    assert np.array_equal(sd[:3], view.moments(index)[1])
