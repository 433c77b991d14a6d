from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData, read_h5ad

from scrna_longformer.get._expression import (
    check_anndata,
    make_actual,
    read_expression,
    resolve_mask,
)


@pytest.fixture
def adata(rng) -> AnnData:
    counts = rng.poisson(0.7, (12, 5)).astype(np.float32)
    adata = AnnData(sp.csr_matrix(np.log1p(counts * 1.3)))
    adata.layers["counts"] = counts
    adata.layers["scaled"] = counts - counts.mean(axis=0)
    adata.layers["linear"] = counts * 33.4
    adata.obs["keep"] = np.arange(12) < 4
    adata.obs["some"] = pd.array([True, None] * 6, dtype="boolean")
    adata.obs["depth"] = counts.sum(axis=1)
    adata.var["tf"] = np.arange(5) % 2 == 0
    adata.uns["nested"] = {"deep": np.arange(3)}
    return adata


FORMS = {
    "csr": sp.csr_matrix,
    "csc": sp.csc_matrix,
    "csr_array": sp.csr_array,
    "csc_array": sp.csc_array,
    "float64": lambda X: sp.csr_matrix(X, dtype=np.float64),
}


@pytest.mark.parametrize("form", list(FORMS))
def test_sparse_forms_read_alike(adata, unchanged, form):
    expected = adata.X.toarray()
    adata.X = FORMS[form](adata.X)
    with unchanged(adata):
        X = read_expression(adata)
    assert type(X) is sp.csr_matrix
    assert X.dtype == np.float32
    assert X.has_canonical_format
    assert X.data.all()
    np.testing.assert_array_equal(X.toarray(), expected)


@pytest.mark.parametrize("form", [np.asfortranarray, np.float64, np.float32])
def test_dense_forms_read_alike(adata, unchanged, form):
    expected = adata.X.toarray()
    adata.X = form(expected)
    with unchanged(adata):
        X = read_expression(adata)
    assert type(X) is np.ndarray
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    np.testing.assert_array_equal(X, expected)


def test_untidy_sparse_is_tidied_in_a_copy(adata, unchanged):
    X = sp.csr_matrix((np.float32([0.5, 0, 0.25, 0.5]), [3, 2, 1, 3], [0, 4, *[4] * 11]), (12, 5))
    adata.X = X
    with unchanged(adata):
        read = read_expression(adata)
    np.testing.assert_array_equal(read.indices, [1, 3])
    np.testing.assert_array_equal(read.data, np.float32([0.25, 1.0]))


@pytest.mark.parametrize("dense", [True, False])
def test_views_read_alike(adata, dense):
    if dense:
        adata.X = adata.X.toarray()
    view = adata[3:9, [4, 1]]
    X = read_expression(view)
    assert type(X) is (np.ndarray if dense else sp.csr_matrix)
    np.testing.assert_array_equal(sp.csr_matrix(X).toarray(), sp.csr_matrix(view.X).toarray())
    assert view.is_view


def test_counts_are_refused_with_the_calls_to_make(adata, unchanged):
    with unchanged(adata), pytest.raises(ValueError, match="raw counts") as error:
        read_expression(adata, "counts", caller="mask")
    for part in ("mask", "layers['counts']", "normalize_total", "log1p", "recipe", "'scaled'"):
        assert part in str(error.value)
    assert f"from 0 to {adata.layers['counts'].max():g}" in str(error.value)


def test_linear_values_are_refused(adata):
    with pytest.raises(ValueError, match="neither counts nor log-normalised"):
        read_expression(adata, "linear")


def test_scaled_values_warn(adata):
    with pytest.warns(UserWarning, match="came from all cells"):
        X = read_expression(adata, "scaled")
    np.testing.assert_array_equal(X, adata.layers["scaled"])


def test_wanting_counts(adata):
    np.testing.assert_array_equal(
        read_expression(adata, "counts", state="counts"), adata.layers["counts"]
    )
    with pytest.raises(ValueError, match=r"log-normalised values .* but raw counts are wanted"):
        read_expression(adata, state="counts")
    with pytest.raises(ValueError, match=r"scaled values .* but raw counts are wanted"):
        read_expression(adata, "scaled", state="counts")


