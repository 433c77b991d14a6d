"""Learning curves: what more labelled cells would buy, for each model."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from .._arguments import check_key_added, check_random_state
from .._keys import LEARNING_CURVE_RECORD
from .._settings import log
from ._compare_inputs import read_inputs
from ._compare_models import resolve_contestants, transformer_settings
from ._compare_run import run_comparison
from ._curve_record import curve_record, log_curve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from anndata import AnnData

    from ..evaluation import FoldResult
    from ._compare_inputs import Inputs

_CALLER = "learning_curve"
_MODELS = (
    *("majority", "nearest_centroid", "logistic_regression", "simple_mean", "random_forest"),
    *("longformer", "longformer_pure"),
)
_N_SIZES = 6


def learning_curve(
    adata: AnnData,
    key: str | None = None,
    *,
    models: str | Sequence[str] | Mapping[str, Any] = _MODELS,
    sizes: Sequence[int] | None = None,
    n_seeds: int = 5,
    metric: str = "macro_f1",
    test_fraction: float = 0.25,
    group_key: str | None = None,
    layer: str | None = None,
    time_limit: float | None = None,
    n_jobs: int | None = None,
    checkpoint_dir: str | Path | None = None,
    random_state: int = 0,
    key_added: str = LEARNING_CURVE_RECORD,
    copy: bool = False,
) -> AnnData | None:
    """Measure how the score of each model grows with the number of labelled cells.

    For each seed, test cells are set aside, and every model is trained on growing subsets of the
    rest. A subset contains the smaller ones and has the class shares of all cells (and at least one
    cell of each class); subsets and test cells are the same for all models. Everything learned from
    cells is learned from the subset alone. Then an inverse power law is fitted to the mean error of
    each model, ``error(n) = c + a * n**-b`` (1 - score for scores, the score itself for losses).

    Parameters
    ----------
    adata
        Annotated data with log-normalised values.
    key
        Column of ``obs`` with the labels; by default that of the last
        :func:`~scrna_longformer.tl.longformer_fit`, else ``'leiden'``. Cells without a label, and
        those whose label a subset does not look at, are given to contestants that use such cells
        (``label_spreading``).
    models
        Contestants as in :func:`~scrna_longformer.tl.baseline_compare`: names, or a dictionary from
        a name of your own to a name or a scikit-learn classifier with ``predict_proba``. To measure
        several sizes of the transformer, give ``{'tiny': LongformerClassifier('tiny'), ...}``
        beside the simple models.
    sizes
        Numbers of labelled training cells, at least three; by default six, evenly spaced on the log
        scale up to all that the test cells leave. Four or more show how well the laws extrapolate.
    n_seeds
        Draws of test cells and subsets, at least two.
    metric
        Score that the laws are fitted to; all scores are kept.
    test_fraction
        Share of each class to test on; with a `group_key` at most 0.5, as nearly as whole groups
        allow.
    group_key
        Column of ``obs`` (donor, batch): test cells are those of whole groups that no subset has a
        cell of. The curves then say what more cells of *these* groups buy for new groups.
    layer
        Layer to read instead of ``X``.
    time_limit
        Seconds that each contestant may take in all; the largest sizes are left out first, and
        recorded as such.
    n_jobs
        Number of worker processes; ``None`` or 1 runs in this one, -1 uses all cores.
    checkpoint_dir
        Folder to keep finished fits in. The same call goes on from them; a fit is run again where
        data, labels, sizes, contestant, seed or versions have changed.
    random_state
        Seed of the subsets, the contestants and the draws behind the intervals.
    key_added
        Name of the record in ``uns``.
    copy
        Return a changed copy instead of changing ``adata``.

    Returns
    -------
    ``None``, or the changed copy. Slots written (read them with
    :func:`scrna_longformer.get.learning_curve`):

    ``uns['learning_curve']`` : dict
        Long data frames ``'scores'``, ``'laws'``, ``'curve'``, ``'extrapolation'``, ``'runs'``,
        ``'models'``; ``'params'``; ``'complete'``, which is ``False`` after an interrupt (the
        finished sizes are kept, unless ``copy=True``) or a time limit.

    Raises
    ------
    KeyError
        If ``key``, ``group_key`` or ``layer`` is missing.
    ValueError
        If there is only one class, a model or the metric has an unknown name, there are too few
        sizes, seeds or groups, a size is impossible, the values are not log-normalised, or
        ``uns[key_added]`` holds something else than a learning curve.

    Warns
    -----
    UserWarning
        If a class has a name that stands for no label (``'nan'``, ``'unknown'``).

    See Also
    --------
    scrna_longformer.tl.data_requirement : How many cells until the transformer is level.
    scrna_longformer.tl.recommend_architecture : Which model the curves support.
    scrna_longformer.pl.learning_curve : Draw the curves.

    Notes
    -----
    Probabilities are scaled as in :func:`~scrna_longformer.tl.baseline_compare`, so
    that curves of log-loss, Brier score and calibration error are of models as calibrated as there.

    Intervals are at 90 %. They come from perturbing the mean errors along the deviations of the
    seeds (corrected for seeds sharing cells, as Nadeau and Bengio do for folds) and by the
    residuals from the law, and fitting again. A law is a summary: outside the measured sizes it is a
    guess, and ``'extrapolation'`` says how good a guess it was where it could be checked.

    References
    ----------
    Figueroa et al. (2012), Predicting sample size required for classification performance, BMC
    Medical Informatics and Decision Making 12, 8.

    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52, 239-281.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> models = ["majority", "nearest_centroid", "knn_pca"]
    >>> sl.tl.learning_curve(adata, "bulk_labels", models=models, sizes=[60, 120, 240, 480])
    >>> curve = sl.get.learning_curve(adata)
    >>> bool(curve.table.loc["knn_pca", 480] > curve.table.loc["knn_pca", 60])
    True
    """
    from ..evaluation import METRICS, nested_splits
    from ..features import has_counts
    from ..get._expression import make_actual
    from ..get._records import check_free, is_curve

    check_key_added(key_added, caller=_CALLER)
    check_free(adata.uns, key_added, is_curve, caller=_CALLER)
    random_state = check_random_state(random_state, caller=_CALLER)
    if metric not in METRICS:
        msg = f"{_CALLER}: `metric`={metric!r} is not one of {list(METRICS)}."
        raise ValueError(msg)
    if n_seeds < 2:
        msg = f"{_CALLER}: `n_seeds`={n_seeds!r}: an interval needs at least 2, better 5."
        raise ValueError(msg)
    inputs = read_inputs(adata, key, group_key=group_key, layer=layer, caller=_CALLER)
    contestants = resolve_contestants(
        models,
        transformer_settings(inputs.fit),
        caller=_CALLER,
        with_counts=has_counts(inputs.X),
    )
    drawn: dict[str, Any] = {"test_fraction": test_fraction, "random_state": random_state}
    sizes = _sizes(sizes, inputs, n_seeds, **drawn)
    splits = nested_splits(inputs.codes, sizes, n_seeds=n_seeds, groups=inputs.groups, **drawn)
    if inputs.is_circular:
        log.warning(
            "%s: %s Curves say how many cells it takes to reproduce that.", _CALLER, inputs.origin
        )
    params = {
        "key": inputs.labels.key,
        "label_origin": inputs.origin,
        "label_digest": inputs.labels.digest,
        "metric": metric,
        "n_seeds": n_seeds,
        "test_fraction": float(test_fraction),
        "group_key": group_key or "",
        "layer": layer or "",
        "time_limit": float(time_limit or 0),
        "calibration": "temperature and class offsets",
        "random_state": random_state,
        "n_cells": len(inputs.codes),
        "n_genes": inputs.X.shape[1],
        "n_classes": len(inputs.labels.names),
    }
    results: list[FoldResult] = []
    adata = adata.copy() if copy else adata

    def write() -> None:
        make_actual(adata, caller=_CALLER)
        adata.uns[key_added] = curve_record(results, splits, sizes, contestants, params)
        log_curve(adata.uns[key_added], key_added)

    try:
        with warnings.catch_warnings():
            # that little can be learned from few cells is what a curve shows
            warnings.filterwarnings("ignore", message=".*the model hardly learned")
            run_comparison(
                splits,
                inputs,
                contestants,
                results,
                caller=_CALLER,
                checkpoint_dir=checkpoint_dir,
                n_jobs=n_jobs,
                time_limit=time_limit,
                calibrate=True,  # as a comparison does: transformers calibrate themselves
                random_state=random_state,
            )
    except KeyboardInterrupt:
        if results:
            write()
            log.warning("%s: interrupted; the finished sizes are kept.", _CALLER)
        raise
    write()
    return adata if copy else None


def _sizes(
    sizes: Sequence[int] | None,
    inputs: Inputs,
    n_seeds: int,
    **drawn: Any,
) -> list[int]:
    """Numbers of training cells, ascending: those asked for, or halves of all there are."""
    import numpy as np

    from ..evaluation._nested import draw_pools

    codes, n_classes = inputs.codes, len(np.unique(inputs.codes))
    if sizes is None:
        pools = draw_pools(codes, n_seeds, groups=inputs.groups, **drawn)
        n_pool = min(len(pool) for pool, _ in pools)
        smallest = max(20, 2 * n_classes, n_pool // 2 ** (_N_SIZES - 1))
        if n_pool < 4 * smallest:
            msg = (
                f"{_CALLER}: {len(codes)} labelled cells of {n_classes} classes are too few for a "
                "curve. Label more cells, or give `sizes`."
            )
            raise ValueError(msg)
        sizes = np.geomspace(smallest, n_pool, _N_SIZES).round().astype(int).tolist()
    chosen = sorted({int(size) for size in sizes})
    if len(chosen) < 3:
        msg = (
            f"{_CALLER}: `sizes`={chosen}: a law has three parameters, so give three sizes or more."
        )
        raise ValueError(msg)
    return chosen
