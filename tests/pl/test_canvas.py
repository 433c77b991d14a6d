from __future__ import annotations

from collections.abc import Callable, Iterator

import anndata as ad
import numpy as np
import pytest
import scanpy as sc
from matplotlib import pyplot as plt

import scrna_longformer as sl
from scrna_longformer.pl._canvas import spread


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    calls: list[None] = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(None))
    return calls


def test_spread_keeps_labels_apart_in_order_and_inside(rng: np.random.Generator):
    for _ in range(50):
        wanted = np.sort(rng.uniform(0, 10, rng.integers(1, 12)))
        at = spread(wanted, gap=0.7, low=0, high=10)
        assert np.all(np.diff(at) >= 0.7 - 1e-9)
        assert at.min() >= -1e-9
        assert at.max() <= 10 + 1e-9


def test_spread_leaves_labels_that_have_room():
    np.testing.assert_allclose(spread([1, 4, 9], gap=2, low=0, high=10), [1, 4, 9])
    np.testing.assert_allclose(spread([5, 5], gap=2, low=0, high=10), [4, 6])
    assert len(spread([], gap=1, low=0, high=1)) == 0


def test_spread_shares_the_room_when_there_is_too_little():
    np.testing.assert_allclose(spread([0, 0, 0], gap=9, low=0, high=10), [0, 5, 10])


@pytest.fixture
def autoshow() -> Iterator[Callable[[bool], None]]:
    """Set Scanpy's setting, and put it back afterwards."""
    before = sc.settings.autoshow

    def put(value: bool) -> None:
        sc.settings.autoshow = value

    yield put
    put(before)


@pytest.mark.parametrize("setting", [True, False])
def test_show_follows_scanpy(star: ad.AnnData, shown: list, setting: bool, autoshow: Callable):
    autoshow(setting)
    sl.pl.gene_knn_degree(star)
    assert len(shown) == setting


def test_show_argument_wins_over_scanpy(star: ad.AnnData, shown: list, autoshow: Callable):
    autoshow(False)
    ax = sl.pl.gene_knn_degree(star, show=True)
    assert len(shown) == 1
    assert ax.figure is not None


def test_given_axes_are_drawn_on_and_not_shown(star: ad.AnnData, shown: list):
    figure, (left, right) = plt.subplots(1, 2)
    assert sl.pl.gene_knn_degree(star, ax=right) is right
    assert right.patches
    assert not left.patches
    assert plt.get_fignums() == [figure.number]
    assert not shown


@pytest.mark.parametrize("name", ["gene_knn_degree", "gene_knn_block"])
def test_save_writes_the_file(star: ad.AnnData, name: str, tmp_path):
    getattr(sl.pl, name)(star, show=False, save=tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
