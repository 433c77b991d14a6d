from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import scrna_longformer as sl
from scrna_longformer.features import half_correlation, thin_counts


def counts_of(rng: np.random.Generator, dispersion: float | None = None) -> np.ndarray:
    """400 cells x 60 genes of one type; Poisson, or Gamma-Poisson with a shape."""
    rate = rng.gamma(2.0, 4.0, 60) * np.exp(0.3 * rng.standard_normal((400, 1)))
    if dispersion is not None:
        rate = rate * rng.gamma(dispersion, 1 / dispersion, rate.shape)
    return rng.poisson(rate).astype(np.float32)


def test_halves_add_up_and_hold_their_share(rng) -> None:
    adata = ad.AnnData(sp.csr_matrix(counts_of(rng)))
    sl.pp.count_split(adata, share=0.25)
    a, b = adata.layers["counts_a"], adata.layers["counts_b"]
    assert ((a + b) != adata.X).nnz == 0
    assert a.sum() / adata.X.sum() == pytest.approx(0.25, abs=0.005)
    assert a.dtype == b.dtype == np.float32
    assert adata.uns["count_split"]["params"]["share"] == 0.25


def test_halves_of_poisson_counts_are_poisson_and_independent(rng) -> None:
    rate = 6.0
    whole = rng.poisson(rate, (4000, 3))
    a, b = (half.toarray() for half in thin_counts(whole, 0.5, rng))
    for half in (a, b):
        np.testing.assert_allclose(half.mean(axis=0), 3.0, atol=0.12)
        np.testing.assert_allclose(half.var(axis=0), 3.0, atol=0.25)
    for gene in range(3):
        assert abs(np.corrcoef(a[:, gene], b[:, gene])[0, 1]) < 0.06


def test_the_assumption_is_tested(rng) -> None:
    poisson = half_correlation(*thin_counts(counts_of(rng), 0.5, rng), rng)
    assert abs(poisson.correlation) < 0.03
    assert poisson.n_genes == 60
    assert half_correlation(*thin_counts(counts_of(rng, 1.0), 0.5, rng), rng).correlation > 0.3
    with pytest.warns(UserWarning, match="vary more than Poisson"):
        sl.pp.count_split(ad.AnnData(sp.csr_matrix(counts_of(rng, 1.0))))


def test_clusters_of_one_half_are_not_in_the_other(rng) -> None:
    """Clusters of pure noise are predicted from their own matrix, and not from the other half."""
    from sklearn.cluster import KMeans
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    whole = rng.poisson(3.0, (300, 40))
    a, b = (np.log1p(half.toarray()) for half in thin_counts(whole, 0.5, rng))
    clusters = KMeans(3, n_init=3, random_state=0).fit_predict(a)
    majority = np.bincount(clusters).max() / 300
    same, other = (
        cross_val_score(LogisticRegression(max_iter=500), half, clusters).mean() for half in (a, b)
    )
    assert same > 0.85
    assert other < majority + 0.06


def test_layer_copy_and_reproducibility(rng) -> None:
    counts = sp.csr_matrix(counts_of(rng))
    adata = ad.AnnData(counts.astype(float) * 0.5, layers={"counts": counts})
    one, two = (sl.pp.count_split(adata, random_state=3, copy=True) for _ in range(2))
    assert "counts_a" not in adata.layers
    assert (one.layers["counts_a"] != two.layers["counts_a"]).nnz == 0
    assert one.uns["count_split"]["params"]["layer"] == "counts"
    sl.pp.count_split(adata, random_state=4)
    assert (one.layers["counts_a"] != adata.layers["counts_a"]).nnz > 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"share": 1.0}, ValueError, "`share` must lie between 0 and 1, not 1.0"),
        ({"layer": "raw"}, KeyError, "'raw'"),
        ({"random_state": -1}, ValueError, "count_split: `random_state` must be an integer from 0"),
    ],
)
def test_bad_arguments_teach(rng, options, error, message) -> None:
    adata = ad.AnnData(sp.csr_matrix(counts_of(rng)))
    with pytest.raises(error, match=message):
        sl.pp.count_split(adata, **options)
    assert not adata.layers


def test_log_values_are_refused(rng) -> None:
    adata = ad.AnnData(sp.csr_matrix(np.log1p(counts_of(rng))))
    with pytest.raises(ValueError, match="raw counts are wanted"):
        sl.pp.count_split(adata)


def test_counts_in_X_are_named_where_a_layer_was_read(rng) -> None:
    counts = sp.csr_matrix(counts_of(rng))
    adata = ad.AnnData(counts, layers={"counts": counts.log1p()})
    with pytest.raises(
        ValueError, match=r"adata\.X has them: adata\.layers\['raw'\] = adata\.X\.copy\(\)"
    ):
        sl.pp.count_split(adata)
    adata.layers["raw"] = adata.X.copy()  # as it says
    sl.pp.count_split(adata, layer="raw")


def test_not_an_anndata(rng) -> None:
    with pytest.raises(TypeError, match="count_split: `adata` must be an AnnData, not ndarray"):
        sl.pp.count_split(counts_of(rng))
