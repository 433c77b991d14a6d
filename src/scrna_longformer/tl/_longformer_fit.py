"""Train the gene-token transformer on an AnnData and write what it says about the cells."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Literal

from .._keys import LongformerKeys
from .._settings import settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from anndata import AnnData

    from ..get._graph import GeneKnn
    from ..get._labels import Labels
    from ..train import FittedLongformer, LongformerClassifier, Prediction

CALLER = "longformer_fit"
_VALIDATION = 20  # name of the random stream


def longformer_fit(
    adata: AnnData,
    key: str = "leiden",
    *,
    n_tokens: int | Literal["auto", "all"] = "auto",
    mask_var: str | np.ndarray | None = None,
    layer: str | None = None,
    mask_key: str = "gene_knn",
    unlabeled: str | None = None,
    preset: str = "small",
    offset: Literal["simple"] | None = "simple",
    input_transform: Literal["auto", "log", "pearson"] = "auto",
    min_cells: int = 10,
    validation_fraction: float = 0.2,
    max_steps: int | None = None,
    time_limit: float | None = None,
    model_options: Mapping[str, Any] | None = None,
    train_options: Mapping[str, Any] | None = None,
    accelerator: str = "auto",
    checkpoint_dir: str | Path | None = None,
    random_state: int = 0,
    key_added: str = "longformer",
    store_model: bool = True,
    copy: bool = False,
) -> AnnData | None:
    """Train a transformer whose tokens are genes, each attending to its nearest genes.

    A part of the labelled cells is held out and takes no part in any choice; the scores in
    ``uns['longformer']['metrics']`` are measured there. Call
    :func:`~scrna_longformer.tl.baseline_compare` before believing that they are good: on many data
    sets logistic regression does as well.

    Parameters
    ----------
    adata
        Annotated data with log-normalised values and a gene mask
        (:func:`~scrna_longformer.pp.gene_knn_mask`).
    key
        Column of ``obs`` with the labels. Missing labels (NaN, None) are embedded and predicted,
        never trained on.
    n_tokens
        Number of genes that become tokens: markers of the classes, ranked on the training cells.
        ``'auto'`` takes all genes of the mask if they are at most 512, else the 256 best;
        ``'all'`` takes every gene of the mask; with ``model_options={'tokens': 'expressed'}`` only
        those that a cell expresses go through its blocks, so that thousands are affordable. Where not
        all genes are tokens, the 1,000 best by F test enter the model linearly besides.
    mask_var
        Genes to choose the tokens from: a boolean column of ``var``, or booleans. By default all
        genes of the mask.
    layer
        Layer to read instead of ``X``.
    mask_key
        Which mask: the `key_added` of ``gene_knn_mask``. If the tokens are all genes of the mask it
        is used as it is; otherwise the graph is computed again among the tokens, on the training
        cells, with the parameters of the mask.
    unlabeled
        A value of the labels that means "no label", such as ``'Unknown'``, or a number where labels are
        numbers.
    preset
        Size of the model: ``'tiny'``, ``'small'``, ``'base'`` or ``'large'`` (about 4, 18, 130 and
        320 thousand parameters at 500 tokens and 9 classes). ``'prototype'`` is an earlier design,
        kept to show why it fails.
    offset
        ``'simple'``: the calibrated mean of four linear models (two logistic regressions on genes, one on
        principal components of Pearson residuals, discriminant analysis) predicts, and the
        transformer corrects it by as much as held-out training cells allow:
        ``uns['longformer']['training']['gate']``, the weight of the corrected predictions, from 0 (the
        prediction *is* that of the linear models) to below 1. ``None``: the transformer alone.
    input_transform
        What token values are: ``'log'`` (the values as given, standardised), ``'pearson'`` (residuals
        of the counts behind them), or ``'auto'``: residuals where there are counts behind the values.
    min_cells
        Classes with fewer labelled cells stay in training only, with a warning.
    validation_fraction
        Share of each class to hold out. These cells are also what prediction sets are calibrated on
        (``longformer_predict(..., alpha=0.1)``).
    max_steps
        Number of updates of the full schedule; 2,000 by default. Most fits end earlier.
    time_limit
        Stop the updates after this many seconds and keep the best weights so far; the simple model and the
        prediction are not counted. 0 means no limit.
    model_options
        Fields of :class:`~scrna_longformer.nn.LongformerConfig` that differ from the preset.
    train_options
        Fields of :class:`~scrna_longformer.train.TrainConfig` that differ from the defaults.
    accelerator
        ``'auto'`` (CUDA, then MPS, then CPU), or one of them by name.
    checkpoint_dir
        Folder in which the training is kept while it lasts. If it is killed, the same call goes on
        where it was, and on the CPU ends with the same bits as if it had not been (unless `time_limit` ends it);
        a call with other data,
        parameters, versions or seed starts afresh. ``None`` keeps nothing.
    random_state
        Seed of everything that is drawn. Same seed, threads and machine: same bits, on the CPU.
    key_added
        Name of the slots.
    store_model
        Whether to keep the model in ``uns``, so that it can predict after writing and reading back.
    copy
        Whether to return a changed copy instead of changing `adata`.

    Returns
    -------
    ``None``, or the changed copy. Slots written (with the default `key_added`):

    ``obsm['X_longformer']`` : float32 array, cells × ``d_model``
        The embedding, for ``sc.pp.neighbors(adata, use_rep='X_longformer')``. It was trained on the
        labels: clusters in it are no independent evidence for them.
    ``obs['longformer_pred']`` : categorical
        Predicted label, with the categories of `key` that occur, in their order.
    ``obs['longformer_confidence']`` : float32
        Probability of the predicted label.
    ``obsm['longformer_proba']`` : float32 array, cells × classes
        Probabilities; columns in the order of ``uns['longformer']['classes']``.
    ``obs['longformer_split']`` : categorical
        ``'train'``, ``'validation'`` (held out) or ``'unlabelled'``.
    ``var['longformer_token']`` : bool
        Whether the gene is a token.
    ``uns['longformer']`` : dict
        ``params``, ``history``, ``metrics`` (on the validation cells), ``training`` (parameter count,
        device, wall time, how it ended, the gate, ``n_gate_cells`` that took part in deciding it and chose no weights (without any it is 0)
        and ``predictions_of``: ``'simple model'`` where the gate is 0), ``versions``, ``classes``, and the ``model``.

    Raises
    ------
    KeyError
        No such label column, layer or mask.
    TypeError
        The label column holds measurements, or a parameter is of another type.
    ValueError
        Unsuitable values (counts, NaN, ...), fewer than two classes, a mask made on other genes, a
        parameter out of range, or ``uns[key_added]`` holds something else than a fit. `adata` is left as it was.

    Warns
    -----
    UserWarning
        Scaled values; classes under `min_cells`, or with a name such as ``'nan'`` or ``'Unknown'``; a
        model that did not learn.

    See Also
    --------
    scrna_longformer.tl.longformer_predict : Apply the model to other cells.
    scrna_longformer.tl.baseline_compare : Whether a simple model does as well.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.pp.gene_knn_mask(adata)
    >>> sl.tl.longformer_fit(adata, "bulk_labels", preset="tiny", max_steps=300)
    >>> adata.obsm["X_longformer"].shape
    (700, 4)
    """
    from dataclasses import replace

    import numpy as np

    from ..features import summarise_values
    from ..get._expression import make_actual, read_expression, resolve_mask
    from ..get._graph import read_gene_knn
    from ..get._labels import read_labels
    from ..get._placeholders import warn_of_placeholders
    from ..get._records import check_free, is_fit, next_number
    from ..train._calibration import Calibration
    from ._fit_arguments import check_fit_arguments, check_slot_name
    from ._fit_record import fit_record, log_outcome

    started = time.perf_counter()
    check_slot_name(key_added, caller=CALLER, mask_key=mask_key, key=key)
    check_free(adata.uns, key_added, is_fit, caller=CALLER)
    check_fit_arguments(
        min_cells=min_cells,
        validation_fraction=validation_fraction,
        random_state=random_state,
        unlabeled=unlabeled,
        caller=CALLER,
    )
    keys = LongformerKeys(key_added)
    X = read_expression(adata, layer, caller=CALLER)
    labels = read_labels(adata, key, unlabeled=unlabeled, caller=CALLER)
    warn_of_placeholders(labels, caller=CALLER, stacklevel=2)
    mask = read_gene_knn(adata, mask_key, caller=CALLER)
    chosen = resolve_mask(adata, mask_var, axis="var", caller=CALLER)
    candidates = np.flatnonzero(mask.members if chosen is None else mask.members & chosen)
    if not len(candidates):
        msg = f"{CALLER}: `mask_var` and the mask {mask_key!r} have no gene in common."
        raise ValueError(msg)
    train, validation = _split(labels, validation_fraction, min_cells, random_state)

    classifier = _classifier(
        mask,
        candidates,
        n_genes=adata.n_vars,
        preset=preset,
        n_tokens=n_tokens,
        offset=offset,
        input_transform=input_transform,
        min_cells=min_cells,
        model_options=model_options,
        train_options=_train_options(train_options, max_steps, time_limit),
        accelerator=accelerator,
        checkpoint_dir=checkpoint_dir,
        progress=settings.progress_bar,
        random_state=random_state,
    )
    own_genes = X[:, candidates]
    classifier.fit(own_genes[train], labels.codes[train])
    prediction = classifier.predict_all(own_genes)
    tokens = candidates[classifier.token_index_]
    genes = adata.var_names[candidates[classifier.vocabulary_]]
    fitted = _named(classifier, labels, genes, summarise_values(X).state)
    calibration = Calibration.fit(prediction, labels.codes, train=train, held_out=validation)
    fitted = replace(fitted, calibration=calibration)

    record = fit_record(
        classifier,
        fitted,
        labels,
        prediction,
        validation,
        params={
            "key": key,
            "n_tokens": str(n_tokens),
            "n_candidates": len(candidates),
            "tokens": classifier.fitted_.model.config.tokens,
            "preset": preset,
            "offset": offset or "",
            "input_transform": classifier.input_transform_,
            "layer": layer or "",
            "mask_key": mask_key,
            "mask_source": "varp" if classifier.graph is not None else "training cells",
            "n_neighbors": classifier.n_neighbors,
            "metric": classifier.metric,
            "center": classifier.center,
            "unlabeled": "" if unlabeled is None else unlabeled,  # may be the number 0
            "min_cells": min_cells,
            "validation_fraction": validation_fraction,
            "accelerator": accelerator,
            "attention_backend": classifier.attention_backend_,
            "model_options": json.dumps(
                dict(model_options or {}), sort_keys=True, default=_plain_number
            ),
            "random_state": random_state,
        },
        store_model=store_model,
    )
    record["training"]["seconds"] = time.perf_counter() - started

    record["number"] = next_number(adata.uns)
    adata = adata.copy() if copy else adata
    make_actual(adata, caller=CALLER)
    write_prediction(adata, keys, labels, prediction)
    _write_split(adata, keys, train, validation)
    adata.var[keys.token] = np.isin(np.arange(adata.n_vars), tokens)
    adata.uns[keys.record] = record
    adata.uns.pop(keys.predict_record, None)  # of a prediction that is no longer in the slots
    log_outcome(CALLER, keys, record)
    return adata if copy else None


def _plain_number(value: Any) -> Any:
    """Turn a NumPy number into one of Python."""
    return value.item()


def write_prediction(
    adata: AnnData, keys: LongformerKeys, labels: Labels, prediction: Prediction
) -> None:
    """Write embedding, probabilities, predicted label and confidence.

    Prediction sets of an earlier prediction are of other classes, or other probabilities: they go.
    """
    adata.obsm.pop(keys.set, None)
    for column in (keys.novelty, keys.accepted):
        if column in adata.obs:
            del adata.obs[column]
    adata.obsm[keys.embedding] = prediction.embedding
    adata.obsm[keys.proba] = prediction.proba
    adata.obs[keys.prediction] = labels.to_categorical(prediction.proba.argmax(axis=1))
    adata.obs[keys.confidence] = prediction.proba.max(axis=1)


def _split(
    labels: Labels, fraction: float, min_cells: int, random_state: int
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out validation cells; classes under `min_cells` stay in training, with a warning."""
    import warnings

    from .._random import seed
    from ..evaluation import holdout

    small = [
        f"{name!r} ({size})"
        for name, size in zip(labels.names.tolist(), labels.sizes, strict=True)
        if size < max(min_cells, 2)  # of one cell none can be held out
    ]
    if len(small) == len(labels.categories):
        msg = (
            f"{CALLER}: every class of obs[{labels.key!r}] has fewer than `min_cells`={min_cells} "
            f"cells ({', '.join(small[:12])}), so none can be held out. Lower `min_cells`, or "
            "choose a coarser `key`."
        )
        raise ValueError(msg)
    if small:
        msg = (
            f"{CALLER}: classes with fewer than `min_cells`={min_cells} cells stay in training and "
            f"are not scored: {', '.join(small)}."
        )
        if len(small) == len(labels.categories) - 1:
            # one class cannot be taken for another: its F1 is 1 whatever the model does
            msg += (
                " That leaves one class to score: the scores of this fit, and what is chosen by held-out "
                "cells, say nothing of how well classes are told apart. Lower `min_cells`, or choose "
                "another `key`."
            )
        warnings.warn(msg, UserWarning, stacklevel=3)
    return holdout(
        labels.codes, fraction, min_cells=min_cells, random_state=seed(random_state, _VALIDATION)
    )


