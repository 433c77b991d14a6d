"""Compare the transformer with simple models, on the same folds."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .._keys import COMPARISON_RECORD, DATASET_RECORD, LongformerKeys
from .._settings import log, settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import pandas as pd
    from anndata import AnnData

    from ..evaluation import FoldResult
    from ..get._labels import Labels

_CALLER = "baseline_compare"
_TRANSFORMER = "longformer"


def baseline_compare(
    adata: AnnData,
    key: str | None = None,
    *,
    models: str | Sequence[str] | Mapping[str, Any] = "default",
    n_splits: int = 5,
    n_repeats: int = 1,
    group_key: str | None = None,
    layer: str | None = None,
    n_jobs: int | None = None,
    time_limit: float | None = None,
    random_state: int = 0,
    key_added: str = COMPARISON_RECORD,
    copy: bool = False,
) -> AnnData | None:
    """Cross-validate the transformer and simple models on the same folds.

    Everything learned from cells (which genes, their scale, principal components, the gene mask of
    the transformer, penalties) is learned anew inside each training fold. Cells without a label are
    left out.

    Parameters
    ----------
    adata
        Annotated data with log-normalised values.
    key
        Column of ``obs`` with the labels; by default that of the last
        :func:`~scrna_longformer.tl.longformer_fit`, else ``'leiden'``.
    models
        ``'default'`` (majority, depth_only, nearest_centroid, knn_pca, logistic_regression,
        random_forest, hist_gradient_boosting, mlp, longformer), a list of these names, or a
        dictionary from a name of your own to a scikit-learn classifier with ``predict_proba`` (or
        to one of these names). ``longformer`` has the settings of the last fit to the same labels,
        else the defaults of ``longformer_fit``.
    n_splits
        Folds per repeat, stratified by label.
    n_repeats
        Repeats, each with folds of its own.
    group_key
        Column of ``obs`` (donor, batch) whose groups are kept whole: a group is never trained and
        tested on in the same fold.
    layer
        Layer to read instead of ``X``.
    n_jobs
        Number of worker processes; ``None`` or 1 runs in this one, -1 uses all cores.
    time_limit
        Seconds that each contestant may take in all; folds not begun by then are left out and
        recorded as such.
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
        Long data frames ``'folds'``, ``'summary'``, ``'per_class'``, ``'confusion'``, ``'runs'``
        and ``'models'``; ``'params'``; ``'complete'``, which is ``False`` after an interrupt (the
        finished folds are kept, unless ``copy=True``) or a time limit.

    Raises
    ------
    KeyError
        If ``key``, ``group_key`` or ``layer`` is missing.
    ValueError
        If there is only one class, a model has an unknown name, folds are impossible, or the values
        are not log-normalised.
    TypeError
        If a contestant has no ``predict_proba``.

    Warns
    -----
    UserWarning
        If classes are smaller than the number of folds, or the values were scaled.

    See Also
    --------
    scrna_longformer.get.baseline_compare : The result as data frames.

    Notes
    -----
    Depth-only sees the total counts and the number of detected genes, and nothing else: labels that
    it predicts above the majority are told by sequencing depth. Labels made by clustering the same
    matrix are predicted well almost by construction; where that is known, the log says so.

    The standard deviation over folds is not the error of the mean, because folds share training
    cells (Nadeau and Bengio).

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52, 239-281.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.tl.baseline_compare(adata, "bulk_labels", models=["majority", "nearest_centroid"])
    >>> sl.get.baseline_compare(adata).table["accuracy"].round(2).to_dict()
    {'nearest_centroid': 0.82, 'majority': 0.34}
    """
    from ..evaluation import cross_validate, make_splits
    from ..get._expression import make_actual, read_expression
    from ..get._labels import read_labels

    X = read_expression(adata, layer, state="log", caller=_CALLER)
    key = _default_key(adata) if key is None else key
    fit = _last_fit(adata, key)
    unlabeled = fit["params"].get("unlabeled") or None if fit else None
    labels = read_labels(adata, key, unlabeled=unlabeled, caller=_CALLER)
    contestants = _contestants(models, _transformer_settings(fit))
    X, codes = X[labels.labelled], labels.codes[labels.labelled]
    splits = make_splits(
        codes,
        n_splits=n_splits,
        n_repeats=n_repeats,
        groups=_groups(adata, group_key, labels),
        class_names=list(labels.names),
        random_state=random_state,
    )
    origin, is_circular = _label_origin(adata, key)
    if is_circular:
        log.warning(
            "%s: %s Scores say how well a model reproduces that, not how well it tells cell types.",
            _CALLER,
            origin,
        )
    params = {
        "key": key,
        "label_origin": origin,
        "n_splits": n_splits,
        "n_repeats": n_repeats,
        "group_key": group_key or "",
        "layer": layer or "",
        "time_limit": float(time_limit or 0),
        "random_state": random_state,
        "n_cells": len(codes),
        "n_genes": X.shape[1],
    }
    results: list[FoldResult] = []
    adata = adata.copy() if copy else adata

    def write() -> None:
        make_actual(adata, caller=_CALLER)
        n_expected = len(splits) * len(contestants)
        adata.uns[key_added] = _record(results, codes, labels, contestants, params, n_expected)

    try:
        results = cross_validate(
            contestants,
            X,
            codes,
            splits,
            n_jobs=n_jobs,
            time_limit=time_limit,
            random_state=random_state,
            progress=settings.progress_bar,
            on_result=results.append,
        )
    except KeyboardInterrupt:
        if results:
            write()
            log.warning(
                "%s: interrupted; wrote the %d finished folds to uns[%r].",
                _CALLER,
                len(results),
                key_added,
            )
        raise
    write()
    _log_outcome(adata.uns[key_added], key_added)
    return adata if copy else None


def _default_key(adata: AnnData) -> str:
    """Label column of the last fit, else ``'leiden'``."""
    for record in _fits(adata):
        if record["params"]["key"] in adata.obs:
            return str(record["params"]["key"])
    if "leiden" in adata.obs:
        return "leiden"
    from ..get._labels import categorical_columns

    msg = (
        f"{_CALLER}: no `key` given, no fit in uns and no 'leiden' in obs. Choose one of the "
        f"columns {categorical_columns(adata)}, or cluster first with sc.tl.leiden(adata)."
    )
    raise KeyError(msg)


def _fits(adata: AnnData) -> list[Mapping[str, Any]]:
    """Records of ``longformer_fit``: the one of the default name first, then the latest."""
    names = [LongformerKeys().record, *reversed(list(adata.uns))]
    records = [adata.uns[name] for name in dict.fromkeys(names) if name in adata.uns]
    return [r for r in records if hasattr(r, "keys") and {"params", "train_config"} <= set(r)]


def _last_fit(adata: AnnData, key: str) -> Mapping[str, Any] | None:
    """Record of the last fit to the labels ``key``."""
    return next((r for r in _fits(adata) if r["params"]["key"] == key), None)


def _transformer_settings(fit: Mapping[str, Any] | None) -> dict[str, Any]:
    """Arguments of the classifier that repeat a fit; none without a fit."""
    if fit is None:
        return {}
    from ..train import TrainConfig

    params, config = fit["params"], fit["train_config"]
    kinds = {name: type(value) for name, value in asdict(TrainConfig()).items()}
    n_tokens = str(params["n_tokens"])
    options = {
        "preset": str(params["preset"]),
        "n_tokens": n_tokens if n_tokens == "all" else int(n_tokens),
        "n_neighbors": int(params["n_neighbors"]),
        "metric": str(params["metric"]),
        "center": bool(params["center"]),
        "min_cells": int(params["min_cells"]),
        "accelerator": str(params["accelerator"]),
        # files give NumPy scalars back
        "train_options": {name: kinds[name](value) for name, value in config.items()},
    }
    if "model" in fit:
        architecture = json.loads(str(fit["model"]["config"]))
        own = {"preset", "n_genes", "n_classes"}
        options["model_options"] = {k: v for k, v in architecture.items() if k not in own}
    return options


def _contestants(
    models: str | Iterable[str] | Mapping[str, Any], transformer_settings: dict[str, Any]
) -> dict[str, Any]:
    """Resolve names into estimators or functions that make them."""
    from ..evaluation import BASELINES

    known = [*BASELINES, _TRANSFORMER]

    def named(name: str) -> Any:
        if name not in known:
            msg = (
                f"{_CALLER}: `models` has no contestant {name!r}. Known are {known}; others are "
                "given as a dictionary from a name to a scikit-learn classifier."
            )
            raise ValueError(msg)
        if name in BASELINES:
            return BASELINES[name]
        from ..train import LongformerClassifier

        return LongformerClassifier(**transformer_settings)

    if isinstance(models, str):
        models = known if models == "default" else [models]
    pairs = models.items() if hasattr(models, "items") else ((name, name) for name in models)
    resolved = {n: named(model) if isinstance(model, str) else model for n, model in pairs}
    if not resolved:
        msg = f"{_CALLER}: `models` is empty. Known contestants are {known}."
        raise ValueError(msg)
    return resolved


def _groups(adata: AnnData, group_key: str | None, labels: Labels) -> np.ndarray | None:
    """Group of each labelled cell."""
    if group_key is None:
        return None
    if group_key not in adata.obs:
        msg = f"{_CALLER}: `group_key`={group_key!r} is not in obs, which has {list(adata.obs)}."
        raise KeyError(msg)
    groups = adata.obs[group_key][labels.labelled]
    if groups.isna().any():
        msg = (
            f"{_CALLER}: obs[{group_key!r}] (`group_key`) has {int(groups.isna().sum())} labelled "
            "cells without a group. Give them one, or leave them out with "
            f"adata[adata.obs[{group_key!r}].notna()]."
        )
        raise ValueError(msg)
    return groups.astype(str).to_numpy()


def _label_origin(adata: AnnData, key: str) -> tuple[str, bool]:
    """How the labels came about, and whether they were clustered from the same matrix."""
    dataset = adata.uns.get(DATASET_RECORD, {})
    if key in (columns := list(dataset.get("label_columns", ()))):
        origin = str(dataset["label_origins"][columns.index(key)])
        return origin, "clustered" in origin
    record = adata.uns.get(key)
    if hasattr(record, "get") and "resolution" in record.get("params", {}):
        return f"obs[{key!r}] was clustered from these cells (uns[{key!r}]).", True
    return "unknown", False


def _record(
    results: list[FoldResult],
    codes: np.ndarray,
    labels: Labels,
    contestants: Mapping[str, Any],
    params: dict[str, Any],
    n_expected: int,
) -> dict[str, Any]:
    """Tables of the finished folds, in types that h5ad and zarr can store."""
    from ..evaluation import class_table, confusion_table, fold_table, run_table, summary_table

    names = list(labels.names)
    return {
        "params": params,
        "complete": sum(result.status == "ok" for result in results) == n_expected,
        "summary": summary_table(results),
        "folds": fold_table(results),
        "per_class": class_table(results, codes, names),
        "confusion": confusion_table(results, codes, names),
        "runs": run_table(results),
        "models": _descriptions(contestants),
    }


def _descriptions(contestants: Mapping[str, Any]) -> pd.DataFrame:
    """One line on each contestant: what a named one does, the settings of another."""
    import inspect

    import pandas as pd

    described = [
        (inspect.getdoc(model) or repr(model)).splitlines()[0]
        if inspect.isfunction(model)
        else " ".join(repr(model).split())
        for model in contestants.values()
    ]
    frame = pd.DataFrame({"model": list(contestants), "description": described})
    return frame.astype(
        {"model": pd.CategoricalDtype(list(contestants)), "description": "category"}
    )


def _log_outcome(record: Mapping[str, Any], key_added: str) -> None:
    """Log the means, best macro-F1 first."""
    shown = ["macro_f1", "accuracy", "log_loss", "fit_seconds"]
    table = (
        record["summary"]
        .pivot_table(index="model", columns="metric", values="mean", observed=True)
        .reindex(columns=shown)
        .sort_values("macro_f1", ascending=False)
    )
    late = record["runs"].query("status != 'ok'")["model"].astype(str).value_counts()
    note = "".join(f"\n{n} folds of {name} not begun (time limit)." for name, n in late.items())
    log.info(
        "%s: means over folds; wrote uns[%r].\n%s%s",
        _CALLER,
        key_added,
        table.to_string(float_format="%.3f", index_names=False),
        note,
    )
