"""Figures of a comparison say what its checks found, and go by what contestants are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.text import Text

import scrna_longformer as sl
from scrna_longformer.evaluation.checks import CheckResult
from scrna_longformer.pl._canvas import BLUES, GREYS, ORANGES, WARNING
from scrna_longformer.tl._compare_checks import check_record

# none is named after what it is
F1 = {"best": 0.95, "hybrid": 0.9, "linear": 0.85, "tiny": 0.8, "guess": 0.1}
KINDS = {"hybrid": "transformer", "tiny": "transformer"}
SECONDS = {"best": 10.0, "hybrid": 50.0, "linear": 1.0, "tiny": 40.0, "guess": 0.1}
CLASSES = {"B": 60, "T": 40}
BLUE, ORANGE, GREY = BLUES[0], ORANGES[0], GREYS[0]

PLOTS = [
    *(sl.pl.baseline_compare, sl.pl.pairwise, sl.pl.cost),
    *(sl.pl.confusion, sl.pl.class_f1, sl.pl.reliability),
]
plots = pytest.mark.parametrize("draw", PLOTS, ids=lambda plot: plot.__name__)


def fault(name: str, severity: Any, subject: str = "", **evidence: str) -> CheckResult:
    return CheckResult(name, severity, True, "what", "why", "mend", subject, evidence)


CLEAN = [CheckResult("leak", "void", fired=False, what="no leak")]
VOID = [fault("leak", "void"), fault("permuted_labels", "void")]
# the floor is excluded as often as not: it does what it is there for
WITHOUT_BEST = [
    fault("input_ignored", "exclude", "best"),
    fault("constant_prediction", "exclude", "guess"),
]


def comparison(checks: list[CheckResult]) -> ad.AnnData:
    """Three folds of five contestants, as ``tl.baseline_compare`` writes them."""
    values = {"macro_f1": F1, "fit_seconds": SECONDS}
    folds = [
        (model, 0, fold, metric, of[model] * (1 + 0.01 * (fold - 1)))
        for metric, of in values.items()
        for model in F1
        for fold in range(3)
    ]
    names = list(F1)
    pairs = [
        (a, b, "macro_f1", F1[a] - F1[b], 0.001, 0.0)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    ]
    columns: dict[str, tuple[list, list[str]]] = {
        "folds": (folds, ["model", "repeat", "fold", "metric", "value"]),
        "summary": (
            [(m, k, of[m], 0.97 * of[m], 1.02 * of[m]) for k, of in values.items() for m in F1],
            ["model", "metric", "mean", "low", "high"],
        ),
        "pairwise": (
            pairs,
            ["model_a", "model_b", "metric", "difference", "p_holm", "p_equivalent"],
        ),
        "per_class": (
            [(m, c, F1[m], F1[m] - 0.1, F1[m] + 0.04, n) for m in F1 for c, n in CLASSES.items()],
            ["model", "class", "f1", "low", "high", "n_cells"],
        ),
        "confusion": (
            [(m, true, said, 20) for m in F1 for true in CLASSES for said in CLASSES],
            ["model", "true", "predicted", "n_cells"],
        ),
        "reliability": (
            [(m, 0.4, 0.6, 40, 0.5, 0.5) for m in F1] + [(m, 0.8, 1, 60, 0.9, 0.7) for m in F1],
            ["model", "low", "high", "n_cells", "confidence", "accuracy"],
        ),
        "runs": ([(m, 80, 20) for m in F1], ["model", "n_train", "n_test"]),
    }
    record: dict[str, Any] = {
        name: pd.DataFrame(rows, columns=names) for name, (rows, names) in columns.items()
    }
    record["models"] = pd.DataFrame({"model": list(F1)}).assign(
        kind=[KINDS.get(model, "simple") for model in F1],
        built_in=["", "", "logistic_regression", "", "majority"],
        gate_closed=[np.nan, 0.8, np.nan, np.nan, np.nan],
    )
    adata = ad.AnnData(np.ones((2, 2), np.float32))
    record |= {"params": {"key": "cell_type"}, "complete": bool(checks)} | check_record(checks)
    adata.uns["baseline_compare"] = record
    return adata


def labels(ax: Axes) -> list[str]:
    return [tick.get_text() for tick in ax.get_yticklabels()]


def legend(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def notes(ax: Axes) -> list[Text]:
    """What is written around axes that were given."""
    return [text for place in ax.child_axes for text in place.texts]


@plots
def test_no_note_where_nothing_was_found(draw: Callable[..., Axes]):
    for given in (None, plt.subplots()[1]):
        ax = draw(comparison(CLEAN), ax=given, show=False)
        assert ax.figure.get_suptitle() == ""
        assert ax.figure.get_supxlabel() == ""
        assert notes(ax) == []


@plots
def test_void_names_its_checks_on_the_figure(draw: Callable[..., Axes]):
    ax = draw(comparison([*VOID, fault("circular", "limits", answer="yes")]), show=False)
    figure = ax.figure
    warning, remark = figure._suptitle, figure._supxlabel
    assert warning.get_text() == "No winner: leak, permuted labels"
    assert warning.get_color() == WARNING
    ax.set_title("set later")
    figure.draw_without_rendering()
    plot = ax.get_tightbbox()  # with labels, legend and title
    for text in (warning, remark):
        box = text.get_window_extent()
        assert not box.overlaps(plot)
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.y1
    assert remark.get_window_extent().y1 < plot.y0 < plot.y1 < warning.get_window_extent().y0
    clean = draw(comparison(CLEAN), show=False).figure
    added = sum(72 / figure.dpi * text.get_window_extent().height for text in (warning, remark))
    assert 72 * (figure.get_figheight() - clean.get_figheight()) > added  # the plot keeps its size


@plots
def test_void_is_said_beside_axes_that_were_given_too(draw: Callable[..., Axes]):
    figure, axes = plt.subplots(1, 2, figsize=(14, 6), layout="constrained")
    ax = draw(
        comparison([*VOID, fault("circular", "limits", answer="yes")]), ax=axes[0], show=False
    )
    ax.set_title("set later", loc="left")
    figure.draw_without_rendering()
    assert figure.get_suptitle() == ""
    warning, remark = notes(ax)
    assert warning.get_text().replace("\n", " ") == "No winner: leak, permuted labels"
    assert remark.get_text().startswith("Labels are clusters")
    drawn = [ax._left_title, *ax.texts, ax.xaxis.label, *ax.get_xticklabels(), ax.get_legend()]
    boxes = [artist.get_window_extent() for artist in drawn if artist is not None]
    for text in (warning, remark):
        box = text.get_window_extent()
        assert not any(box.overlaps(other) for other in [*boxes, ax.bbox] if other.width)
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.y1
    assert ax._left_title.get_window_extent().y0 >= warning.get_window_extent().y1


@plots
@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ({"answer": "yes"}, "Labels are clusters of this matrix: says nothing about cell types."),
        (
            {"answer": "yes", "basis": "model"},
            "Labels were predicted from this matrix: says nothing about cell types.",
        ),
        ({"answer": "suspected"}, "Labels may be clusters of this matrix"),
    ],
)
def test_circular_labels_have_a_footer(draw: Callable[..., Axes], evidence: dict, said: str):
    ax = draw(comparison([fault("circular", "limits", **evidence)]), show=False)
    footer = ax.figure.get_supxlabel().replace("\n", " ")
    assert footer.startswith(said)
    assert "nothing about cell types" in footer
    assert ax.figure.get_suptitle() == ""  # the ranking stands


@plots
def test_interrupted_comparisons_are_drawn_and_say_that_nothing_was_checked(
    draw: Callable[..., Axes],
):
    adata = comparison([])
    for name in ("void", "excluded", "circular"):  # nor did earlier versions write them
        del adata.uns["baseline_compare"][name]
    ax = draw(adata, show=False)
    assert ax.figure.get_supxlabel() == "Interrupted: no check has looked at these scores."


def test_scores_rank_who_left_the_ranking_last_and_hollow():
    ax = sl.pl.baseline_compare(comparison(WITHOUT_BEST), show=False)
    assert labels(ax) == ["hybrid (gate closed)", "linear", "tiny", "guess", "best (excluded)"]
    drawn = [line for line in ax.get_lines() if line.get_markersize() in (7, 9)]
    means = {round(float(line.get_ydata()[0])): line for line in drawn}
    markers = [means[row].get_marker() for row in range(5)]
    assert markers == ["o", "o", "o", "o", "D"]
    # the hollow dots are worse than the hybrid on top, not than the one that is out
    faces = [means[row].get_markerfacecolor() for row in range(5)]
    assert faces == [BLUE, "white", "white", "white", "white"]
    assert [means[row].get_markeredgecolor() for row in (1, 4)] == [BLUE, BLUE]
    dashes = [bar.get_linestyle()[0][1] for bar in ax.collections]
    assert dashes[:4] == [None] * 4
    assert dashes[4] is not None
    assert "hollow dot: worse than the model on top" in ax.get_xlabel()
    best = sl.pl.baseline_compare(comparison(CLEAN), show=False)
    assert labels(best)[0] == "best"


def test_pairs_with_who_left_the_ranking_are_hatched_and_have_no_winner():
    ax = sl.pl.pairwise(comparison(WITHOUT_BEST), show=False)
    assert labels(ax) == ["hybrid (gate closed)", "linear", "tiny", "guess", "best (excluded)"]
    squares = {(p.get_x() + 0.5, p.get_y() + 0.5): p for p in ax.patches}
    out = {place for place, square in squares.items() if square.get_hatch()}
    assert out == {place for place in squares if 4 in place}
    assert {to_hex(squares[place].get_facecolor()) for place in out} == {"#ffffff"}
    weights = {text.get_position(): text.get_weight() for text in ax.texts}
    assert {weights[place] for place in out} == {"normal"}
    assert weights[1, 0] == "bold"
    assert legend(ax) == ["row better", "row worse", "equivalent", "not told", "excluded"]
    clean = sl.pl.pairwise(comparison(CLEAN), show=False)
    assert legend(clean)[-1] == "not told"
    assert not any(square.get_hatch() for square in clean.patches)


def test_cost_joins_only_who_is_ranked():
    ax = sl.pl.cost(comparison(WITHOUT_BEST), show=False)
    (front,) = ax.get_lines()
    assert front.get_ydata().tolist() == [0.85, 0.9]
    ranked, out = ax.collections
    assert out.get_offsets().tolist() == [[10.0, 0.95]]
    assert to_hex(out.get_facecolor()[0]) == "#ffffff"
    assert to_hex(out.get_edgecolor()[0]) == BLUE.lower()
    assert len(out.get_paths()[0].vertices) != len(ranked.get_paths()[0].vertices)  # no dots
    texts = [text.get_text() for text in ax.texts if text.get_text()]
    assert texts == ["linear", "best (excluded)", "tiny", "hybrid (gate closed)"]


def test_who_left_the_ranking_is_never_a_default():
    adata = comparison(WITHOUT_BEST)
    assert legend(sl.pl.class_f1(adata, show=False)) == ["linear", "tiny"]
    assert [name[:6] for name in legend(sl.pl.reliability(adata, show=False))] == [
        "linear",
        "tiny (",
    ]
    assert sl.pl.confusion(adata, show=False).get_xlabel() == "predicted by hybrid (gate closed)"
    everybody = [fault("input_ignored", "exclude", model) for model in F1]
    ax = sl.pl.confusion(comparison(everybody), show=False)
    assert ax.get_xlabel() == "predicted by guess"  # a floor stays what it is


def test_who_left_the_ranking_is_marked_where_asked_for():
    adata, asked = comparison(WITHOUT_BEST), ["best", "linear"]
    ax = sl.pl.class_f1(adata, models=asked, show=False)
    assert legend(ax) == ["best (excluded)", "linear"]
    best, linear = ax.get_lines()
    assert best.get_markerfacecolor() == "white"
    assert linear.get_markerfacecolor() != "white"
    ax = sl.pl.reliability(adata, models=asked, show=False)
    assert legend(ax)[0].startswith("best (excluded) (ECE")
    markers = [dots for dots in ax.collections if isinstance(dots, PathCollection)]
    faces = [to_hex(dots.get_facecolor()[0]) for dots in markers]
    assert [face == "#ffffff" for face in faces] == [True, False]
    ax = sl.pl.confusion(adata, model="best", show=False)
    assert ax.get_xlabel() == "predicted by best (excluded)"
    assert ax.images[0].get_cmap().name == "Greys"


def test_colours_go_by_what_a_contestant_is():
    ax = sl.pl.baseline_compare(comparison(CLEAN), show=False)
    colours = {
        name: next(t.get_color() for t in ax.texts if t.xy[1] == row)
        for row, name in enumerate(labels(ax))
    }
    assert colours == {
        "best": BLUE,
        "hybrid (gate closed)": BLUE,
        "linear": BLUE,
        "tiny": ORANGE,
        "guess": GREY,
    }
    dotted = [line.get_xdata()[0] for line in ax.get_lines() if line.get_linestyle() == "--"]
    assert dotted == [pytest.approx(F1["guess"])]  # always the largest class, by another name
    points = sl.pl.cost(comparison(CLEAN), show=False).collections[0]
    drawn = zip(points.get_offsets()[:, 0], points.get_facecolor(), strict=True)
    assert {x: to_hex(colour) for x, colour in drawn} == {
        SECONDS[name]: colour.lower()
        for name, colour in (("linear", BLUE), ("best", BLUE), ("tiny", ORANGE), ("hybrid", BLUE))
    }


def test_default_transformer_is_one_at_work():
    adata = comparison(CLEAN)
    assert legend(sl.pl.class_f1(adata, show=False)) == ["best", "tiny"]
    models = adata.uns["baseline_compare"]["models"]
    models["kind"] = models["kind"].where(models["model"] != "tiny", "simple")
    ax = sl.pl.class_f1(adata, show=False)
    assert legend(ax) == ["best", "hybrid (gate closed)"]  # there is no other
    assert [line.get_color() for line in ax.get_lines()] == [BLUES[0], BLUES[1]]
    models.loc[models["model"] == "hybrid", "gate_closed"] = 0.4
    ax = sl.pl.class_f1(adata, show=False)
    assert legend(ax) == ["best", "hybrid"]
    assert [line.get_color() for line in ax.get_lines()] == [BLUE, ORANGE]


def test_several_of_a_kind_keep_its_colour():
    models = ["hybrid", "linear", "tiny", "guess"]
    ax = sl.pl.class_f1(comparison(CLEAN), models=models, show=False)
    assert [line.get_color() for line in ax.get_lines()] == [BLUES[0], BLUES[1], ORANGE, GREY]
