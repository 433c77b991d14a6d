from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import scrna_longformer as sl


@pytest.fixture
def fitted() -> ad.AnnData:
    adata = ad.AnnData(np.ones((2, 2), np.float32))
    adata.uns["longformer"] = {
        "history": {
            "step": np.array([50, 100, 150]),
            "train_loss": np.array([2.0, 1.0, 0.5]),
            "stopping_loss": np.array([2.1, 0.9, 1.1]),
            "learning_rate": np.array([1e-3, 2e-3, 1e-3]),
        },
        "training": {
            "prior_loss": 2.2,
            "initial_loss": 2.3,
            "best_step": 100,
            "stopped_by": "patience",
        },
    }
    return adata


def test_frame_holds_the_history(fitted: ad.AnnData):
    frame = sl.get.training_history(fitted)
    assert frame["step"].tolist() == [50, 100, 150]
    assert frame["stopping_loss"].tolist() == [2.1, 0.9, 1.1]
    assert frame.attrs == {
        "prior_loss": 2.2,
        "initial_loss": 2.3,
        "best_step": 100,
        "stopped_by": "patience",
    }


def test_lines_are_the_losses(fitted: ad.AnnData):
    ax = sl.pl.training_history(fitted, show=False)
    train, stopping, prior, kept = ax.get_lines()
    assert train.get_xydata().tolist() == [[50, 2.0], [100, 1.0], [150, 0.5]]
    assert stopping.get_xydata().tolist() == [[0, 2.3], [50, 2.1], [100, 0.9], [150, 1.1]]
    assert set(prior.get_ydata()) == {2.2}
    assert kept.get_xydata().tolist() == [[100, 0.9]]


def test_start_can_be_what_was_kept(fitted: ad.AnnData):
    fitted.uns["longformer"]["training"]["best_step"] = 0
    ax = sl.pl.training_history(fitted, show=False)
    assert ax.get_lines()[-1].get_xydata().tolist() == [[0, 2.3]]


def test_axis_starts_at_zero_and_holds_everything(fitted: ad.AnnData):
    ax = sl.pl.training_history(fitted, show=False)
    low, high = ax.get_ylim()
    assert low == 0
    assert high > 2.3
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlim()[1] > 150


def test_legend_names_what_was_kept(fitted: ad.AnnData):
    ax = sl.pl.training_history(fitted, show=False)
    assert "weights kept (update 100)" in [t.get_text() for t in ax.get_legend().get_texts()]
    assert [t.get_text() for t in ax.texts] == ["always predicting the class shares"]


def test_missing_fit_names_the_call_and_the_fits_that_exist(fitted: ad.AnnData):
    with pytest.raises(KeyError, match=r"`key`='other'.*\['longformer'\].*longformer_fit"):
        sl.pl.training_history(fitted, key="other", show=False)
