"""After every call that writes, the AnnData survives h5ad and zarr unchanged.

The classes and genes are named to hurt: a ``/`` in a key is a folder in both formats.
"""

from __future__ import annotations

import inspect
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import scrna_longformer as sl

# anndata 0.12 announces that 0.13 writes version 3 of zarr
pytestmark = pytest.mark.filterwarnings("ignore:Writing zarr v2 data:UserWarning")

CLASSES = ["CD4+/CD45RA+ Naive", "B", "NK (CD56/CD16)"]
PLAIN = (str, bool, int, float, np.number, np.bool_)
# Calls of pp and tl that write nothing into an AnnData.
READERS = {"check", "count_parameters"}
# Those that read and write a learning curve make their round trip in tests/tl/test_learning_curve.py.
CURVES = {"learning_curve", "data_requirement", "recommend_architecture"}


def raw_counts() -> ad.AnnData:
    """120 cells x 60 genes in three types; the genes of each type are four times as active."""
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], 40)
    rate = rng.gamma(2.0, 1.0, 60) + 0.5
    active = np.arange(60) % 3 == codes[:, None]
    counts = rng.poisson(rate * np.where(active, 4.0, 1.0)).astype(np.float32)
    obs = pd.DataFrame(
        {"cell_type": pd.Categorical.from_codes(codes, CLASSES)},
        index=[f"cell-{i}" for i in range(120)],
    )
    var = pd.DataFrame(index=[f"HLA/{i}" if i % 5 == 0 else f"gene-{i}" for i in range(60)])
    return ad.AnnData(sp.csr_matrix(counts), obs=obs, var=var)


@pytest.fixture(scope="module")
def stages() -> dict[str, ad.AnnData]:
    """One analysis; the AnnData as it was after each call."""
    after: dict[str, ad.AnnData] = {}
    adata = raw_counts()
    sl.pp.recipe_longformer(adata, n_top_genes=50, scale=True)
    after["recipe_longformer"] = adata.copy()

    after["count_split"] = sl.pp.count_split(adata, copy=True)

    sl.pp.gene_knn_mask(adata, n_neighbors=5)
    after["gene_knn_mask"] = adata.copy()

    train = adata[::2].copy()
    train.obs.loc[train.obs_names[:3], "cell_type"] = np.nan
    with warnings.catch_warnings():  # it says, rightly, that this is too short to learn anything
        warnings.simplefilter("ignore", UserWarning)
        sl.tl.longformer_fit(train, "cell_type", preset="tiny", n_tokens=30, max_steps=20)
    after["longformer_fit"] = train.copy()

    with warnings.catch_warnings():  # a gate that is 0 uses no attention; it is stored all the same
        warnings.simplefilter("ignore", UserWarning)
        after["gene_attention"] = sl.tl.gene_attention(train, groupby="cell_type", copy=True)

    query = adata[1::2].copy()
    sl.tl.longformer_predict(query, train)
    after["longformer_predict"] = query.copy()

    models = ["majority", "nearest_centroid"]
    sl.tl.baseline_compare(train, "cell_type", models=models, n_splits=3)
    after["baseline_compare"] = train.copy()
    return after


STEPS = ["recipe_longformer", "gene_knn_mask", "longformer_fit", "longformer_predict"]
STEPS += ["gene_attention", "baseline_compare", "count_split"]


def write_and_read(adata: ad.AnnData, path, kind: str) -> ad.AnnData:
    if kind == "h5ad":
        adata.write_h5ad(path)
        return ad.read_h5ad(path)
    adata.write_zarr(path)
    return ad.read_zarr(path)


def assert_same(left, right, where: str) -> None:
    """Compare by value; what a file cannot tell apart (a NumPy and a Python int) is equal."""
    if isinstance(left, dict):
        assert set(left) == set(right), where
        for key in left:
            assert_same(left[key], right[key], f"{where}[{key!r}]")
    elif isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right, obj=where)
    elif sp.issparse(left):
        assert left.dtype == right.dtype, where
        assert left.shape == right.shape, where
        assert (left != right).nnz == 0, where
    elif isinstance(left, np.ndarray):
        assert left.dtype.kind != "O", f"{where} is an object array"
        text = left.dtype.kind in "UT"  # read back as whatever this anndata reads text as
        assert text or left.dtype == right.dtype, where
        np.testing.assert_array_equal(left.tolist(), right.tolist(), err_msg=where)
    elif left is None:
        assert where == "uns['log1p']['base']"  # Scanpy's own; our records hold no None
        assert right is None
    else:
        assert isinstance(left, PLAIN), f"{where}: {left!r}"
        assert left == right or (left != left and right != right), where


@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
@pytest.mark.parametrize("step", STEPS)
def test_written_and_read_back_is_the_same(step, kind, stages, tmp_path):
    adata = stages[step]
    again = write_and_read(adata, tmp_path / f"cells.{kind}", kind)
    assert list(adata.var_names) == list(again.var_names)
    for slot in ("X", "obs", "var"):
        assert_same(getattr(adata, slot), getattr(again, slot), slot)
    for slot in ("layers", "obsm", "varm", "obsp", "varp", "uns"):
        assert_same(dict(getattr(adata, slot)), dict(getattr(again, slot)), slot)


@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_model_read_back_predicts_the_same_bits(kind, stages, tmp_path):
    reference = write_and_read(stages["longformer_fit"], tmp_path / f"cells.{kind}", kind)
    query = stages["gene_knn_mask"][1::2].copy()
    sl.tl.longformer_predict(query, reference)
    expected = stages["longformer_predict"]
    assert np.array_equal(query.obsm["longformer_proba"], expected.obsm["longformer_proba"])
    assert np.array_equal(query.obsm["X_longformer"], expected.obsm["X_longformer"])
    assert query.obs["longformer_pred"].equals(expected.obs["longformer_pred"])


@pytest.mark.parametrize("step", STEPS)
def test_names_are_never_keys(step, stages):
    """Class and gene names appear as values only."""
    adata = stages[step]
    names = set(CLASSES) | set(adata.var_names)

    def keys(slot) -> list[str]:
        if isinstance(slot, pd.DataFrame):
            return list(slot.columns)
        if not isinstance(slot, dict):
            return []
        return [*slot, *(key for value in slot.values() for key in keys(value))]

    slots = [dict(s) for s in (adata.uns, adata.obsm, adata.varm, adata.obsp, adata.varp)]
    found = {key for slot in [*slots, adata.obs, adata.var] for key in keys(slot)}
    assert not found & names
    assert not {key for key in found if "/" in key}


def test_every_call_that_writes_is_here():
    public = {**vars(sl.pp), **vars(sl.tl)}
    calls = {name for name in [*sl.pp.__all__, *sl.tl.__all__] if inspect.isfunction(public[name])}
    assert calls == set(STEPS) | READERS | CURVES
