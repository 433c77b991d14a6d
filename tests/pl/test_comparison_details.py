"""Reliability, confusion, classes and cost of a comparison."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.transforms import Bbox
from scipy.stats import binomtest

import scrna_longformer as sl
from scrna_longformer.pl._labels import label_points
from scrna_longformer.pl._reliability import wilson

MODELS = ["majority", "nearest_centroid", "logistic_regression", "longformer", "longformer_pure"]
F1 = dict(zip(MODELS, [0.1, 0.6, 0.8, 0.9, 0.7], strict=True))
SECONDS = dict(zip(MODELS, [0.01, 0.1, 2.0, 60.0, 80.0], strict=True))
CLASSES = {"CD4+/CD45RA+/CD25- naive T": 60, "B": 10, "megakaryocyte progenitor": 30}
# true class (rows) -> predicted, over two repeats
COUNTS = np.array([[110, 0, 10], [4, 16, 0], [0, 0, 60]])


@pytest.fixture
def compared() -> ad.AnnData:
    """Two repeats of a comparison, as ``tl.baseline_compare`` writes it."""
    names = list(CLASSES)
    values = {"macro_f1": F1, "log_loss": {m: 1 - f for m, f in F1.items()}, "fit_seconds": SECONDS}
    summary = [(m, k, v[m], 0.01, 2) for m in MODELS for k, v in values.items()]
    per_class = [
        (m, c, F1[m] - 0.1 * (c == "B"), F1[m] - 0.3, F1[m] + 0.05, np.nan, 2, n)
        for m in MODELS
        for c, n in CLASSES.items()
    ]
    confusion = [
        (m, names[i], names[j], COUNTS[i, j])
        for m in MODELS
        for i, j in zip(*np.nonzero(COUNTS), strict=True)
    ]
    reliability = [
        (m, low, low + 0.2, n, low + 0.1, right)
        for m in MODELS
        for low, n, right in ((0.4, 40, 0.5), (0.8, 160, 1.0))  # of 100 cells
    ]
    runs = [(m, repeat, 0, "ok", 80, 100, 1.0) for m in MODELS for repeat in (0, 1)]
    pairs = [
        ("longformer", "logistic_regression", 0.1, 0.3, 0.2),
        ("majority", "longformer", -0.8, 0.001, 0.0),
        ("logistic_regression", "longformer_pure", 0.1, 0.4, 0.97),
    ]
    pairs = [
        (a, b, metric, sign * d, p, same)
        for metric, sign in (("macro_f1", 1), ("log_loss", -1))
        for a, b, d, p, same in pairs
    ]
    columns = {
        "summary": (summary, ["model", "metric", "mean", "sd", "n"]),
        "per_class": (
            per_class,
            ["model", "class", "f1", "low", "high", "sd", "n", "n_cells"],
        ),
        "confusion": (confusion, ["model", "true", "predicted", "n_cells"]),
        "reliability": (
            reliability,
            ["model", "low", "high", "n_cells", "confidence", "accuracy"],
        ),
        "runs": (
            runs,
            ["model", "repeat", "fold", "status", "n_train", "n_test", "temperature"],
        ),
        "pairwise": (
            pairs,
            ["model_a", "model_b", "metric", "difference", "p_holm", "p_equivalent"],
        ),
        "folds": ([], ["model", "repeat", "fold", "metric", "value"]),
        "models": ([(m, "") for m in MODELS], ["model", "description"]),
        "checks": ([], ["check"]),
    }
    record = {name: pd.DataFrame(rows, columns=c) for name, (rows, c) in columns.items()}
    dtype = pd.CategoricalDtype(names)
    record["confusion"] = record["confusion"].astype({"true": dtype, "predicted": dtype})
    record["per_class"] = record["per_class"].astype({"class": dtype})
    adata = ad.AnnData(np.ones((2, 2), np.float32))
    adata.uns["baseline_compare"] = record | {"params": {"key": "cell_type"}, "complete": True}
    return adata


def legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_reliability_shows_the_best_of_each_kind_with_its_error(compared: ad.AnnData):
    ax = sl.pl.reliability(compared, show=False)
    error = 0.2 * abs(0.5 - 0.5) + 0.8 * abs(0.9 - 1.0)
    assert legend(ax) == [f"longformer (ECE {error:.3f})", f"logistic regression (ECE {error:.3f})"]


def test_reliability_draws_every_bin_with_its_interval(compared: ad.AnnData):
    ax = sl.pl.reliability(compared, models="longformer", show=False)
    bars, markers = ax.collections
    np.testing.assert_allclose(markers.get_offsets(), [[0.5, 0.5], [0.9, 1.0]])
    assert markers.get_sizes()[1] > markers.get_sizes()[0]
    for segment, n, k in zip(bars.get_segments(), (20, 80), (10, 80), strict=True):
        expected = binomtest(k, n).proportion_ci(method="wilson")  # cells of one repeat
        np.testing.assert_allclose(segment[:, 1], expected, rtol=1e-5, atol=1e-9)


def test_wilson_is_that_of_scipy():
    for k, n in ((0, 5), (3, 7), (50, 50)):
        expected = binomtest(k, n).proportion_ci(method="wilson")
        np.testing.assert_allclose(wilson(k / n, n), expected, rtol=1e-5, atol=1e-9)


def test_confusion_rows_are_shares_of_the_class(compared: ad.AnnData):
    ax = sl.pl.confusion(compared, show=False)
    shown = ax.images[0].get_array()
    np.testing.assert_allclose(shown, COUNTS / COUNTS.sum(axis=1, keepdims=True))
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        f"{c} ({n})" for c, n in CLASSES.items()
    ]
    assert [t.get_text() for t in ax.get_xticklabels()] == list(CLASSES)
    assert [t.get_text() for t in ax.texts] == ["92", "8", "20", "80", "100"]
    assert ax.get_xlabel() == "predicted by longformer"  # the best


def test_classes_are_sorted_by_size(compared: ad.AnnData):
    ax = sl.pl.class_f1(compared, show=False)
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        "CD4+/CD45RA+/CD25- naive T (60)",
        "megakaryocyte progenitor (30)",
        "B (10)",
    ]
    assert legend(ax) == ["longformer", "logistic regression"]
    best, simple = (line.get_xdata() for line in ax.get_lines())
    np.testing.assert_allclose(best, [0.9, 0.9, 0.8])
    np.testing.assert_allclose(simple, [0.8, 0.8, 0.7])
    left, right = ax.get_xlim()
    assert left < 0.5 < 0.95 < right  # the intervals, not only the means
    colours = {line.get_color() for line in ax.get_lines()}
    assert len(colours) == 2


def test_cost_joins_the_models_that_none_beats_for_less(compared: ad.AnnData):
    ax = sl.pl.cost(compared, show=False)
    (front,) = ax.get_lines()
    assert front.get_xdata().tolist() == [0.1, 2.0, 60.0]
    assert front.get_ydata().tolist() == [0.6, 0.8, 0.9]
    names = [text.get_text() for text in ax.texts if text.get_text()]
    assert names == ["nearest centroid", "logistic regression", "longformer", "longformer pure"]
    assert ax.get_xscale() == "log"


def test_cost_of_a_loss_is_better_when_lower(compared: ad.AnnData):
    ax = sl.pl.cost(compared, metric="log_loss", show=False)
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), [0.4, 0.2, 0.1])
    assert ax.get_ylabel() == "log-loss (nats) on held-out cells, lower is better"


@pytest.mark.parametrize("metric", ["macro_f1", "log_loss"])
def test_pairs_are_coloured_by_what_was_told(compared: ad.AnnData, metric: str):
    ax = sl.pl.pairwise(compared, metric=metric, show=False)
    order = ["longformer", "logistic regression", "longformer pure", "nearest centroid", "majority"]
    assert [t.get_text() for t in ax.get_yticklabels()] == order
    squares = {(p.get_x() + 0.5, p.get_y() + 0.5): p.get_facecolor() for p in ax.patches}
    by_word = dict(zip(legend(ax), ax.get_legend().get_patches(), strict=True))
    sign = 1 if metric == "macro_f1" else -1
    expected = {  # column, row
        (4, 0): ("row better", 0.8),
        (0, 4): ("row worse", -0.8),
        (1, 0): ("not told", 0.1),
        (2, 1): ("equivalent", 0.1),
        (1, 2): ("equivalent", -0.1),
    }
    texts = {t.get_position(): t for t in ax.texts}
    for place, (word, difference) in expected.items():
        assert squares[place] == by_word[word].get_facecolor()
        shown = float(texts[place].get_text().replace("\N{MINUS SIGN}", "-"))
        assert shown == pytest.approx(sign * difference)
        assert (texts[place].get_weight() == "bold") == (word in ("row better", "row worse"))
    assert len(squares) == 6


def test_names_do_not_cover_each_other_or_the_points(rng: np.random.Generator):
    _, ax = plt.subplots(figsize=(6, 4))
    points = 0.5 + rng.normal(size=(12, 2)) * 0.06
    ax.set(xlim=(0, 1), ylim=(0, 1))
    label_points(ax, points, [f"contestant {i}" for i in range(12)], ["black"] * 12)
    texts = [text for text in ax.texts if text.get_text()]
    boxes = [text.get_window_extent().shrunk(0.98, 0.98) for text in texts]
    for i, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[:i])
        covered = [Bbox([p, p]) for p in ax.transData.transform(points)]
        assert not box.count_overlaps(covered)


def test_choice_of_models(compared: ad.AnnData):
    ax = sl.pl.class_f1(compared, models=["longformer", "longformer_pure"], show=False)
    assert len({line.get_color() for line in ax.get_lines()}) == 2  # both are transformers
    with pytest.raises(ValueError, match=r"\['lr'\].*it has \['longformer'"):
        sl.pl.reliability(compared, models=["lr"], show=False)
    with pytest.raises(ValueError, match=r"5 `models` in one figure.*1 to 4"):
        sl.pl.class_f1(compared, models=MODELS, show=False)
    with pytest.raises(ValueError, match=r"`cost`='macro_f1'.*\['fit_seconds'\]"):
        sl.pl.cost(compared, cost="macro_f1", show=False)


@pytest.mark.parametrize("name", ["reliability", "confusion", "class_f1", "cost", "pairwise"])
def test_each_saves_draws_on_given_axes_and_needs_a_comparison(
    compared: ad.AnnData, name: str, tmp_path
):
    _, ax = plt.subplots()
    plot = getattr(sl.pl, name)
    assert plot(compared, ax=ax, save=tmp_path / "figure.png") is ax
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(KeyError, match=r"Call sl\.tl\.baseline_compare"):
        plot(compared, key="other", show=False)


def test_shared_parts_of_docstrings_are_filled_in():
    for name in sl.pl.__all__:
        doc = getattr(sl.pl, name).__doc__
        assert "\nsave\n    File to write" in doc
        assert "{" not in doc.replace("{'", "")


LONG = "a class of cells with a name that nobody reads to its very end: $\\gamma$ and $\\delta$"


@pytest.mark.parametrize("draw", [sl.pl.class_f1, sl.pl.confusion])
def test_long_names_leave_room_and_dollars_are_no_mathematics(compared: ad.AnnData, draw):
    record = compared.uns["baseline_compare"]
    for table, columns in (("per_class", ["class"]), ("confusion", ["true", "predicted"])):
        for column in columns:
            renamed = record[table][column].cat.rename_categories({"B": LONG})
            record[table][column] = renamed
    ax = draw(compared, show=False)
    ax.figure.draw_without_rendering()
    label = next(t for t in ax.get_yticklabels() if t.get_text().startswith("a class of cells"))
    assert len(label.get_text()) < 50
    text, is_math = label._preprocess_math(label.get_text())
    assert not is_math
    assert text.startswith("a class of cells w\N{HORIZONTAL ELLIPSIS}nd $\\delta$")
    assert label.get_window_extent().x0 >= 0  # whole, without a tight bounding box
    assert ax.get_window_extent().width > 0.25 * ax.figure.bbox.width


@pytest.mark.parametrize("draw", [sl.pl.pairwise, sl.pl.cost])
def test_dollars_in_names_of_contestants_are_no_mathematics(compared: ad.AnnData, draw):
    record = compared.uns["baseline_compare"]
    for table in record.values():
        if isinstance(table, pd.DataFrame):
            table.replace({"logistic_regression": "cost $5 not $6"}, inplace=True)
    ax = draw(compared, show=False)
    texts = [*ax.texts, *ax.get_yticklabels()]
    label = next(text for text in texts if text.get_text().startswith("cost"))
    assert label._preprocess_math(label.get_text()) == ("cost $5 not $6", False)
