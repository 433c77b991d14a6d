from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from matplotlib.legend import Legend
from matplotlib.text import Text

import scrna_longformer as sl
from scrna_longformer.evaluation._interval import corrected_interval

SCORES = {
    "majority": [0.05, 0.05, 0.05],
    "logistic_regression": [0.70, 0.80, 0.75],
    "longformer": [0.80, 0.82, 0.84],
}
BEST_FIRST = ["longformer", "logistic_regression", "majority"]


@pytest.fixture
def compared() -> ad.AnnData:
    """A comparison of three models on three folds, as ``tl.baseline_compare`` writes it."""
    rows = [(model, 0, fold, value) for model in SCORES for fold, value in enumerate(SCORES[model])]
    better = pd.DataFrame(rows, columns=["model", "repeat", "fold", "value"])
    worse = better.assign(value=1 - better["value"])
    folds = pd.concat([better.assign(metric="macro_f1"), worse.assign(metric="log_loss")])
    runs = better.drop(columns="value").assign(status="ok", n_train=100, n_test=50)
    summary = folds.groupby(["model", "metric"])["value"].agg(["mean", "std", "size"]).reset_index()
    summary["low"], summary["high"] = 0.95 * summary["mean"], summary["mean"] + 0.02
    empty = pd.DataFrame({"model": ["longformer"]})
    adata = ad.AnnData(np.ones((2, 2), np.float32))
    adata.uns["baseline_compare"] = {
        **{"folds": folds.reset_index(drop=True), "runs": runs, "summary": summary},
        **dict.fromkeys(
            ("pairwise", "per_class", "confusion", "reliability", "models", "checks"), empty
        ),
        **{"params": {"key": "cell_type"}, "complete": True},
    }
    return adata


def names(ax) -> list[str]:
    return [tick.get_text() for tick in ax.get_yticklabels()]


def dots(ax, size: float) -> list[list[float]]:
    return [line.get_xdata().tolist() for line in ax.get_lines() if line.get_markersize() == size]


def test_best_model_is_on_top(compared: ad.AnnData):
    ax = sl.pl.baseline_compare(compared, show=False)
    assert names(ax) == ["longformer", "logistic regression", "majority"]
    bottom, top = ax.get_ylim()
    assert top < 0 < 2 < bottom


def test_where_lower_is_better_the_lowest_is_on_top_and_the_axis_says_so(compared: ad.AnnData):
    ax = sl.pl.baseline_compare(compared, metric="log_loss", show=False)
    assert names(ax) == ["longformer", "logistic regression", "majority"]
    assert ax.get_xlabel() == "log-loss (nats) on held-out cells, lower is better"


def test_where_folds_lack_classes_the_pooled_scores_are_drawn(compared: ad.AnnData):
    summary = compared.uns["baseline_compare"]["summary"]
    pooled = {"majority": 0.10, "logistic_regression": 0.90, "longformer": 0.60}
    of_f1 = summary["metric"] == "macro_f1"
    summary.loc[of_f1, "mean"] = summary.loc[of_f1, "model"].map(pooled)
    ax = sl.pl.baseline_compare(compared, show=False)
    assert names(ax) == ["logistic regression", "longformer", "majority"]
    assert np.ravel(dots(ax, 9)).tolist() == [0.90, 0.60, 0.10]
    assert dots(ax, 3.5) == []  # such folds have no score of their own


def test_every_fold_and_mean_is_drawn(compared: ad.AnnData):
    ax = sl.pl.baseline_compare(compared, show=False)
    assert dots(ax, 3.5) == [SCORES[model] for model in BEST_FIRST]
    np.testing.assert_allclose(
        np.ravel(dots(ax, 9)), [np.mean(SCORES[model]) for model in BEST_FIRST]
    )
    assert [text.get_text() for text in ax.texts] == ["0.820", "0.750", "0.050"]


