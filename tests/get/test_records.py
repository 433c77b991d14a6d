"""No call writes over what another call, or another package, left in ``uns``."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scrna_longformer as sl
from scrna_longformer.get._records import fits_in, next_number

FIT = {"params": {"key": "a"}, "train_config": {}}
CALLS = {
    "baseline_compare": lambda adata, key: sl.tl.baseline_compare(
        adata, "type", models=["majority"], key_added=key
    ),
    "learning_curve": lambda adata, key: sl.tl.learning_curve(
        adata, "type", models=["majority"], sizes=[6, 12, 18], key_added=key
    ),
    "data_requirement": lambda adata, key: sl.tl.data_requirement(adata, key_added=key),
    "recommend_architecture": lambda adata, key: sl.tl.recommend_architecture(adata, key_added=key),
    "longformer_fit": lambda adata, key: sl.tl.longformer_fit(adata, "type", key_added=key),
}


@pytest.fixture
def adata(rng: np.random.Generator) -> ad.AnnData:
    obs = pd.DataFrame(
        {"type": pd.Categorical(["a", "b"] * 15)}, index=[f"c{i}" for i in range(30)]
    )
    X = np.log1p(rng.poisson(1.0, (30, 8))).astype(np.float32)
    return ad.AnnData(X, obs=obs)


@pytest.mark.parametrize("call", CALLS)
def test_what_somebody_else_wrote_stays(adata: ad.AnnData, unchanged, call: str) -> None:
    adata.uns["leiden"] = {"params": {"resolution": 1.0}}
    with (
        unchanged(adata),
        pytest.raises(ValueError, match=rf"{call}: `key_added`='leiden' is taken.*del adata\.uns"),
    ):
        CALLS[call](adata, "leiden")


@pytest.mark.parametrize("call", ["baseline_compare", "learning_curve"])
@pytest.mark.parametrize("seed", [-1, 2**32, None, 1.5])
def test_a_seed_that_no_library_takes_is_refused_first(
    adata: ad.AnnData, unchanged, call: str, seed
) -> None:
    function = getattr(sl.tl, call)
    with unchanged(adata), pytest.raises(ValueError, match=rf"{call}: `random_state` must be"):
        function(adata, "type", models=["majority"], random_state=seed)


def test_the_last_fit_is_the_one_made_last_in_whatever_order_a_file_has_them() -> None:
    uns = {"longformer": FIT, "b": {**FIT, "number": 3}, "c": {**FIT, "number": 2}, "leiden": {}}
    assert [fit.get("number", 0) for fit in fits_in(uns)] == [3, 2, 0]
    assert next_number(uns) == 4
    assert next_number({}) == 1


def test_a_learning_curve_is_no_comparison(adata: ad.AnnData) -> None:
    sl.tl.learning_curve(adata, "type", models=["majority"], sizes=np.array([6, 12, 18]), n_seeds=2)
    with pytest.raises(KeyError, match="uns has comparisons under no key"):
        sl.get.baseline_compare(adata, "learning_curve")
