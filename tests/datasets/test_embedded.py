from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from pandas.testing import assert_frame_equal
from scipy import sparse

import scrna_longformer as sl


@pytest.fixture(scope="module")
def adata() -> ad.AnnData:
    return sl.datasets.pbmc68k_reduced()


def test_values_are_those_of_scanpy(adata):
    bundled = sc.datasets.pbmc68k_reduced()
    assert sparse.isspmatrix_csr(adata.X)
    assert adata.X.dtype == np.float32
    assert adata.raw is None
    np.testing.assert_array_equal(adata.X.toarray(), bundled.raw[:, adata.var_names].X.toarray())
    np.testing.assert_array_equal(adata.layers["scaled"], bundled.X)
    assert (adata.obs_names == bundled.obs_names).all()
    pd.testing.assert_series_equal(adata.obs["bulk_labels"], bundled.obs["bulk_labels"])


def test_leiden_is_seeded_and_clusters_the_neighbours_it_comes_with(adata):
    again = sl.datasets.pbmc68k_reduced()
    assert adata.obs["leiden"].equals(again.obs["leiden"])
    assert adata.uns["leiden"]["params"]["random_state"] == 0
    # clusters of the same cells by another algorithm on the same graph: alike, not equal
    from sklearn.metrics import adjusted_rand_score

    assert 0.4 < adjusted_rand_score(adata.obs["leiden"], adata.obs["louvain"]) < 1


def test_scanpy_goes_on_from_it(adata):
    adata = adata.copy()
    sc.tl.leiden(
        adata, flavor="igraph", n_iterations=2, directed=False, random_state=0, key_added="again"
    )
    assert adata.obs["again"].astype(str).tolist() == adata.obs["leiden"].astype(str).tolist()
    assert adata.obsm["X_umap"].shape == (700, 2)


def test_provenance_is_told(adata):
    record = adata.uns["dataset"]
    assert record["values"] == "log"
    assert "No counts" in record["note"]
    assert "selected on all cells" in record["note"]
    kinds = dict(zip(record["label_columns"], record["label_kinds"], strict=True))
    assert kinds["bulk_labels"] == "assigned"
    assert kinds["leiden"] == kinds["louvain"] == "clustered"
    origins = dict(zip(record["label_columns"], record["label_origins"], strict=True))
    assert "similarity" in origins["bulk_labels"]


# anndata 0.12 announces with every zarr file that its default format will change
@pytest.mark.filterwarnings("ignore:Writing zarr v2 data:UserWarning")
@pytest.mark.parametrize("form", ["h5ad", "zarr"])
@pytest.mark.parametrize("name", ["pbmc68k_reduced", "simulate_interactions", "simulate_hubs"])
def test_round_trip(name, form, tmp_path):
    adata = sl.datasets.load(name)
    adata.obs["slash"] = pd.Categorical(np.where(np.arange(adata.n_obs) % 2, "a/b", "c"))
    path = tmp_path / f"file.{form}"
    getattr(adata, f"write_{form}")(path)
    back = ad.read_h5ad(path) if form == "h5ad" else ad.read_zarr(path)
    assert_frame_equal(back.obs, adata.obs)
    assert_frame_equal(back.var, adata.var)
    np.testing.assert_array_equal(back.X.toarray(), adata.X.toarray())
    _assert_same(back.uns, adata.uns)


def _assert_same(left, right):
    assert left.keys() == right.keys()
    for key, value in right.items():
        if isinstance(value, dict):
            _assert_same(left[key], value)
        else:
            np.testing.assert_array_equal(left[key], value)
            assert np.ndim(left[key]) == np.ndim(value)
