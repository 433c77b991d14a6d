"""Scores of a comparison, one column per model and one row per fold, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._keys import COMPARISON_RECORD

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


@dataclass(frozen=True)
class Scores:
    """One metric of a comparison.

    Attributes
    ----------
    folds
        One row per (repeat, fold), one column per model, best model first.
    mean, low, high
        Per model: mean and 95 % interval of the comparison's summary; the interval of costs, which have
        none, is that of :func:`~scrna_longformer.evaluation.corrected_interval`.
    test_share
        Test cells over training cells of a fold.
    """

    folds: pd.DataFrame
    mean: pd.Series
    low: pd.Series
    high: pd.Series
    test_share: float

    @property
    def is_pooled(self) -> bool:
        """Whether the mean is that of scores over all cells of a repeat, and folds alone say nothing."""
        import numpy as np

        return not np.allclose(self.mean, self.folds.mean(), equal_nan=True)

    @property
    def models(self) -> list[str]:
        """Names of the models, best first."""
        return [str(model) for model in self.folds.columns]


def read_scores(
    adata: AnnData, metric: str, *, key: str = COMPARISON_RECORD, caller: str
) -> Scores:
    """Read one metric of a comparison.

    Raises
    ------
    KeyError
        There is no comparison under `key`.
    ValueError
        `metric` is none of its metrics.
    """
    from ..evaluation import COSTS, LOWER_IS_BETTER
    from ..evaluation._interval import corrected_interval
    from ._frames import baseline_compare

    comparison = baseline_compare(adata, key)
    long = comparison.folds
    known = [str(name) for name in long["metric"].unique()]
    if metric not in known:
        msg = f"{caller}: `metric`={metric!r} is not in the comparison; it has {known}."
        raise ValueError(msg)
    folds = long[long["metric"] == metric].pivot_table(
        index=["repeat", "fold"], columns="model", values="value", observed=True
    )
    folds.columns = folds.columns.astype(str)
    rising = metric in {*LOWER_IS_BETTER, *COSTS}
    runs = comparison.runs
    test_share = float((runs["n_test"] / runs["n_train"].where(runs["n_train"] > 0)).mean())
    summary = comparison.summary[comparison.summary["metric"] == metric]
    summary = summary.set_index(summary["model"].astype(str))
    mean = summary["mean"].reindex(folds.columns)
    mean = mean.sort_values(ascending=rising, kind="stable")
    folds = folds[mean.index]
    low, high = (summary[end].reindex(mean.index) for end in ("low", "high"))
    for m in mean.index[low.isna()]:
        ends = corrected_interval(folds[m].dropna().to_numpy(), test_share=test_share)
        low[m], high[m] = ends
    return Scores(folds, mean, low, high, test_share)
