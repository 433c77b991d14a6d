from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from scrna_longformer.evaluation import class_table, cross_validate, make_splits
from scrna_longformer.evaluation._class_f1 import class_influences

NAMES = ["B", "T", "NK"]


@pytest.fixture
def cells(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    codes = rng.permutation(np.repeat([0, 1, 2], [40, 30, 8]))
    return rng.normal(size=(78, 4)) + 1.6 * np.eye(3, 4)[codes], codes


def results_of(X: np.ndarray, codes: np.ndarray, **options) -> list:
    splits = make_splits(codes, n_splits=4, **options)
    return cross_validate({"linear": LogisticRegression()}, X, codes, splits)


def out_of_fold(results: list, repeat: int) -> np.ndarray:
    guess = np.empty(78, dtype=int)
    for result in results:
        if result.repeat == repeat:
            guess[result.test] = result.proba.argmax(axis=1)
    return guess


def test_f1_is_that_of_all_out_of_fold_predictions(cells: tuple) -> None:
    X, codes = cells
    results = results_of(X, codes, n_repeats=2)
    table = class_table(results, codes, NAMES).set_index("class")
    both = [f1_score(codes, out_of_fold(results, r), average=None) for r in (0, 1)]
    np.testing.assert_allclose(table["f1"], np.mean(both, axis=0))
    assert ((table["low"] < table["f1"]) & (table["f1"] < table["high"])).all()
    width = table["high"] - table["low"]
    assert width["NK"] > width["B"]  # the smaller class is known less well


def test_variance_is_that_of_leaving_each_cell_out(cells: tuple) -> None:
    X, codes = cells
    results = results_of(X, codes)
    guess = out_of_fold(results, 0)
    found = class_influences(results, codes, 3)
    for code, of_class in enumerate(found):
        touched = np.flatnonzero((codes == code) | (guess == code))
        without = [
            f1_score(np.delete(codes, i) == code, np.delete(guess, i) == code) for i in touched
        ]
        whole = f1_score(codes == code, guess == code)
        n = len(touched)
        expected = (n - 1) / n * np.square(whole - np.array(without)).sum()
        assert of_class.variance("f1") == pytest.approx(expected)
        assert of_class.df == n - 1


def test_groups_are_left_out_whole(cells: tuple, rng: np.random.Generator) -> None:
    X, codes = cells
    groups = rng.integers(8, size=78)
    results = results_of(X, codes, groups=groups)
    guess = out_of_fold(results, 0)
    keep = [groups != g for g in range(8)]
    without = [f1_score(codes[k] == 0, guess[k] == 0) for k in keep]
    whole = f1_score(codes == 0, guess == 0)
    of_first = class_influences(results, codes, 3, groups)[0]
    expected = 7 / 8 * np.square(whole - np.array(without)).sum()
    assert of_first.variance("f1") == pytest.approx(expected)
    assert of_first.df == 7


def test_class_without_test_cells_has_no_interval(cells: tuple) -> None:
    X, codes = cells
    results = [r for r in results_of(X, codes) if r.fold == 0]
    hidden = codes.copy()
    hidden[results[0].test[codes[results[0].test] == 2]] = 0  # the only test cells of the class
    row = class_table(results, hidden, NAMES).set_index("class").loc["NK"]
    assert np.isnan(row[["f1", "low", "high"]].to_numpy(dtype=float)).all()
