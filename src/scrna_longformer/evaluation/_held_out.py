"""Scores on the final test set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ._benchmark import OK
from ._jackknife import influence, leave_out_all
from ._metrics import METRICS
from ._score_interval import score_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._benchmark import FoldResult


def held_out_table(
    results: Sequence[FoldResult], codes: np.ndarray, groups: np.ndarray | None = None
) -> pd.DataFrame:
    """Score the contestants that were fitted on all cells but the test set.

    Parameters
    ----------
    results
        Results on the one split into test set and rest.
    codes
        Class of each cell.
    groups
        Group of each cell, if the test set is made of whole groups.

    Returns
    -------
    Columns ``model``, ``metric``, ``value`` (mean over seeds), ``low`` and ``high`` (95 % interval
    over new test cells, or groups, *for these fitted models*: other training cells are not
    considered), ``n_train``, ``n_test``.
    """
    finished = [result for result in results if result.status == OK]
    left_out = leave_out_all(finished, codes, groups)
    models = list(dict.fromkeys(result.model for result in results))
    rows = []
    for model in models:
        of_model = [result for result in finished if result.model == model]
        if not of_model:
            continue
        of_units = influence([result.key for result in of_model], left_out)
        sizes = (of_model[0].n_train, len(of_model[0].test))
        for metric in METRICS:
            value = float(np.mean([result.metrics[metric] for result in of_model]))
            ends = score_interval(of_units, metric, trained=False)
            rows.append((model, metric, value, *ends, *sizes))
    columns = ["model", "metric", "value", "low", "high", "n_train", "n_test"]
    frame = pd.DataFrame(rows, columns=columns)
    types = {"model": pd.CategoricalDtype(models), "metric": pd.CategoricalDtype(list(METRICS))}
    return frame.astype(types)