def _train_options(
    options: Mapping[str, Any] | None, max_steps: int | None, time_limit: float | None
) -> dict[str, Any]:
    from collections.abc import Mapping

    shortcuts = {"max_steps": max_steps, "time_limit": time_limit}
    if not isinstance(options, Mapping | None):
        msg = f"{CALLER}: `train_options` must be a dictionary from fields to values, not {options!r}."
        raise TypeError(msg)
    return {**(options or {}), **{k: v for k, v in shortcuts.items() if v is not None}}


def _classifier(
    mask: GeneKnn,
    candidates: np.ndarray,
    *,
    n_genes: int,
    n_tokens: int | Literal["auto", "all"],
    **options: Any,
) -> LongformerClassifier:
    """Set up the classifier with the mask itself, or with the parameters to compute it again."""
    from ..graph import GeneGraph
    from ..train import LongformerClassifier, token_count

    every_gene = len(candidates) == mask.members.sum()
    graph = None
    if every_gene and token_count(n_tokens, len(candidates)) == len(candidates):
        graph = GeneGraph.from_scipy(mask.mask[candidates][:, candidates])
    return LongformerClassifier(
        n_tokens=n_tokens,
        n_neighbors=int(mask.params["n_neighbors"]),
        metric=str(mask.params["metric"]),
        center=bool(mask.params["center"]),
        graph=graph,
        **options,
    )


def _named(
    classifier: LongformerClassifier, labels: Labels, genes: Any, expression: str
) -> FittedLongformer:
    """Give the fitted model the names of its genes and classes."""
    from dataclasses import replace

    numeric = labels.categories.dtype.kind in "biuf"
    return replace(
        classifier.fitted_,
        genes=genes.to_numpy().astype(str),
        classes=labels.categories.to_numpy() if numeric else labels.names,
        expression=expression,
    )


def _write_split(
    adata: AnnData, keys: LongformerKeys, train: np.ndarray, validation: np.ndarray
) -> None:
    import numpy as np
    import pandas as pd

    split = np.full(adata.n_obs, "unlabelled", dtype="<U10")
    split[train], split[validation] = "train", "validation"
    adata.obs[keys.split] = pd.Categorical(split, ["train", "validation", "unlabelled"])
