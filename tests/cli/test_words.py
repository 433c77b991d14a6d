from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scrna_longformer.cli import _words as words


def folds(longformer: list[float], **others: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"longformer": longformer, "majority": [0.05] * 5, **others})


LINEAR = [0.70, 0.74, 0.72, 0.71, 0.73]


@pytest.mark.parametrize(
    ("longformer", "relation"),
    [
        (np.add(LINEAR, [0.05, 0.06, 0.05, 0.06, 0.05]), "ahead of"),
        (np.subtract(LINEAR, [0.05, 0.06, 0.05, 0.06, 0.05]), "behind"),
        (np.add(LINEAR, [0.01, -0.01, 0.01, -0.01, 0.0]), "level with"),
        (np.add(LINEAR, [0.10, -0.12, 0.05, -0.20, 0.0]), "not told apart from"),
    ],
)
def test_relation_follows_the_interval(longformer: np.ndarray, relation: str):
    table = folds(list(longformer), logistic_regression=LINEAR)
    gap = words.gap_between(table, "longformer", "logistic_regression", test_share=0.25)
    assert gap.relation == relation
    assert gap.mean == pytest.approx(np.mean(np.subtract(longformer, LINEAR)))
    sentence = words.gap_sentence(gap, "macro_f1")
    assert f"{abs(gap.mean):.3f} macro-F1 {'higher' if gap.mean >= 0 else 'lower'}" in sentence
    assert f"{gap.low:+.3f} to {gap.high:+.3f}" in sentence


def gap(low: float, high: float) -> words.Gap:
    return words.Gap("longformer", "logistic_regression", (low + high) / 2, low, high, 2, 5)


@pytest.mark.parametrize("low", [-0.2, -0.01, 0.1])
def test_nobody_is_told_to_use_a_transformer_that_is_not_ahead(low: float):
    found = gap(low, low + 0.02)
    says_ahead = "ahead" in words.headline(found)
    assert says_ahead == (low > 0)
    assert ("cheaper" in words.advice(found, 100, 3)[0]) == (low <= 0)


def test_rival_is_the_best_model_with_skill():
    table = folds([0.9] * 5, knn_pca=[0.6] * 5, mlp=[0.7] * 5, depth_only=[0.95] * 5)
    assert words.best_simple(table) == "mlp"
    assert words.simple_models(table) == ["knn_pca", "mlp"]
    assert "best of 2 simple models" in words.selection_sentence(table, "mlp")


def test_a_constant_predictor_is_called_one():
    assert "learned little or nothing" in words.skill_sentence(folds([0.05] * 5), "macro_f1")
    assert "above that on every fold" in words.skill_sentence(folds([0.5] * 5), "macro_f1")


@pytest.mark.parametrize(
    ("kind", "said"),
    [("clustered", "circular"), ("sorted", "cell sorter"), ("assigned", "repeats the rule")],
)
def test_worth_of_labels_follows_their_origin(kind: str, said: str):
    dataset = {
        "label_columns": np.array(["a", "b"]),
        "label_kinds": np.array(["design", kind]),
        "label_origins": np.array(["x", "how it came about"]),
    }
    sentence = words.label_sentence(dataset, "b")
    assert said in sentence
    assert "how it came about" in sentence


def test_unknown_origin_is_said():
    assert words.label_sentence({"label_columns": np.array([])}, "b") == words.UNKNOWN_WORTH
    assert words.label_sentence(None, "b") == words.UNKNOWN_WORTH


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.5, "less time than"), (1.0, "about as long as"), (10.0, "10 times as long as")],
)
def test_cost_is_compared(seconds: float, said: str):
    sentence = words.cost_sentence(pd.Series({"longformer": seconds, "mlp": 1.0}), "mlp")
    assert said in sentence


def history(*stopping: float) -> pd.DataFrame:
    return pd.DataFrame({"stopping_loss": stopping})


def fit_words(*stopping: float, initial: float = 2.0, best_step: int = 50) -> str:
    training = {"prior_loss": 2.0, "initial_loss": initial, "best_step": best_step}
    training |= {"n_steps": 300, "n_parameters": 4000, "seconds": 5.0}
    return words.fit_sentence(training, history(*stopping))


def test_fit_says_what_was_reached():
    assert "brought the cost to 0.50" in fit_words(1.5, 0.5)
    assert "over-fitting" not in fit_words(1.5, 0.5)
    assert "starts from" not in fit_words(1.5, 0.5)


def test_fit_says_over_fitting_and_not_learning():
    assert "rose to 0.90, which is over-fitting" in fit_words(0.5, 0.9)
    assert "hardly helped: 1.95" in fit_words(2.0, 1.95)


def test_fit_gives_the_linear_start_its_due():
    assert "starts from costs 0.40" in fit_words(0.3, 0.3, initial=0.4)
    kept = fit_words(0.5, 0.6, initial=0.4, best_step=0)
    assert "No update improved on that" in kept
    assert "brought the cost" not in kept
    assert "logistic regression" in words.start_sentence({"initial_loss": 0.4, "prior_loss": 2.0})
    assert not words.start_sentence({"initial_loss": 2.0, "prior_loss": 2.0})


@pytest.mark.parametrize(
    ("longformer", "said"), [(0.9, "more often"), (0.7, "about as often"), (0.5, "less often")]
)
def test_embeddings_are_compared_within_their_noise(longformer: float, said: str):
    scores = {"longformer": longformer, "pca": 0.7}
    assert said in words.neighbour_sentence(scores, 140, 15)


def test_large_hub_is_warned_of():
    def degrees(largest: int) -> pd.DataFrame:
        return pd.DataFrame({"gene": ["ACTB", *"abc"], "degree": [largest, 2, 2, 1]})

    many = pd.concat([degrees(30), degrees(2).iloc[1:].sample(97, replace=True, random_state=0)])
    assert "ACTB with 30 neighbours (30% of all genes)" in words.mask_sentence(many, 20)
    assert "expression level" in words.mask_sentence(many, 20)
    many.iloc[0, 1] = 20
    assert "expression level" not in words.mask_sentence(many, 20)
