from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scrna_longformer.cli import _words as words


def folds(longformer: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"longformer": longformer, "majority": [0.05] * 5})


def skill(score: float) -> str:
    return words.skill_sentence(folds([score] * 5), "macro_f1", "longformer")


def test_a_constant_predictor_is_called_one():
    assert "learned little or nothing" in skill(0.05)
    assert "above that on every fold" in skill(0.5)


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


def test_advice_begins_with_this_run():
    first = words.advice("Use logistic regression here.", 100, 3)[0]
    assert first.startswith("Here: use logistic regression here.")
