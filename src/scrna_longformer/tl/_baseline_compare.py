"""Compare the transformer with simple models, on the same folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._arguments import check_key_added, check_random_state
from .._keys import COMPARISON_RECORD
from .._settings import log
from ._compare_checks import check_comparison, log_checks
from ._compare_inputs import CALLER, read_inputs
from ._compare_models import resolve_contestants, transformer_settings
from ._compare_record import comparison_record, log_outcome, log_verdict
from ._compare_run import plan_comparison, run_comparison

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from anndata import AnnData

    from ..evaluation import FoldResult
    from ..evaluation.checks import CheckResult


def baseline_compare(
    adata: AnnData,
    key: str | None = None,
    *,
    models: str | Sequence[str] | Mapping[str, Any] = "default",
    n_splits: int = 5,
    n_repeats: int = 1,
    n_seeds: int = 1,
    group_key: str | None = None,
    batch_key: str | None = None,
    split: str | None = None,
    test_fraction: float = 0.0,
    rope: float = 0.01,
    layer: str | None = None,
    n_jobs: int | None = None,
    time_limit: float | None = None,
    checkpoint_dir: str | Path | None = None,
    random_state: int = 0,
    key_added: str = COMPARISON_RECORD,
    copy: bool = False,
) -> AnnData | None:
    """Cross-validate the transformer and simple models on the same folds.

    Everything learned from cells (which genes, their scale, principal components, the gene mask of
    the transformer, penalties) is learned anew inside each training fold. Cells without a label are
    left out, but for contestants that use them (``label_spreading``).

    Parameters
    ----------
    adata
        Annotated data with log-normalised values.
    key
        Column of ``obs`` with the labels; by default that of the last
        :func:`~scrna_longformer.tl.longformer_fit`, else ``'leiden'``.
    models
        ``'default'``, ``'all'``, a list of names, or a dictionary from a name of your own to a
        scikit-learn classifier with ``predict_proba`` (or to one of these names, which remains what
        it is; a name of ours for something else is refused). The names, and
        what each of them is, are in :doc:`/concepts/contestants`. ``'all'`` leaves out what is not
        installed, and both leave out what needs counts where there are none behind the values; the
        log says so. ``longformer`` has the settings of the last fit to the same labels, else the
        defaults of ``longformer_fit``.
    n_splits
        Folds per repeat. Leaving one group out makes as many folds as groups.
    n_repeats
        Repeats, each with folds of its own.
    n_seeds
        How often each contestant is fitted in each fold, with other seeds: their spread is reported
        apart from that over folds.
    group_key
        Column of ``obs`` (donor, batch) whose groups are kept whole: a group is never trained and
        tested on in the same fold, and intervals count groups instead of cells.
    batch_key
        Column of ``obs`` whose batches are split freely, but looked at by the checks: can a label be
        told from its batch? Where neither this nor a `group_key` is given, columns with names such
        as ``'batch'``, ``'donor'``, ``'patient_id'`` or ``'sample'`` are looked at.
    split
        ``'stratified'`` by label, the default; ``'grouped'``, the default with a `group_key`: folds
        of whole groups, stratified as far as possible; or ``'leave_one_group_out'``.
    test_fraction
        Share of the cells, or of whole groups, to set aside before anything else, above 0 and at
        most 0.5. No fold sees them; at the end all contestants are fitted to the other cells and
        scored on them once. 0 sets none aside.
    rope
        Largest difference of a score that does not matter in practice (region of practical
        equivalence).
    layer
        Layer to read instead of ``X``.
    n_jobs
        Number of worker processes; ``None`` or 1 runs in this one, -1 uses all cores. Simple models
        compute on one thread each, so that their times compare.
    time_limit
        Seconds that each contestant may take in all; folds not begun by then are left out and
        recorded as such.
    checkpoint_dir
        Folder to keep finished folds in. The same call goes on from them; a fold is run again where
        data, labels, folds, contestant, seed or versions have changed. Folds of several comparisons
        may share a folder.
    random_state
        Seed of the folds and, per fold, of the contestants.
    key_added
        Name of the record in ``uns``.
    copy
        Return a changed copy instead of changing ``adata``.

    Returns
    -------
    ``None``, or the changed copy. Slots written (read them with
    :func:`scrna_longformer.get.baseline_compare`):

    ``uns['baseline_compare']`` : dict
        Long data frames ``'folds'``, ``'summary'``, ``'pairwise'``, ``'per_class'``,
        ``'confusion'``, ``'reliability'``, ``'runs'``, ``'models'`` and ``'checks'``; ``'void'``,
        ``'excluded'`` and ``'circular'``, what the checks decided; ``'verdict'``, a dictionary of
        the three sentences (``'text'``, ``'sentences'``, ``'headline'``), of the contestant to use
        (``'model'``), the ``'best'`` one, the ``'reason'`` why none is named, and of the data frames
        ``'ranking'`` and ``'transformers'``; ``'params'``; ``'complete'``,
        which is ``False`` after an interrupt (the finished folds are kept, unless ``copy=True``) or
        a time limit. With a `test_fraction` also the data frame ``'held_out'`` and the names of the
        cells, ``'held_out_cells'``.

    Raises
    ------
    KeyError
        If ``key``, ``group_key`` or ``layer`` is missing.
    ValueError
        If there is only one class, a model has an unknown name, or one of ours that it is not, folds
        or a test set are impossible (too few groups, groups confounded with the labels), `rope` is
        negative, the values are not log-normalised, there is a test set and names of cells repeat, or ``uns[key_added]`` holds something else than a
        comparison.
    TypeError
        If a contestant has no ``predict_proba``.

    Warns
    -----
    UserWarning
        If classes are smaller than the number of folds, a class has a name that stands for no label
        (``'nan'``, ``'unknown'``), or the values were scaled.

    See Also
    --------
    scrna_longformer.get.baseline_compare : The result as data frames.
    scrna_longformer.get.verdict : Which model to use, drawn again.

    Notes
    -----
    Probabilities are scaled with a temperature and an offset per class, fitted in each training fold on
    cells set aside there (:class:`~scrna_longformer.evaluation.LogitScaled`; a grouped split does not
    keep the groups whole in that inner step). Contestants are trained as if all classes were equally
    common, and this gives them the shares of the classes back, so that the most probable class of a
    cell may be another one. A contestant of your own is scaled too, unless it is a
    ``CalibratedClassifierCV`` or says ``calibrated_inside = True``.

    Depth-only sees the total counts and the number of detected genes, and nothing else: labels that
    it predicts above the majority are told by sequencing depth.

    Before a number is believed, every check of :mod:`scrna_longformer.evaluation.checks` looks at
    the data, the folds and the contestants. One that fires is logged and recorded with what was
    found, why it matters and how to mend it: a ``'void'`` one forbids to name a winner, an
    ``'exclude'`` one takes its contestant out of the ranking, a ``'limits'`` one says what the
    ranking does not show. See :doc:`/concepts/checks`.

    The verdict names the cheapest contestant that is as good as the best, in three sentences that
    quote the tables. See :doc:`/concepts/verdict`.

    What intervals and tests mean, and how often they err, is measured in
    :doc:`/concepts/comparison`. The standard deviation over folds is not the error of the mean,
    because folds share training cells (Nadeau and Bengio).

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52, 239-281.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.tl.baseline_compare(adata, "bulk_labels", models=["majority", "nearest_centroid"])
    >>> sl.get.baseline_compare(adata).table["accuracy"].round(2).to_dict()
    {'nearest_centroid': 0.83, 'majority': 0.34}
    """
    from ..features import has_counts
    from ..get._expression import make_actual
    from ..get._records import check_free, is_comparison
    from ..get._verdict import draw_verdict, verdict_record

    check_key_added(key_added, caller=CALLER)
    check_free(adata.uns, key_added, is_comparison, caller=CALLER)
    random_state = check_random_state(random_state, caller=CALLER)
    if not 0 <= rope < 1:  # NaN is neither
        msg = (
            f"{CALLER}: `rope`={rope!r} is no difference of scores; give a number from 0 to below 1, such as "
            "0.01, up to which a difference does not matter."
        )
        raise ValueError(msg)
    if test_fraction and not adata.obs_names.is_unique:
        msg = (
            f"{CALLER}: names of cells repeat, and the cells of the test set (`test_fraction`) are told by "
            "name. Call adata.obs_names_make_unique() first."
        )
        raise ValueError(msg)
    inputs = read_inputs(adata, key, group_key=group_key, batch_key=batch_key, layer=layer)
    contestants = resolve_contestants(
        models, transformer_settings(inputs.fit), with_counts=has_counts(inputs.X)
    )
    plan = plan_comparison(
        inputs,
        split=split,
        n_splits=n_splits,
        n_repeats=n_repeats,
        test_fraction=test_fraction,
        random_state=random_state,
    )
    params = {
        "key": inputs.labels.key,
        "label_origin": inputs.origin,
        "label_digest": inputs.labels.digest,
        "n_splits": len(plan.folds) // n_repeats,
        "n_repeats": n_repeats,
        "n_seeds": n_seeds,
        "group_key": group_key or "",
        "n_groups": 0 if inputs.groups is None else len(set(inputs.groups)),
        "batch_key": batch_key or "",
        "split": split or ("grouped" if group_key else "stratified"),
        "test_fraction": float(test_fraction),
        "rope": rope,
        "layer": layer or "",
        "time_limit": float(time_limit or 0),
        "calibration": "temperature and class offsets",
        "random_state": random_state,
        "n_cells": len(inputs.codes),
        "n_genes": inputs.X.shape[1],
    }
    results: list[FoldResult] = []
    checks: list[CheckResult] = []
    adata = adata.copy() if copy else adata

    def write() -> None:
        make_actual(adata, caller=CALLER)
        record = comparison_record(results, plan, inputs, contestants, params, checks)
        record["verdict"] = verdict_record(draw_verdict(adata, record))
        adata.uns[key_added] = record

    try:
        run_comparison(
            plan.splits,
            inputs,
            contestants,
            results,
            checkpoint_dir=checkpoint_dir,
            n_seeds=n_seeds,
            n_jobs=n_jobs,
            time_limit=time_limit,
            calibrate=True,
            random_state=random_state,
            probes=True,
        )
        checks = check_comparison(
            inputs,
            plan.folds,
            [result for result in results if not plan.is_final(result)],
            contestants,
            gene_names=adata.var_names.to_numpy(),
            random_state=random_state,
        )
    except KeyboardInterrupt:
        if results:
            write()
            log.warning(
                "%s: interrupted; wrote the %d finished folds to uns[%r].",
                CALLER,
                len(results),
                key_added,
            )
        raise
    write()
    log_outcome(adata.uns[key_added], key_added)
    log_checks(checks, contestants)
    log_verdict(adata.uns[key_added])
    return adata if copy else None
