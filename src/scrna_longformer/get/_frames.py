"""Results of a comparison as tidy data frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._keys import COMPARISON_RECORD
from ._records import is_comparison

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


@dataclass(frozen=True)
class BaselineComparison:
    """Everything a comparison left behind.

    Attributes
    ----------
    summary
        ``model``, ``metric``, ``mean`` over folds; ``low`` and ``high``, the 95 % interval of the
        expected score at this training size; ``sd`` over folds and, apart from it, ``sd_seeds``
        over the seeds of a fold; ``n`` folds, ``n_seeds``. Metrics are scores and costs
        (``fit_seconds``, ``predict_ms_per_cell``, ``peak_memory_mb`` on top of what the process
        held, ``energy_wh``, ``n_parameters``); memory and energy only where they were measured.
    pairwise
        Every contestant against every other, per metric
        (:func:`~scrna_longformer.evaluation.pairwise_table`): ``model_a``, ``model_b``, ``metric``,
        ``difference``, its interval ``low`` and ``high``, p values, effect size, and the
        probabilities that a is better, both are equivalent, or b is better.
    folds
        Scores per fold: ``model``, ``repeat``, ``fold``, ``seed``, ``metric``, ``value``.
    per_class
        ``model``, ``class``, ``f1`` of the out-of-fold predictions and its 95 % interval, ``low`` and
        ``high``; ``sd`` over the ``n`` folds that test the class; ``n_cells``
        (:func:`~scrna_longformer.evaluation.class_table`).
    pairwise_per_class
        As ``pairwise``, of the F1 of each ``class``
        (:func:`~scrna_longformer.evaluation.pairwise_class_table`); empty in records of older versions.
    confusion
        Out-of-fold predictions: ``model``, ``true``, ``predicted``, ``n_cells``.
    reliability
        Out-of-fold confidence and accuracy: ``model``, ``low``, ``high`` (ends of the bin),
        ``n_cells``, ``confidence`` (mean), ``accuracy``.
    runs
        What was run: ``model``, ``repeat``, ``fold``, ``seed``, ``group`` (left out), ``status``
        (``'ok'`` or ``'time limit'``), ``n_train``, ``n_test``, ``temperature`` (of the
        probabilities; above 1 the model was too sure; NaN where it is calibrated inside), ``gate``
        (weight of the correction in a hybrid transformer; NaN for others).
    models
        The contestants: ``model``, ``description``, the terms on which they took part, and of
        hybrids ``gate``, the mean weight that the transformer's correction was given, and
        ``gate_closed``, the share of fits in which it was 0 (NaN for others); ``built_in``, the name of
        the built-in contestant that it is (empty for others); ``kind`` (``'simple'`` or
        ``'transformer'``).
    params
        How the comparison was called, on how many cells and genes, and how the labels came about.
    checks
        What every check found, faults first: ``check``, ``severity``, ``subject`` (a contestant, or
        empty), ``fired``, ``what``, ``why``, ``mend``, ``evidence`` (JSON).
    complete
        Whether all folds of all contestants were run; ``False`` after an interrupt or time limit.
    held_out
        Scores on the final test set (:func:`~scrna_longformer.evaluation.held_out_table`); ``None``
        without one.
    held_out_cells
        Names of its cells; none without one.
    void
        Whether a check forbids to name a winner.
    excluded
        Contestants that a check took out of the ranking. A floor, such as always saying the largest
        class, is among them where it took part; that is no news.
    circular
        Whether the labels come from the matrix that they are predicted from: ``'yes'``,
        ``'suspected'``, ``'no evidence'``, or ``'not checked'`` after an interrupt.
    """

    summary: pd.DataFrame
    pairwise: pd.DataFrame
    folds: pd.DataFrame
    per_class: pd.DataFrame
    pairwise_per_class: pd.DataFrame
    confusion: pd.DataFrame
    reliability: pd.DataFrame
    runs: pd.DataFrame
    models: pd.DataFrame
    params: dict[str, Any]
    checks: pd.DataFrame
    complete: bool
    held_out: pd.DataFrame | None = None
    held_out_cells: tuple[str, ...] = ()
    void: bool = False
    excluded: tuple[str, ...] = ()
    circular: str = "not checked"

    @property
    def table(self) -> pd.DataFrame:
        """Means as one row per contestant and one column per metric, best macro-F1 first."""
        wide = self.summary.pivot_table(
            index="model", columns="metric", values="mean", observed=True, dropna=False
        )
        return wide.sort_values("macro_f1", ascending=False, kind="stable")

    @property
    def faults(self) -> pd.DataFrame:
        """The checks that fired, the gravest first."""
        return self.checks[self.checks["fired"]]


def baseline_compare(adata: AnnData, key: str = COMPARISON_RECORD) -> BaselineComparison:
    """Return the result of :func:`scrna_longformer.tl.baseline_compare` as data frames.

    Parameters
    ----------
    adata
        Annotated data with a comparison.
    key
        Its ``key_added``.

    Returns
    -------
    BaselineComparison
        Long data frames ``summary``, ``pairwise``, ``folds``, ``per_class``, ``pairwise_per_class``,
        ``confusion``, ``reliability``, ``runs``, ``models``, ``checks``; ``params``; ``complete``;
        ``held_out``, if there was a final test set; what follows from the checks, ``void``,
        ``excluded`` and ``circular``; and the wide ``table``.

    Raises
    ------
    KeyError
        If there is no such comparison.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.tl.baseline_compare(adata, "bulk_labels", models=["majority", "knn_pca"], n_splits=3)
    >>> comparison = sl.get.baseline_compare(adata)
    >>> list(comparison.table.index)
    ['knn_pca', 'majority']
    """
    import pandas as pd

    record = adata.uns.get(key)
    if not is_comparison(record):
        found = [name for name, entry in adata.uns.items() if is_comparison(entry)]
        msg = (
            f"baseline_compare: no comparison under `key`={key!r}; uns has comparisons under "
            f"{found or 'no key'}. Call sl.tl.baseline_compare(adata) first."
        )
        raise KeyError(msg)
    frames = (
        "summary",
        "pairwise",
        "folds",
        "per_class",
        "confusion",
        "reliability",
        "runs",
        "models",
        "checks",
    )
    return BaselineComparison(
        **{name: record[name].copy() for name in frames},
        # records of older versions have none
        pairwise_per_class=pd.DataFrame(record.get("pairwise_per_class", {})).copy(),
        params=dict(record["params"]),
        complete=bool(record["complete"]),
        held_out=record["held_out"].copy() if "held_out" in record else None,
        held_out_cells=tuple(str(name) for name in record.get("held_out_cells", ())),
        void=bool(record.get("void", False)),
        excluded=tuple(str(name) for name in record.get("excluded", ())),
        circular=str(record.get("circular", "not checked")),
    )
