"""Every contestant against every other, per metric."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ._benchmark import OK
from ._hypotheses import corrected_t_test, correlated_t_test, effect_size, holm
from ._jackknife import influence, leave_out_all
from ._metrics import LOWER_IS_BETTER, METRICS
from ._pooled import lacks_a_class, pool, pseudo_scores
from ._score_interval import difference_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._benchmark import FoldResult
    from ._jackknife import Influence

ROPE = 0.01
_SHARE_OF_LOSSES = 1.5
COLUMNS = (
    "model_a",
    "model_b",
    "metric",
    "difference",
    "low",
    "high",
    "p_cells",
    "p_cells_holm",
    "p_value",
    "p_holm",
    "effect_size",
    "p_a_better",
    "p_equivalent",
    "p_b_better",
    "n",
)


def pairwise_table(
    results: Sequence[FoldResult],
    codes: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    rope: float = ROPE,
) -> pd.DataFrame:
    """Compare all pairs of contestants on the folds that both of them finished.

    Parameters
    ----------
    results
        Results of :func:`cross_validate`.
    codes
        Class of each cell.
    groups
        Group of each cell, if the folds kept groups whole.
    rope
        Largest difference that does not matter in practice.

    Returns
    -------
    One row per pair and metric:

    ``model_a``, ``model_b``, ``metric``, ``difference``
        Mean over the ``n`` shared folds of the score of a minus that of b. Where some fold has no
        cell of a class that others test, scores are those of all cells of a repeat, and tests that
        count folds go by what each fold adds to them (``evaluation._pooled``).
    ``low``, ``high``, ``p_cells``, ``p_cells_holm``
        95 % interval and p value of :func:`difference_interval`, which counts test cells (or
        groups).
    ``p_value``, ``p_holm``
        :func:`corrected_t_test`, which counts folds; and the same adjusted for all pairs of a
        metric (:func:`holm`). For losses the share of test cells counts half as much again
        (``evaluation._pairwise.shared_share``).
    ``effect_size``
        Difference over its standard deviation over folds.
    ``p_a_better``, ``p_equivalent``, ``p_b_better``
        :func:`correlated_t_test`; where less is better, the smaller score is the better one.
    """
    finished = [result for result in results if result.status == OK]
    models = list(dict.fromkeys(result.model for result in results))
    is_pooled = lacks_a_class(finished, codes)
    left_out = leave_out_all(finished, codes, groups)
    scores = {result.key: result.metrics for result in finished}
    rows = []
    for a, b in combinations(models, 2):
        pairs = shared(finished, a, b)
        if not pairs:
            continue
        sides = [list(side) for side in zip(*pairs, strict=True)]
        if is_pooled:  # over the folds that both finished
            scores = pseudo_scores([*sides[0], *sides[1]], codes)
            sides = [pool(side, codes) for side in sides]
            left_out = leave_out_all([*sides[0], *sides[1]], codes, groups)
        one, other = (influence([result.key for result in side], left_out) for side in sides)
        for metric in METRICS:
            folds = [
                (r.repeat, r.fold, scores[r.key][metric] - scores[s.key][metric]) for r, s in pairs
            ]
            share = float(np.mean([len(r.test) / r.n_train for r, _ in pairs]))
            difference, *found = compare(folds, share, one, other, metric, rope)
            if is_pooled:
                difference = one.mean[metric] - other.mean[metric]
            rows.append((a, b, metric, difference, *found))
    table = adjusted(rows, COLUMNS, by="metric")
    names = pd.CategoricalDtype(models)
    types = {"model_a": names, "model_b": names, "metric": pd.CategoricalDtype(list(METRICS))}
    return table.astype(types)


def adjusted(rows: Sequence[tuple], columns: Sequence[str], *, by: str) -> pd.DataFrame:
    """Make a table of rows and add p values that are adjusted over the pairs of a metric or class."""
    given = [name for name in columns if not name.endswith("_holm")]
    table = pd.DataFrame(rows, columns=given)
    for name in ("p_cells", "p_value"):
        table[f"{name.replace('_value', '')}_holm"] = table.groupby(by, sort=False)[name].transform(
            lambda p: pd.Series(holm(p.to_numpy()), p.index)
        )
    return table[list(columns)]


def shared_share(metric: str, share: float) -> float:
    """Share of test cells that the correction for shared training cells goes by.

    The correction of Nadeau and Bengio takes scores of two folds to correlate by the share of cells
    tested on, as they do where a score hardly depends on which cells the model was trained on. Losses
    do depend on it, as probabilities move more than decisions; with the plain share, one in ten tests
    finds a difference in log loss where there is none, once folds are repeated
    (``benchmarks/error_rates.py``).
    """
    return share * (_SHARE_OF_LOSSES if metric in LOWER_IS_BETTER else 1.0)


def shared(finished: Sequence[FoldResult], a: str, b: str) -> list[tuple[FoldResult, FoldResult]]:
    """Results of two contestants on the same folds."""
    of_b = {result.key[1:]: result for result in finished if result.model == b}
    return [(r, of_b[r.key[1:]]) for r in finished if r.model == a and r.key[1:] in of_b]


def compare(
    folds: Sequence[tuple[int, int, float]],
    share: float,
    one: Influence,
    other: Influence,
    metric: str,
    rope: float,
) -> tuple[float, ...]:
    """Mean, interval, tests and odds, from repeat, fold and difference of each seed of each fold."""
    # over seeds
    differences = pd.DataFrame(folds).groupby([0, 1])[2].mean().to_numpy()
    share = shared_share(metric, share)
    odds = correlated_t_test(differences, test_share=share, rope=rope)
    better = (odds.below, odds.above) if metric in LOWER_IS_BETTER else (odds.above, odds.below)
    return (
        float(differences.mean()),
        *difference_interval(one, other, metric),
        corrected_t_test(differences, test_share=share),
        effect_size(differences),
        better[0],
        odds.inside,
        better[1],
        len(differences),
    )
