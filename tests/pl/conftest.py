from __future__ import annotations

from collections.abc import Iterator

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from matplotlib import pyplot as plt

from scrna_longformer._digest import digest_names


def with_mask(adjacency: np.ndarray, genes: list[str]) -> ad.AnnData:
    """Return an AnnData that holds this gene graph as ``pp.gene_knn_mask`` writes it."""
    mask = sp.csr_matrix(adjacency.astype(bool) | np.eye(len(adjacency), dtype=bool))
    adata = ad.AnnData(np.ones((2, len(genes)), np.float32), var=pd.DataFrame(index=genes))
    adata.varp["gene_knn_mask"] = mask
    adata.uns["gene_knn"] = {"params": {}, "var_names_digest": digest_names(genes)}
    return adata


@pytest.fixture
def star() -> ad.AnnData:
    """Twelve genes around one hub; two of them are neighbours of each other too."""
    adjacency = np.zeros((13, 13), dtype=bool)
    adjacency[0, 1:] = adjacency[1:, 0] = True
    adjacency[1, 2] = adjacency[2, 1] = True
    return with_mask(adjacency, ["HUB/1", *(f"G{i}" for i in range(1, 13))])


@pytest.fixture
def two_modules() -> ad.AnnData:
    """A clique of four genes and one of three, their genes shuffled among each other."""
    member = np.array([0, 1, 0, 1, 0, 1, 0])
    return with_mask(member[:, None] == member, [f"G{i}" for i in range(7)])


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")
