"""Every contestant against every other, per class."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ._benchmark import OK
from ._class_f1 import F1, class_influences
from ._pairwise import COLUMNS, ROPE, adjusted, compare, shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._benchmark import FoldResult


def pairwise_class_table(
    results: Sequence[FoldResult],
    codes: np.ndarray,
    class_names: Sequence[str],
    groups: np.ndarray | None = None,
    *,
    rope: float = ROPE,
) -> pd.DataFrame:
    """Compare all pairs of contestants by the F1 of each class, on the folds that both finished.

    Parameters
    ----------
    results
        Results of :func:`cross_validate`.
    codes
        Class of each cell.
    class_names
        Names of the classes.
    groups
        Group of each cell, if the folds kept groups whole.
    rope
        Largest difference that does not matter in practice.

    Returns
    -------
    One row per pair and class, with the columns of :func:`pairwise_table` and ``class`` instead of
    ``metric``. ``difference``, its interval and ``p_cells`` are of the F1 of all cells of a repeat, as
    in :func:`class_table`; tests that count folds go by the F1 in each of the ``n`` folds that test
    the class. P values are adjusted over the pairs of a class, not over classes.
    """
    finished = [result for result in results if result.status == OK]
    models = list(dict.fromkeys(result.model for result in results))
    rows = []
    for a, b in combinations(models, 2):
        pairs = shared(finished, a, b)
        if not pairs:
            continue
        one, other = (
            class_influences(side, codes, len(class_names), groups)
            for side in zip(*pairs, strict=True)
        )
        share = float(np.mean([len(r.test) / r.n_train for r, _ in pairs]))
        gaps = np.array([r.class_f1 - s.class_f1 for r, s in pairs])
        for code, name in enumerate(class_names):
            tested = ~np.isnan(gaps[:, code])
            if not tested.any():
                continue
            folds = [
                (r.repeat, r.fold, gap)
                for (r, _), gap, is_tested in zip(pairs, gaps[:, code], tested, strict=True)
                if is_tested
            ]
            _, *found = compare(folds, share, one[code], other[code], F1, rope)
            difference = one[code].mean[F1] - other[code].mean[F1]
            rows.append((a, b, name, difference, *found))
    columns = ["class" if name == "metric" else name for name in COLUMNS]
    table = adjusted(rows, columns, by="class")
    names = pd.CategoricalDtype(models)
    types = {"model_a": names, "model_b": names, "class": pd.CategoricalDtype(list(class_names))}
    return table.astype(types)