def test_where_counts_are_is_said_only_where_they_are(adata):
    with pytest.raises(ValueError, match=r"adata\.X = adata\.layers\['counts'\]"):
        read_expression(adata, state="counts")
    with pytest.raises(ValueError, match="read it with `layer`='counts'"):
        read_expression(adata, "scaled", state="counts")
    counts = adata.layers.pop("counts")
    with pytest.raises(ValueError, match="No layer has them either"):
        read_expression(adata, state="counts")
    with pytest.raises(ValueError, match="Neither X nor a layer has them"):
        read_expression(adata, "scaled", state="counts")
    adata.X = counts
    with pytest.raises(ValueError, match=r"adata\.X has them"):
        read_expression(adata, "scaled", state="counts")


@pytest.mark.parametrize("layer", [None, "counts", "scaled", "linear"])
def test_wanting_anything(adata, layer):
    read_expression(adata, layer, state="any")


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(adata, unchanged, dense, value):
    X = adata.X.toarray()
    X[[7, 3], [1, 2]] = value
    adata.X = X if dense else sp.csc_matrix(X)
    found = "2 NaN and 0 infinite" if np.isnan(value) else "0 NaN and 2 infinite"
    with unchanged(adata), pytest.raises(ValueError, match=f"{found}.*cell '3', gene '2'"):
        read_expression(adata)


def test_no_such_layer(adata):
    with pytest.raises(KeyError, match=r"`layer`='nope'.*'counts', 'scaled', 'linear'"):
        read_expression(adata, "nope")


def test_no_matrix():
    adata = AnnData(obs=pd.DataFrame(index=["a", "b"]), var=pd.DataFrame(index=["g"]))
    with pytest.raises(ValueError, match=r"adata.X is empty"):
        read_expression(adata)


def test_backed(adata, tmp_path):
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = read_h5ad(tmp_path / "a.h5ad", backed="r")
    with pytest.raises(ValueError, match="to_memory"):
        read_expression(backed)
    backed.file.close()


def test_matrix_that_is_not_in_memory(adata, monkeypatch):
    class Lazy:
        dtype = np.dtype(float)

    monkeypatch.setattr(AnnData, "X", Lazy())
    with pytest.raises(TypeError, match=r"Lazy.*to_memory"):
        read_expression(adata)


@pytest.mark.parametrize("slices", [(slice(0), slice(None)), (slice(None), slice(0))])
def test_nothing_in_it(adata, slices):
    with pytest.raises(ValueError, match=r"has \d+ cells and \d+ genes"):
        check_anndata(adata[slices].copy())


def test_duplicated_names(adata):
    adata.var_names = ["a", "b", "a", "c", "d"]
    with pytest.raises(ValueError, match=r"more than once, such as 'a'.*var_names_make_unique"):
        read_expression(adata)


def test_not_an_anndata(rng):
    with pytest.raises(TypeError, match="must be an AnnData, not ndarray"):
        read_expression(rng.random((3, 3)))


def test_masks(adata):
    expected = np.arange(12) < 4
    for mask in ("keep", expected, list(expected), adata.obs["keep"]):
        found = resolve_mask(adata, mask, axis="obs")
        assert found.dtype == bool
        np.testing.assert_array_equal(found, expected)
    assert resolve_mask(adata, None, axis="obs") is None
    np.testing.assert_array_equal(
        resolve_mask(adata, "tf", axis="var"), [True, False, True, False, True]
    )


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        ("nope", KeyError, "`mask_obs`='nope'.*'keep'"),
        ("depth", TypeError, "`mask_obs`='depth' must be boolean, not float32"),
        ("some", ValueError, "missing values"),
        ([1, 0, 3], TypeError, "must be boolean, not int64"),
        ([True] * 3, ValueError, r"shape \(3,\).*12 rows"),
        ([False] * 12, ValueError, "chooses nothing"),
        (pd.Series([True] * 12), ValueError, "index is not adata.obs_names"),
    ],
)
def test_bad_masks(adata, unchanged, mask, error, message):
    with unchanged(adata), pytest.raises(error, match=message):
        resolve_mask(adata, mask, axis="obs")


def test_make_actual_leaves_the_parent_alone(adata, unchanged, capsys):
    view = adata[:6]
    with unchanged(adata):
        make_actual(view, caller="fit")
        view.uns["nested"]["deep"][0] = 9
        view.obs["new"] = 1
    assert not view.is_view
    assert view.n_obs == 6
    make_actual(adata)  # nothing to do, nothing to say
    assert capsys.readouterr().err.count("was a view") == 1
