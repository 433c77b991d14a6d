from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scrna_longformer as sl
from scrna_longformer.pl._canvas import LONGFORMER, NO_SKILL, SIMPLE
from scrna_longformer.tl._curve_record import _laws

SIZES = np.array([50, 100, 200, 400])


@pytest.fixture
def curved(rng: np.random.Generator) -> ad.AnnData:
    """Curves that meet at 900 cells, as ``tl.learning_curve`` writes them."""
    laws = {
        "logistic_regression": 0.1 + 2 * SIZES**-0.5,
        "longformer": 5 * SIZES**-0.5,
        "majority": np.full(4, 0.9),
    }
    rows = [
        (model, seed, int(n), "accuracy", 1 - error + rng.normal(0, 0.002))
        for model, errors in laws.items()
        for seed in range(5)
        for n, error in zip(SIZES, errors, strict=True)
    ]
    scores = pd.DataFrame(rows, columns=["model", "seed", "n_cells", "metric", "value"])
    scores = scores.astype({"model": pd.CategoricalDtype(list(laws)), "metric": "category"})
    models = pd.DataFrame(
        {
            "model": list(laws),
            "kind": ["simple", "transformer", "simple"],
            "preset": ["", "small", ""],
        }
    )
    adata = ad.AnnData(np.ones((2, 2), np.float32))
    adata.uns["learning_curve"] = {
        "scores": scores,
        "models": models,
        "runs": pd.DataFrame(),
        "params": {"metric": "accuracy", "test_share": 0.0},
        "complete": True,
        **_laws(scores, "accuracy", 0.0, 0),
    }
    return adata


def test_means_and_labels(curved: ad.AnnData) -> None:
    ax = sl.pl.learning_curve(curved, show=False)
    drawn = [line.get_ydata() for line in ax.get_lines() if line.get_linestyle() == "None"]
    means = sl.get.learning_curve(curved).table
    for model in means.index:
        assert any(
            len(y) == 4 and np.allclose(np.asarray(y, float), means.loc[model]) for y in drawn
        )
    texts = [text.get_text() for text in ax.texts]
    assert {"logistic regression", "longformer", "majority"} <= set(texts)
    assert ax.get_xscale() == "log"
    assert ax.get_ylabel() == "accuracy on held-out cells"


def test_colours_and_names_go_by_what_a_model_is(curved: ad.AnnData) -> None:
    record = curved.uns["learning_curve"]
    new = {"logistic_regression": "hybrid", "longformer": "tiny", "majority": "guess"}
    for table in ("scores", "laws", "curve", "extrapolation"):
        if "model" in record[table]:
            record[table]["model"] = record[table]["model"].astype(str).map(new)
    record["models"] = record["models"].assign(
        model=list(new.values()),
        built_in=["", "", "majority"],
        gate_closed=[0.8, np.nan, np.nan],
    )
    ax = sl.pl.learning_curve(curved, break_even=False, show=False)
    colours = {text.get_text(): text.get_color() for text in ax.texts}
    assert colours["hybrid (gate closed)"] == SIMPLE
    assert colours["tiny"] == LONGFORMER
    assert colours["guess"] == NO_SKILL


def test_break_even_is_marked_where_the_requirement_has_it(curved: ad.AnnData) -> None:
    table = sl.tl.data_requirement(curved).table.set_index("goal")
    ax = sl.pl.learning_curve(curved, show=False)
    marked = [line.get_xdata()[0] for line in ax.get_lines() if line.get_markersize() == 8]
    assert marked == [pytest.approx(table.loc["beat", "n_cells"])]
    assert 500 < marked[0] < 1600  # in truth 900
    without = sl.pl.learning_curve(curved, break_even=False, show=False)
    assert not [line for line in without.get_lines() if line.get_markersize() == 8]


def test_chosen_models(curved: ad.AnnData) -> None:
    ax = sl.pl.learning_curve(curved, models=["majority"], show=False)
    assert "longformer" not in [text.get_text() for text in ax.texts]
    with pytest.raises(ValueError, match=r"`models` has \['oracle'\], which were not measured"):
        sl.pl.learning_curve(curved, models=["majority", "oracle"], show=False)
