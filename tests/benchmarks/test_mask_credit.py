from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

ATTENTIONS = ("knn", "random", "self", "full", "none")


@pytest.fixture
def mask_credit(script):
    return script("mask_credit")


def _scores(sets: dict[str, np.ndarray], regime: str = "folds") -> pd.DataFrame:
    """Scores of five folds; what the graph has over each control, in both scores, is given."""
    rows = []
    for name, gains in sets.items():
        for i, gain in enumerate(gains):
            where = {"repeat": 0, "fold": i} if regime == "folds" else {"repeat": i, "fold": 0}
            for attention in ATTENTIONS:
                lost = 0.0 if attention == "knn" else gain
                scores = {"macro_f1": 0.8 - lost, "log_loss": 0.4 + lost, "share": 0.25}
                rows.append(
                    {"set": name, "held out": regime, "attention": attention} | where | scores
                )
    return pd.DataFrame(rows)


GAINS = np.array([0.01, 0.02, 0.03, 0.02, 0.02])


@pytest.mark.parametrize("metric", ["macro_f1", "log_loss"])
def test_more_is_better_in_both_scores(mask_credit, metric):
    found = mask_credit.table(_scores({"a": GAINS}), metric)
    assert len(found) == 1  # one set has no mean over sets
    assert set(found.filter(like="over").iloc[0]) == {"**+0.020 (+0.007, +0.033)**"}


def test_seeds_of_a_held_out_group_have_no_shared_cells_to_correct_for(mask_credit):
    low, high = stats.t.interval(0.95, 4, GAINS.mean(), stats.sem(GAINS))
    found = mask_credit.table(_scores({"a": GAINS}, "stim to ctrl"), "macro_f1")
    assert found.loc[0, "over permuted"] == f"**+0.020 ({low:+.3f}, {high:+.3f})**"
    assert len(found) == 1


def test_the_last_row_is_over_sets(mask_credit):
    sets = {"a": GAINS, "b": GAINS - 0.02, "c": GAINS - 0.04}
    last = mask_credit.table(_scores(sets), "macro_f1").iloc[-1]
    low, high = stats.t.interval(0.95, 2, 0, stats.sem([0.02, 0, -0.02]))
    assert last["set"] == "mean of the 3 rows by folds"
    assert last["over none"] == f"+0.000 ({low:+.3f}, {high:+.3f})"


def test_what_is_noted_is_not_computed_again(mask_credit, tmp_path, monkeypatch):
    class Split:
        test, train = range(1), range(4)

    class Arena:
        def splits(self, repeat, **_):
            return [Split()] * 5

    fitted = []

    def fit(arena, split, attention, seed):
        fitted.append((attention, seed))
        return {"macro_f1": 0.5, "log_loss": 1.0}

    contest = next(c for c in mask_credit.REAL if c.regime == "folds")
    monkeypatch.setattr(mask_credit, "REAL", (contest,))
    monkeypatch.setattr(mask_credit, "enter", lambda _: Arena())
    monkeypatch.setattr(mask_credit, "fit_and_score", fit)
    save = tmp_path / "scores.csv"
    mask_credit.measure([contest.name], 1, 5, save)
    both = mask_credit.measure([contest.name], 2, 5, save)
    assert len(fitted) == len(both) == 2 * 5 * len(ATTENTIONS)
    assert [seed for _, seed in fitted[25:]] == [1] * 25
