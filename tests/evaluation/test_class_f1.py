from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from scrna_longformer.evaluation import (
    class_table,
    corrected_t_test,
    cross_validate,
    make_splits,
    pairwise_class_table,
)
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


def test_pairs_are_compared_per_class(cells: tuple) -> None:
    X, codes = cells
    splits = make_splits(codes, n_splits=4, n_repeats=2)
    blind = make_pipeline(FunctionTransformer(hide_b), LogisticRegression())
    models = {"all": LogisticRegression(), "twin": LogisticRegression(), "blind": blind}
    results = cross_validate(models, X, codes, splits)
    table = pairwise_class_table(results, codes, NAMES).set_index(["model_a", "model_b", "class"])
    f1 = class_table(results, codes, NAMES).set_index(["model", "class"])["f1"]
    assert len(table) == 9
    row = table.loc["all", "blind", "B"]
    assert row["difference"] == pytest.approx(f1["all", "B"] - f1["blind", "B"])
    assert row["low"] < row["difference"] < row["high"]
    assert row["p_cells"] < row["p_cells_holm"] < 0.2
    assert row["n"] == 8
    gaps = [
        one.class_f1[0] - other.class_f1[0]
        for one, other in zip(results[0::3], results[2::3], strict=True)
    ]
    share = np.mean([len(r.test) / r.n_train for r in results[0::3]])
    assert row["p_value"] == pytest.approx(corrected_t_test(np.array(gaps), test_share=share))
    equal = table.loc["all", "twin"]
    assert (equal["difference"] == 0).all()
    assert (equal["p_cells"] == 1).all()
    assert (equal["p_equivalent"] > 0.9).all()


def hide_b(X: np.ndarray) -> np.ndarray:
    """Take away what tells the first class."""
    return np.delete(X, 0, axis=1)


def test_folds_without_a_class_say_nothing_of_it(cells: tuple) -> None:
    X, codes = cells
    models = {"one": LogisticRegression(), "other": LogisticRegression(C=0.01)}
    rare = np.where((codes == 2) & (np.cumsum(codes == 2) > 3), 0, codes)  # three cells of it
    with pytest.warns(UserWarning, match="not tested in every fold"):
        splits = make_splits(rare, n_splits=4)
    table = pairwise_class_table(cross_validate(models, X, rare, splits), rare, NAMES)
    assert table.set_index("class")["n"].to_dict() == {"B": 4, "T": 4, "NK": 3}


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