def test_bars_are_the_intervals(compared: ad.AnnData):
    ax = sl.pl.baseline_compare(compared, show=False)
    bars = [collection.get_segments()[0][:, 0] for collection in ax.collections]
    for bar, model in zip(bars, BEST_FIRST, strict=True):
        np.testing.assert_allclose(
            bar, [0.95 * np.mean(SCORES[model]), np.mean(SCORES[model]) + 0.02]
        )


def test_costs_have_the_interval_of_their_folds(compared: ad.AnnData):
    record = compared.uns["baseline_compare"]
    record["folds"]["metric"] = record["folds"]["metric"].replace("log_loss", "fit_seconds")
    record["summary"]["metric"] = record["summary"]["metric"].replace("log_loss", "fit_seconds")
    record["summary"].loc[record["summary"]["metric"] == "fit_seconds", ["low", "high"]] = np.nan
    ax = sl.pl.baseline_compare(compared, metric="fit_seconds", show=False)
    bar = ax.collections[0].get_segments()[0][:, 0]
    seconds = 1 - np.array(SCORES["longformer"])
    np.testing.assert_allclose(bar, corrected_interval(seconds, test_share=0.5))


def test_majority_is_marked_and_everything_is_inside(compared: ad.AnnData):
    ax = sl.pl.baseline_compare(compared, show=False)
    dotted = [line for line in ax.get_lines() if line.get_linestyle() == "--"]
    np.testing.assert_allclose([line.get_xdata() for line in dotted], [[0.05, 0.05]])
    left, right = ax.get_xlim()
    assert left == 0
    assert right > np.mean(SCORES["longformer"]) + 0.02


def test_dots_of_a_model_stay_between_its_neighbours(compared: ad.AnnData):
    ax = sl.pl.baseline_compare(compared, show=False)
    for row, line in enumerate(line for line in ax.get_lines() if line.get_markersize() == 3.5):
        assert np.all(np.abs(line.get_ydata() - row) < 0.5)
        assert len(set(line.get_ydata())) == 3


def test_unknown_metric_lists_the_known_ones(compared: ad.AnnData):
    with pytest.raises(ValueError, match=r"`metric`='f1'.*\['macro_f1', 'log_loss'\]"):
        sl.pl.baseline_compare(compared, metric="f1", show=False)


def test_missing_comparison_names_the_call(compared: ad.AnnData):
    with pytest.raises(KeyError, match=r"Call sl\.tl\.baseline_compare"):
        sl.pl.baseline_compare(compared, key="other", show=False)


def test_means_told_from_the_best_are_hollow(compared: ad.AnnData):
    rows = [
        ("majority", "longformer", "macro_f1", 0.001),
        ("logistic_regression", "longformer", "macro_f1", 0.2),
        ("logistic_regression", "majority", "macro_f1", 0.001),
    ]
    columns = ["model_a", "model_b", "metric", "p_holm"]
    compared.uns["baseline_compare"]["pairwise"] = pd.DataFrame(rows, columns=columns)
    ax = sl.pl.baseline_compare(compared, show=False)
    means = [
        line for line in ax.get_lines() if line.get_markersize() == 9 and len(line.get_xdata())
    ]
    hollow = [line.get_markerfacecolor() == "white" for line in means]
    assert hollow == [False, False, True]
    assert ax.get_xlabel().endswith("hollow: worse than the model on top (p < 0.05)")
    ax.set_title("a title", loc="left")
    ax.figure.canvas.draw()
    title = ax._left_title.get_window_extent()
    others = [child for child in ax.get_children() if isinstance(child, (Text, Legend))]
    drawn = [o.get_window_extent() for o in others if o.get_visible() and o is not ax._left_title]
    assert not any(title.overlaps(box) for box in drawn if box.width)
    plain = sl.pl.baseline_compare(compared, metric="log_loss", show=False)
    assert "hollow" not in plain.get_xlabel()
