from __future__ import annotations

from itertools import pairwise

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
from matplotlib.patches import Rectangle
from matplotlib.text import Text

import scrna_longformer as sl
from scrna_longformer.get._modules import block_shares, modules_of


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_degrees_are_neighbours_without_the_gene_itself(star: ad.AnnData):
    degrees = sl.get.gene_degrees(star)
    assert degrees["degree"].tolist() == [12, 2, 2, *[1] * 10]
    assert degrees["gene"].tolist()[:3] == ["HUB/1", "G1", "G2"]
    assert degrees["is_hub"].tolist() == [True, *[False] * 12]
    assert degrees.attrs["hub_share"] == pytest.approx(12 / 13)


def test_degrees_of_a_part_of_the_genes(star: ad.AnnData):
    star.uns["gene_knn"]["members"] = np.arange(13) < 5
    degrees = sl.get.gene_degrees(star)
    assert degrees["gene"].tolist() == ["HUB/1", "G1", "G2", "G3", "G4"]
    assert degrees["degree"].tolist() == [4, 2, 2, 1, 1]


def test_degree_histogram_counts_every_gene_once(star: ad.AnnData):
    ax = sl.pl.gene_knn_degree(star, show=False)
    heights = {
        round(bar.get_x() + bar.get_width() / 2): bar.get_height()
        for bar in ax.patches
        if bar.get_height()
    }
    assert heights == {1: 10, 2: 2, 12: 1}
    assert ax.get_ylim()[0] == 0


def test_degree_histogram_names_the_most_connected_genes(star: ad.AnnData):
    ax = sl.pl.gene_knn_degree(star, n_named=3, show=False)
    assert set(texts(ax)) == {"HUB/1", "G1", "G2"}
    hub = next(text for text in ax.texts if text.get_text() == "HUB/1")
    assert hub.xy == (12, 0)
    title = "13 genes, median degree 1; 92% of the links touch the top gene"
    assert ax.get_title(loc="left") == title


def test_names_do_not_overlap(two_modules: ad.AnnData):
    ax = sl.pl.gene_knn_degree(two_modules, n_named=7, show=False)
    ax.figure.draw_without_rendering()
    # the extent of an annotation would include its leader line
    boxes = sorted((Text.get_window_extent(text) for text in ax.texts), key=lambda box: box.x0)
    assert len(boxes) == 7
    assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))


def test_modules_are_found_and_numbered_by_size(two_modules: ad.AnnData):
    assert modules_of(two_modules.varp["gene_knn_mask"]).tolist() == [0, 1, 0, 1, 0, 1, 0]


def test_block_view_shows_modules_as_blocks(two_modules: ad.AnnData):
    ax = sl.pl.gene_knn_block(two_modules, show=False)
    expected = np.zeros((7, 7))
    expected[:4, :4] = expected[4:, 4:] = 1
    np.fill_diagonal(expected, 0)  # a gene is not its own neighbour
    np.testing.assert_array_equal(ax.images[0].get_array(), expected)
    outlines = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert [(p.get_x(), p.get_width()) for p in outlines] == [(0, 4), (4, 3)]
    assert ax.get_xlabel() == "7 genes in the order of 2 modules"


@pytest.mark.parametrize("n_blocks", [1, 3, 8, 20])
def test_block_shares_equal_counting(n_blocks: int, rng: np.random.Generator):
    dense = rng.random((20, 20)) < 0.3
    dense = dense | dense.T | np.eye(20, dtype=bool)
    order = rng.permutation(20)
    groups = [order[np.arange(20) * n_blocks // 20 == b] for b in range(n_blocks)]
    expected = np.zeros((n_blocks, n_blocks))
    for i, rows in enumerate(groups):
        for j, columns in enumerate(groups):
            pairs = [(r, c) for r in rows for c in columns if r != c]
            expected[i, j] = np.mean([dense[pair] for pair in pairs]) if pairs else 0
    np.testing.assert_allclose(block_shares(sp.csr_matrix(dense), order, n_blocks), expected)


def test_bad_arguments_say_what_to_do(star: ad.AnnData):
    with pytest.raises(KeyError, match="gene_knn_mask"):
        sl.pl.gene_knn_degree(star, mask_key="other", show=False)
    with pytest.raises(ValueError, match="`n_blocks` must be at least 1, not 0"):
        sl.pl.gene_knn_block(star, n_blocks=0, show=False)
    with pytest.raises(ValueError, match="other genes"):
        sl.pl.gene_knn_block(star[:, ::-1].copy(), show=False)
