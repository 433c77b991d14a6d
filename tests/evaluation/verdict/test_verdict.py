"""Verdicts of hand-made comparisons: every rule, and every number in every sentence."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scrna_longformer.evaluation.checks import CheckResult, check_table, excluded, is_void
from scrna_longformer.evaluation.verdict import decide, headline, sentences

SECONDS = {
    "majority": 0.001,
    "nearest_centroid": 0.012,
    "logistic_regression": 0.41,
    "simple_mean": 2.3,
    "random_forest": 1.13,
    "longformer": 31.7,
    "longformer_pure": 27.4,
}
CALM = CheckResult("leak", "void", fired=False, what="No gene spells the labels.")
CIRCULAR = CheckResult(
    "circular",
    "limits",
    fired=True,
    what="The labels are clusters of this matrix. A record says so.",
    why="The ranking shows which model is best at reproducing this clustering; it says nothing "
    "about cell types.",
    mend="split the counts.",
)


def compared(
    means: dict[str, float],
    *,
    error: float = 0.01,
    rope: float = 0.01,
    gates: dict[str, list[float]] | None = None,
    checks: tuple[CheckResult, ...] = (CALM,),
    folds: dict[str, int] | None = None,
    metric: str = "macro_f1",
    **params: Any,
) -> dict[str, Any]:
    """Comparison with these means, in which all paired differences have the same error."""
    folds = dict.fromkeys(means, 5) | (folds or {})
    ran = [name for name in means if folds[name]]
    summary = [(m, metric, means[m], means[m] - 0.0213, means[m] + 0.0187, folds[m]) for m in ran]
    for m in ran:
        for cost, value in (
            ("fit_seconds", SECONDS.get(m, 0.5)),
            ("predict_ms_per_cell", 0.0731 + SECONDS.get(m, 0.5) / 97),
            ("peak_memory_mb", 34.6 + SECONDS.get(m, 0.5)),
        ):
            summary.append((m, cost, value, np.nan, np.nan, folds[m]))
    pairs = []
    for a, b in combinations(ran, 2):
        d = means[a] - means[b]
        p = float(2 * stats.norm.sf(abs(d) / error)) if error else float(d == 0)
        inside = stats.norm.cdf(rope, d, error + 1e-9) - stats.norm.cdf(-rope, d, error + 1e-9)
        above = stats.norm.sf(rope, d, error + 1e-9)
        ends = (d - 1.96 * error, d + 1.96 * error)
        odds = (above, inside, 1 - above - inside)
        n = min(folds[a], folds[b])
        pairs.append((a, b, metric, d, *ends, p, min(1.0, 3 * p), *odds, n))
    closed = {m: g for m, g in (gates or {}).items() if m in ran}
    models = pd.DataFrame({"model": list(means)})
    models["kind"] = ["transformer" if m.startswith("longformer") else "simple" for m in means]
    models["gate"] = [np.mean(closed[m]) if m in closed else np.nan for m in means]
    models["gate_closed"] = [
        np.mean(np.equal(closed[m], 0)) if m in closed else np.nan for m in means
    ]
    columns = ["model_a", "model_b", "metric", "difference", "low", "high", "p_cells", "p_holm"]
    columns += ["p_a_better", "p_equivalent", "p_b_better", "n"]
    return {
        "params": {"key": "cell_type", "layer": "", "rope": rope, "group_key": ""} | params,
        "complete": all(folds[m] == 5 for m in means),
        "summary": pd.DataFrame(summary, columns=["model", "metric", "mean", "low", "high", "n"]),
        "pairwise": pd.DataFrame(pairs, columns=columns),
        "models": models,
        "checks": check_table(checks),
        "void": is_void(checks),
        "excluded": np.array(excluded(checks), dtype=str),
    }


def told(record: dict[str, Any], metric: str = "macro_f1", **more: Any) -> list[str]:
    """The sentences, after checking that they are three and quote only the tables."""
    found = sentences(decide(record, metric), record, **more)
    assert len(found) == 3
    for sentence in found:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert not re.search(r"\. [A-Z]", sentence), "a sentence inside a sentence"
        assert "nan" not in sentence.lower().split()
    assert_quoted(" ".join(found), record, more)
    return found


def assert_quoted(text: str, record: dict[str, Any], more: dict[str, Any]) -> None:
    """Every number in the text is in a table, after rounding."""
    for name in sorted(map(str, record["models"]["model"]), key=len, reverse=True):
        text = text.replace(name, "")
    text = text.replace("macro-F1", "").replace("95 % interval", "").replace("p < 0.001", "")
    values, texts = _cells([*record.values(), *more.values()])
    quoted = set(re.findall(r"\d[\d,]*\.?\d*", " ".join(texts)))
    for number in re.findall(r"\d(?:[\d,]*\d)?(?:\.\d+)?", text):
        if number in quoted:
            continue
        decimals = len(number.partition(".")[2])
        value = float(number.replace(",", ""))
        near = [
            v
            for x in values
            for v in (
                round(abs(x), decimals),
                float(f"{abs(x):.2g}"),
                float(f"{abs(x):.3g}"),
                round(100 * x),
            )
        ]
        assert value in near, f"{number} is in no table: {text}"


def _cells(parts: list[Any]) -> tuple[list[float], list[str]]:
    values, texts = [], []
    for part in parts:
        if isinstance(part, pd.DataFrame):
            for column in part:
                cells = part[column].tolist()
                values += [float(c) for c in cells if isinstance(c, int | float) and np.isfinite(c)]
                texts += [c for c in cells if isinstance(c, str)]
        elif isinstance(part, dict):
            inner = _cells(list(part.values()))
            values, texts = values + inner[0], texts + inner[1]
        elif isinstance(part, int | float):
            values.append(float(part))
    return values, texts


GOOD = {"majority": 0.061, "nearest_centroid": 0.792, "logistic_regression": 0.891}


def test_simplest_within_one_standard_error_is_recommended() -> None:
    record = compared({**GOOD, "simple_mean": 0.899, "longformer_pure": 0.884})
    decision = decide(record)
    assert (decision.model, decision.best) == ("logistic_regression", "simple_mean")
    first, second, third = told(record)
    assert first.startswith(
        "Use logistic regression: macro-F1 0.891 (95 % interval 0.870 to 0.910)"
    )
    assert "cheaper than and as good as the best, the simple mean" in first
    assert "difference -0.008, 95 % interval -0.028 to 0.012" in first
    assert second.startswith("A fit of logistic regression takes 0.41 s and 35 MB of memory, and a")
    assert (
        "no transformer is needed here: longformer_pure is 0.007 below logistic regression"
        in second
    )
    assert third.startswith("No check fired; what more cells would change has not been measured")
    assert "sl.tl.learning_curve(adata, 'cell_type')" in third
    assert headline(decision) == "Use logistic regression here: no transformer is needed."


@pytest.mark.parametrize(("loss", "is_as_good"), [(0.209, True), (0.28, False)])
def test_who_is_wrongly_sure_is_not_as_good(loss: float, is_as_good: bool) -> None:
    record = compared({"logistic_regression": 0.891, "simple_mean": 0.899})
    losses = compared({"logistic_regression": loss, "simple_mean": 0.2}, metric="log_loss")
    record["pairwise"] = pd.concat([record["pairwise"], losses["pairwise"]])
    decision = decide(record)
    assert decision.best == "simple_mean"
    assert decision.model == ("logistic_regression" if is_as_good else "simple_mean")
    assert decision.ranking.set_index("model")["as_good"]["logistic_regression"] == is_as_good
    told(record)


def test_a_model_more_than_one_standard_error_ahead_is_recommended() -> None:
    record = compared({**GOOD, "simple_mean": 0.905, "longformer_pure": 0.884})
    decision = decide(record)
    assert decision.model == decision.best == "simple_mean"
    assert not decision.ranking.set_index("model")["as_good"]["logistic_regression"]
    assert (
        "the best, though not clearly ahead of logistic regression (difference 0.014"
        in told(record)[0]
    )


def test_differences_that_do_not_matter_do_not_count() -> None:
    # nine errors apart, and well within the region of practical equivalence
    record = compared({"logistic_regression": 0.9510, "random_forest": 0.9555}, error=0.0005)
    assert decide(record).model == "logistic_regression"
    told(record)


def test_small_differences_of_cost_do_not_decide() -> None:
    record = compared({"mlp": 0.891, "label_spreading": 0.895})  # half a second both
    assert decide(record).model == "label_spreading"
    told(record)


def test_a_transformer_that_earns_it_is_recommended() -> None:
    record = compared({**GOOD, "simple_mean": 0.899, "longformer_pure": 0.951})
    decision = decide(record)
    assert decision.model == "longformer_pure"
    second = told(record)[1]
    assert (
        "a transformer is worth it here: longformer_pure is 0.052 above the simple mean" in second
    )
    assert headline(decision) == "Use longformer_pure here."


def test_a_hybrid_with_its_gate_closed_is_the_simple_mean() -> None:
    means = {**GOOD, "longformer": 0.951, "longformer_pure": 0.874}
    record = compared(means, gates={"longformer": [0.0, 0.0, 0.25, 0.0, 0.0]})
    decision = decide(record)
    assert decision.model == "longformer"
    first, second, _ = told(record)
    assert "the simple mean of linear models (all that longformer was" in first
    assert "the gate of longformer was 0 in 80 % of its fits" in second
    assert "no transformer is needed here: longformer_pure is 0.077 below" in second
    assert headline(decision).startswith("Use the simple mean of linear models")
    assert set(decision.transformers["counts_as"]) == {"simple mean", "transformer"}


def test_beside_the_simple_mean_a_closed_hybrid_is_not_ranked() -> None:
    means = {**GOOD, "simple_mean": 0.930, "longformer": 0.951, "longformer_pure": 0.874}
    record = compared(means, gates={"longformer": [0.0] * 5})
    decision = decide(record)
    assert decision.model == decision.best == "simple_mean"
    assert "the gate of longformer was 0 in 100 % of its fits" in told(record)[1]
    status = decision.ranking.set_index("model")["status"]
    assert status["longformer"] == "copy of the simple mean"


def test_a_hybrid_with_an_open_gate_is_a_transformer() -> None:
    means = {**GOOD, "simple_mean": 0.930, "longformer": 0.961, "longformer_pure": 0.874}
    record = compared(means, gates={"longformer": [0.5, 0.25, 0.0, 1.0, 0.5]})
    assert decide(record).model == "longformer"
    second = told(record)[1]
    assert (
        "a transformer is worth it here: longformer (its gate 0 in 20 % of the fits) is 0.031"
        in second
    )


def test_an_undertrained_transformer_leaves_the_question_open() -> None:
    under = CheckResult("underfitting", "limits", True, "x", "y", "z", "longformer_pure")
    record = compared({**GOOD, "longformer_pure": 0.604}, checks=(under,))
    second = told(record)[1]
    assert "needed is open, because longformer_pure was trained too little" in second
    assert headline(decide(record)) == "Use logistic regression here."


def test_transformer_table_has_pure_minus_logistic_regression() -> None:
    means = {**GOOD, "simple_mean": 0.930, "longformer_pure": 0.874}
    table = decide(compared(means)).transformers.set_index(["model", "rival"])
    assert table.loc[("longformer_pure", "logistic_regression"), "gain"] == pytest.approx(-0.017)
    assert table.loc[("longformer_pure", "simple_mean"), "gain"] == pytest.approx(-0.056)


def test_a_void_check_comes_first_and_nobody_wins() -> None:
    void = CheckResult(
        "duplicates",
        "void",
        fired=True,
        what="12% of the test cells have a copy among the training cells of their fold (9 exact).",
        why="A model that remembers cells is scored as one that recognises types.",
        mend="go back to the cells before they were copied.",
    )
    record = compared({**GOOD, "longformer_pure": 0.95}, checks=(CIRCULAR, void))
    decision = decide(record)
    assert (decision.model, decision.best, decision.reason) == ("", "", "void")
    first, second, third = told(record)
    assert first.startswith("No winner is named, because 12% of the test cells have a copy")
    assert second == "To mend it, go back to the cells before they were copied."
    assert third.startswith("Checks that fired: duplicates and circular;")
    assert not any(name in first + second for name in ("logistic", "longformer"))
    assert headline(decision) == "No winner is named."


def test_limits_open_the_verdict() -> None:
    overfit = CheckResult(
        "overfitting", "limits", True, "x", "Its place is luck.", "y", "simple_mean"
    )
    record = compared(GOOD, checks=(CIRCULAR, overfit))
    first, _, third = told(record)
    assert first.startswith(
        "The ranking shows which model is best at reproducing this clustering; it says nothing about "
        "cell types; within these limits, use logistic regression"
    )
    assert "luck" not in first  # of a contestant that is not recommended
    assert "circular and overfitting (simple_mean)" in third


def test_several_limits_are_one_clause_the_gravest_first() -> None:
    def limit(name: str, what: str = "x", subject: str = "") -> CheckResult:
        return CheckResult(name, "limits", True, what, "Why.", "y", subject)

    checks = (
        limit("small_classes"),
        limit("overfitting", subject="logistic_regression"),
        limit("confounding", "Label and 'donor' go together."),
        limit("something_new"),
        CIRCULAR,
    )
    first = told(compared(GOOD, checks=checks))[0]
    assert first.startswith(
        "The ranking shows which model is best at reproducing this clustering; it says nothing about "
        "cell types; why; the ranking does not show that a model tells classes rather than 'donor', "
        "nor how well the smallest classes are told, because those scores rest on a few cells, nor "
        "what logistic_regression would do with less freedom; within these limits, use logistic"
    )


def test_excluded_contestants_leave_the_ranking_and_are_named() -> None:
    out = CheckResult("constant_prediction", "exclude", True, "x", "y", "z", "longformer_pure")
    floor = CheckResult("constant_prediction", "exclude", True, "x", "y", "z", "majority")
    record = compared({**GOOD, "longformer_pure": 0.97}, checks=(out, floor))
    decision = decide(record)
    assert decision.model == "logistic_regression"
    _, second, third = told(record)
    assert "constant_prediction (longformer_pure); longformer_pure left the ranking" in third
    assert "majority" not in third  # a floor by design is no news
    assert "nothing is said of transformers, because longformer_pure could not be ranked" in second
    assert headline(decision) == "Use logistic regression here."


def test_ties_go_to_the_cheaper() -> None:
    record = compared({"random_forest": 0.9, "nearest_centroid": 0.9}, error=0.0)
    assert decide(record).model == "nearest_centroid"
    assert "difference 0.000" in told(record)[0]


def test_a_single_contestant_wins_nothing() -> None:
    record = compared({"logistic_regression": 0.891})
    first, second, _ = told(record)
    assert "the only contestant that could be ranked" in first
    assert "whether a transformer is needed was not asked" in second


def test_only_floors_leave_nobody() -> None:
    record = compared({"majority": 0.061, "depth_only": 0.2})
    assert decide(record).reason == "nobody"
    assert told(record)[0].startswith("No winner is named, because no contestant is left")


def test_why_everybody_was_excluded_is_quoted() -> None:
    models = ("nearest_centroid", "logistic_regression")
    out = [
        CheckResult("no_skill", "exclude", True, f"{m!r} knows nothing.", "Why.", "see to it.", m)
        for m in models
    ]
    floor = CheckResult("constant_prediction", "exclude", True, "x", "y", "z", "majority")
    first, second, third = told(compared(GOOD, checks=(floor, *out)))
    assert first == (
        "No winner is named, because no contestant is left to rank: 'nearest_centroid' knows nothing."
    )
    assert second == "To mend it, see to it."
    assert "logistic_regression and nearest_centroid left the ranking" in third
    first, second, _ = told(compared({"majority": 0.061}, checks=(floor,)))
    assert first.endswith("no contestant is left to rank.")
    assert "models='default'" in second


def test_an_interrupted_comparison_without_checks_names_nobody() -> None:
    record = compared(GOOD, checks=(), folds={"logistic_regression": 2})
    assert decide(record).reason == "unchecked"
    third = told(record)[2]
    assert third.startswith("No check was run; logistic_regression finished 2 of 5 folds")


def test_slow_contestants_are_compared_on_the_folds_they_finished() -> None:
    means = {**GOOD, "longformer_pure": 0.880, "longformer": 0.99, "mlp": 0.8}
    record = compared(means, folds={"longformer_pure": 3, "longformer": 2, "mlp": 0})
    decision = decide(record)
    assert decision.model == "logistic_regression"
    status = decision.ranking.set_index("model")["status"]
    assert status["longformer_pure"] == "ranked"
    assert status["longformer"] == "too few folds"
    third = told(record)[2]
    assert "longformer_pure finished 3 of 5 folds;" in third
    assert "longformer finished 2 of 5 folds and is not ranked" in third
    assert "mlp finished no fold and is not ranked" in third


def test_the_order_is_that_of_shared_folds() -> None:
    """A contestant that finished only the easy folds is not the best for that."""
    record = compared(
        {"logistic_regression": 0.89, "random_forest": 0.93}, folds={"random_forest": 3}
    )
    record["pairwise"].loc[0, ["difference", "low", "high"]] = [0.03, 0.01, 0.05]  # on the three
    assert decide(record).best == "logistic_regression"


def test_less_is_better_for_losses() -> None:
    means = {"logistic_regression": 0.31, "random_forest": 0.55}
    record = compared(means, metric="log_loss")
    decision = decide(record, "log_loss")
    assert decision.model == "logistic_regression"
    assert decision.ranking["gain"].iloc[1] == pytest.approx(-0.24)
    assert "the best, ahead of random forest (difference 0.240" in told(record, "log_loss")[0]


def test_groups_are_named() -> None:
    first = told(compared(GOOD, group_key="donor"))[0]
    assert "on groups of 'donor' that were never trained on" in first


def test_the_final_test_set_is_quoted() -> None:
    record = compared(GOOD)
    row = ("logistic_regression", "macro_f1", 0.877, 0.843, 0.904)
    record["held_out"] = pd.DataFrame([row], columns=["model", "metric", "value", "low", "high"])
    assert told(record)[0].endswith(
        "; on the final test set it scores 0.877 (95 % interval 0.843 to 0.904)."
    )


def test_a_fold_without_intervals_gives_a_sentence_without() -> None:
    record = compared({"mlp": 0.891, "label_spreading": 0.9})
    empty = ["low", "high", "p_cells", "p_holm", "p_a_better", "p_equivalent", "p_b_better"]
    record["pairwise"][empty] = np.nan
    record["summary"][["low", "high"]] = np.nan
    first = told(record)[0]
    assert "nan" not in first
    assert decide(record).model == "label_spreading"  # both within 0.01, and about as cheap


def _curve() -> dict[str, Any]:
    frame = pd.DataFrame(
        {
            "model": ["logistic_regression"] * 3,
            "n_cells": [100.0, 2160.0, 21600.0],
            "value": [0.7, 0.894, 0.931],
            "low": [0.6, 0.88, 0.902],
            "high": [0.8, 0.9, 0.961],
            "measured": [True, True, False],
        }
    )
    return {"curve": frame, "params": {"metric": "macro_f1", "key": "cell_type", "layer": ""}}


def _requirement(status: str, n_cells: float, low: float, high: float) -> dict[str, Any]:
    table = pd.DataFrame(
        {
            "model": ["longformer_pure"] * 2,
            "goal": ["match", "beat"],
            "status": [status, "none in sight"],
            "n_cells": [n_cells, np.inf],
            "low": [low, np.inf],
            "high": [high, np.inf],
        }
    )
    return {"table": table, "params": {"horizon": 21600.0, "metric": "macro_f1"}}


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        (None, "sl.tl.data_requirement(adata) does"),
        (
            _requirement("extrapolated", 5231.0, 3120.0, np.inf),
            "it takes about 5,230 labelled cells (interval 3,120 to more than 21,600)",
        ),
        (
            _requirement("measured", 812.0, 0.0, 1904.0),
            "it takes about 812 labelled cells (interval the smallest measured to 1,900)",
        ),
        (_requirement("open", np.inf, 900.0, np.inf), "up to 21,600 is expected, nor excluded"),
        (_requirement("none in sight", np.inf, np.inf, np.inf), "up to 21,600 is in sight"),
    ],
)
def test_more_cells_come_from_the_curves(requirement: Any, expected: str) -> None:
    record = compared({**GOOD, "longformer_pure": 0.87})
    third = told(record, curve=_curve(), requirement=requirement)[2]
    assert "with 21,600 instead of 2,160 labelled cells logistic regression would go" in third
    assert "0.894 to about 0.931 (interval 0.902 to 0.961)" in third
    assert expected in third


@pytest.mark.parametrize(("gap", "clear"), [(0.015, False), (0.019, False), (0.021, True)])
def test_ahead_is_said_only_of_an_interval_above_zero(gap: float, clear: bool) -> None:
    """Here an interval is 1.96 hundredths to either side."""
    means = {"logistic_regression": 0.85, "longformer_pure": 0.85 + gap}
    first, second, _ = told(compared(means))
    assert ("the best, ahead of" in first) == clear
    assert ("though not clearly ahead of" in first) == (not clear)
    assert ("; a transformer is worth it here" in second) == clear
    assert ("; whether a transformer is worth it here is not settled" in second) == (not clear)


@pytest.mark.parametrize(
    ("centroid", "words"),
    [(0.491, "nothing here beats"), (0.501, "nothing here is shown to beat"), (0.513, "")],
)
def test_nobody_wins_who_is_not_above_the_floor(centroid: float, words: str) -> None:
    """Here an interval is 1.96 hundredths to either side."""
    means = {"majority": 0.492, "stratified_random": 0.3, "nearest_centroid": centroid}
    record = compared(means)
    first, second, _ = told(record)
    decision = decide(record)
    if not words:
        assert decision.model == "nearest_centroid"
        alone = "ranked, 0.021 above majority (95 % interval of the difference 0.001 to 0.041)"
        assert first.endswith(f"the only contestant that could be {alone}.")
        return
    assert (decision.model, decision.reason) == ("", "floor")
    assert first.startswith(f"No winner is named, because {words} predicting the commonest class: ")
    assert "nearest centroid, the best that could be ranked, is 0." in first
    assert "that of majority 0.492, a difference of " in first
    assert "per_class" in second
    assert headline(decision) == "No winner is named."


def test_a_floor_that_counts_molecules_is_one_too() -> None:
    first, second, _ = told(compared({**GOOD, "depth_only": 0.88}))
    assert "per_class" in second  # it may be that more cells show it
    ahead = told(compared({**GOOD, "depth_only": 0.95}))[1]
    assert ahead.startswith("Ask what these labels have to do with sequencing depth")
    means = {**GOOD, "depth_only": 0.88}
    of_groups = compared(means, group_key="donor", n_groups=8)
    assert told(of_groups)[1].startswith(
        "Intervals count groups of 'donor', so that more of them would tell"
    )
    # an interval that counts five groups is seldom above 0
    assert decide(compared(means, group_key="donor", n_groups=5)).model
    # folds are no groups: many donors in five folds, and few donors in ten
    assert not decide(compared(means, group_key="donor", n_groups=40)).model
    ten = dict.fromkeys(means, 10)
    assert decide(compared(means, group_key="donor", n_groups=3, folds=ten)).model
    means["depth_only"] = 0.899  # but a difference must matter
    few = decide(compared(means, group_key="donor", n_groups=5))
    assert few.reason == "floor"
    assert (
        "shown to beat counting molecules, without looking at a gene: macro-F1 of logistic" in first
    )


def test_who_is_as_good_but_not_above_the_floor_is_not_recommended() -> None:
    means = {"majority": 0.48, "nearest_centroid": 0.495, "random_forest": 0.503}
    record = compared(means)  # the centroid is cheaper, and within one standard error
    assert decide(record).ranking.set_index("model")["as_good"]["nearest_centroid"]
    assert decide(record).model == "random_forest"
    told(record)


def test_folds_that_nobody_ran_are_counted() -> None:
    record = compared(GOOD, folds=dict.fromkeys(GOOD, 1), n_splits=5, n_repeats=1)
    first, _, third = told(record)
    assert "0.870 to 0.910) on 1 of 5 folds, the best" in first
    assert "only 1 of 5 folds was run" in third
    record = compared(
        GOOD, folds={"majority": 3, "logistic_regression": 2}, n_splits=10, n_repeats=1
    )
    record["complete"] = False
    third = told(record)[2]
    assert "nearest_centroid finished 5 of 10 folds" in third
    assert "logistic_regression finished 2 of 10 folds and is not ranked" in third


def test_groups_that_were_held_out_are_not_what_a_model_may_tell() -> None:
    found = CheckResult(
        "confounding", "limits", True, "Label and 'donor' go together.", "Why.", "y"
    )
    for params, words in (
        (
            {"group_key": "donor"},
            "what else differs between the groups of 'donor' of one class and",
        ),
        ({"group_key": "plate"}, "tells classes rather than 'donor'"),
    ):
        first = told(compared(GOOD, checks=(found,), **params))[0]
        assert words in first
