"""Ask a fitted contestant a few more questions, while it is there: the checks need the answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._random import generator
from ..features._ranking import Matrix
from ._class_codes import class_codes
from ._metrics import score
from ._split import Split

N_CELLS = 50
N_TRAIN = 200


def probe(
    estimator: Any, X: Matrix, codes: np.ndarray, split: Split, *, random_state: int
) -> dict[str, float]:
    """See how predictions change with the input, and how well the training cells are fitted.

    Parameters
    ----------
    estimator
        Fitted, with ``predict_proba`` and ``classes_``.
    X
        Cells x genes.
    codes
        Class of each cell.
    split
        The fold it was fitted in.
    random_state
        Seed of the cells that are asked about.

    Returns
    -------
    dict
        Mean total variation distance (0 to 1) between the probabilities of up to 50 test cells (and
        training cells, where all test cells are of one class), of all classes alike while they
        last, and
        those given for the same cells a second time (``again``), for the cells in another order, by
        position (``rows``) and by cell (``following``), and for such cells with their genes
        exchanged as well (``noise``); scores of up to 200 training cells, ``train_macro_f1``
        and ``train_accuracy``.
    """
    rng = generator(random_state, 10)
    # cells of one class only (a patient has one diagnosis) may be exchanged without any change
    is_pure = len(np.unique(codes[split.test])) == 1
    asked = np.concatenate([split.test, split.train]) if is_pure else split.test
    test = _of_all_classes(asked, codes, N_CELLS, rng)
    train = rng.choice(split.train, min(N_TRAIN, len(split.train)), replace=False)
    order = np.roll(np.arange(len(test)), 1)  # no cell keeps its place
    cells = X[test]

    def ask(rows: Matrix) -> np.ndarray:
        return np.asarray(estimator.predict_proba(rows), dtype=np.float64)

    first, moved, again = ask(cells), ask(X[test[order]]), ask(cells)
    noise, fitted = ask(exchange_genes(X[test[order]], rng)), ask(X[train])
    scores = score(codes[train], _all_classes(fitted, class_codes(estimator), int(codes.max()) + 1))
    return {
        "again": _distance(again, first),
        "rows": _distance(moved, first),
        "following": _distance(moved, first[order]),
        "noise": _distance(noise, first),
        "train_macro_f1": scores["macro_f1"],
        "train_accuracy": scores["accuracy"],
    }


def _of_all_classes(
    rows: np.ndarray, codes: np.ndarray, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw up to `n` rows, as many of each class while they last.

    Of a class of one cell in a hundred, fifty cells drawn blindly mostly hold none; a good model then
    gives all of them the same prediction.
    """
    drawn = rng.permutation(rows)
    place = pd.Series(drawn).groupby(codes[drawn]).cumcount()
    return drawn[np.argsort(place.to_numpy(), kind="stable")][:n]


def exchange_genes(X: Matrix, rng: np.random.Generator) -> Matrix:
    """Let every gene have the values of another: cells keep their totals, and mean nothing."""
    return X[:, rng.permutation(X.shape[1])]


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).sum(axis=1).mean() / 2)


def _all_classes(proba: np.ndarray, classes: np.ndarray, n_classes: int) -> np.ndarray:
    aligned = np.zeros((len(proba), n_classes))
    aligned[:, classes] = proba
    return aligned
