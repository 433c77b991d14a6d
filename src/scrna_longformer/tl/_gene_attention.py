"""Attention between genes, averaged over cells, as sparse matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .._arguments import check_key_added
from .._keys import GeneAttentionKeys, LongformerKeys
from .._settings import log

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData

    from ..train import FittedLongformer

CALLER = "gene_attention"


def gene_attention(
    adata: AnnData,
    *,
    groupby: str | None = None,
    layers: int | Literal["mean"] = "mean",
    heads: int | Literal["mean"] = "mean",
    layer: str | None = None,
    model_key: str = "longformer",
    key_added: str = "gene_attention",
    copy: bool = False,
) -> AnnData | None:
    """Write how much each gene attends to each of its neighbours, averaged over cells.

    Parameters
    ----------
    adata
        Annotated data with a fitted model (:func:`~scrna_longformer.tl.longformer_fit`) and the
        log-normalised values that it was trained on.
    groupby
        Column of ``obs``: one matrix for each of its groups. Cells without a group are left out.
        By default one matrix of all cells.
    layers
        Layer of the model, counted from 0, or their mean.
    heads
        Attention head, counted from 0, or their mean.
    layer
        Layer of `adata` to read instead of ``X``.
    model_key
        Which model: the `key_added` of ``longformer_fit``.
    key_added
        Name of the slots.
    copy
        Whether to return a changed copy instead of changing `adata`.

    Returns
    -------
    ``None``, or the changed copy. Slots written (with the default `key_added`):

    ``varp['gene_attention']`` : float32 CSR matrix, genes × genes
        Mean attention of all cells. Row ``i`` holds the weights with which gene ``i`` reads its
        neighbours, itself included; they sum to 1. Rows of genes that are no tokens are empty. If
        only expressed genes are the model's tokens (``tokens='expressed'``), each entry is the mean
        over the cells in which both genes are expressed (of Pearson residuals: above 0), 0 where
        they never are, and rows do not sum to 1. With `groupby` there are ``varp['gene_attention_0']``,
        ``varp['gene_attention_1']``, ... instead.
    ``uns['gene_attention']`` : dict
        ``groups`` (names, in order; ``'all'`` without `groupby`), ``keys`` (the ``varp`` key of
        each), ``n_cells`` (of each) and ``params``. Matrices of an earlier call with the same
        `key_added` are removed.

    Raises
    ------
    KeyError
        No such model, column or layer.
    TypeError
        `groupby` holds measurements, or `key_added` is no text.
    ValueError
        No such layer or head; the model's attention has no sparse weights (``'none'``,
        ``'linear'``, ``'full'``); unsuitable values (a model of Pearson residuals needs
        log-normalised counts); token genes of the model are not in `adata`; `key_added` has a ``/``; or
        ``uns[key_added]``, or a slot of ``varp`` that would be written, holds something else.
        `adata` is left as it was.

    Warns
    -----
    UserWarning
        If the values are on another scale than the training values, or the record of the fit says
        that its gate is 0 (``uns['longformer']['training']['gate']``): then its predictions make no
        use of this attention.

    See Also
    --------
    scrna_longformer.pp.gene_knn_mask : The graph on which attention is computed.

    Notes
    -----
    Attention tells which genes the model reads together, not which regulate each other, and models
    that predict alike can attend differently [1]_. Before reading anything into a weight, fit again
    with another ``random_state`` and see whether it stays.

    References
    ----------
    .. [1] Jain & Wallace (2019), Attention is not explanation, NAACL.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.pp.gene_knn_mask(adata)
    >>> sl.tl.longformer_fit(
    ...     adata, "bulk_labels", preset="tiny", n_tokens=50, min_cells=5, max_steps=300
    ... )
    >>> sl.tl.gene_attention(adata, groupby="bulk_labels")
    >>> record = adata.uns["gene_attention"]
    >>> str(record["groups"][3]), str(record["keys"][3])
    ('CD8+ Cytotoxic T', 'gene_attention_3')
    >>> adata.varp["gene_attention_3"].shape
    (765, 765)
    """
    import numpy as np
    import pandas as pd

    from ..get._expression import make_actual, read_expression
    from ..get._model import read_fitted
    from ..train._attention_weights import edge_attention
    from ._longformer_predict import check_counts, warn_about_scale

    check_key_added(key_added, caller=CALLER)
    keys = GeneAttentionKeys(key_added)
    X = read_expression(adata, layer, caller=CALLER)
    fitted = read_fitted(adata, model_key, caller=CALLER)
    names, groups = _groups(adata, groupby)
    slots = [keys.attention] if groupby is None else [keys.group(i) for i in range(len(groups))]
    _check_slots(adata, keys, slots)
    read = adata.var_names.get_indexer(pd.Index(fitted.genes))
    warn_about_scale(X, read, fitted, caller=CALLER)
    _warn_about_gate(adata, model_key)
    columns = _columns(adata, fitted)
    if (
        fitted.input_transform == "pearson"
    ):  # residuals that only the simple model reads do not matter
        check_counts(fitted, X[:, read[read >= 0]], caller=CALLER)
    attention = edge_attention(
        fitted.model, fitted.cells(X, read), groups, layers=layers, heads=heads
    )

    adata = adata.copy() if copy else adata
    make_actual(adata, caller=CALLER)
    _remove_earlier(adata, keys)
    for i, slot in enumerate(slots):
        adata.varp[slot] = attention.to_scipy(i, columns, adata.n_vars)
    adata.uns[keys.record] = {
        "groups": names,
        "keys": np.array(slots),
        "n_cells": np.array([len(index) for index in groups]),
        "params": {
            "groupby": groupby or "",
            "layers": str(layers),
            "heads": str(heads),
            "layer": layer or "",
            "model_key": model_key,
        },
    }
    log.info(
        "%s: %s attention on %d edges of %d genes, mean of %d cells in %d group(s).\n"
        "    wrote varp[%r]%s, uns[%r]",
        CALLER,
        fitted.model.config.attention,
        attention.graph.n_edges,
        len(columns),
        sum(map(len, groups)),
        len(groups),
        slots[0],
        f" to varp[{slots[-1]!r}]" if len(slots) > 1 else "",
        keys.record,
    )
    return adata if copy else None


def _groups(adata: AnnData, groupby: str | None) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the names of the groups, and the cells of each."""
    import numpy as np

    from ..get._labels import read_groups

    if groupby is None:
        return np.array(["all"]), [np.arange(adata.n_obs)]
    labels = read_groups(adata, groupby, caller=CALLER)
    cells = [np.flatnonzero(labels.codes == code) for code in range(len(labels.categories))]
    return labels.names, cells


def _columns(adata: AnnData, fitted: FittedLongformer) -> np.ndarray:
    """Return the column of each token; every one must be there to get its row and column."""
    import pandas as pd

    columns = adata.var_names.get_indexer(pd.Index(fitted.token_genes))
    absent = fitted.token_genes[columns < 0]
    if len(absent):
        msg = (
            f"{CALLER}: {len(absent)} of the model's {len(columns)} genes are not in adata, such as "
            f"{', '.join(map(repr, absent[:3].tolist()))}, so their attention has no place in varp. "
            "Use the AnnData that the model was fitted on, before genes were removed, or fit again "
            "with sl.tl.longformer_fit(adata)."
        )
        raise ValueError(msg)
    return columns


def _warn_about_gate(adata: AnnData, model_key: str) -> None:
    """Warn if the fit found that its attention does not help."""
    import warnings

    record: dict[str, Any] = adata.uns[LongformerKeys(model_key).record]
    gate = record.get("training", {}).get("gate")
    if gate is not None and gate == 0:
        msg = (
            f"{CALLER}: the gate of the model is 0 (uns[{model_key!r}]['training']['gate']): its "
            "predictions come from its linear part alone, and make no use of this attention."
        )
        warnings.warn(msg, UserWarning, stacklevel=3)


def _check_slots(adata: AnnData, keys: GeneAttentionKeys, slots: list[str]) -> None:
    """Raise where something else would be replaced, such as the model or the mask itself."""
    from ..get._records import check_free, is_attention

    check_free(adata.uns, keys.record, is_attention, caller=CALLER)
    record = adata.uns.get(keys.record)
    earlier = set() if record is None else {str(slot) for slot in record["keys"]}
    taken = [slot for slot in slots if slot in adata.varp and slot not in earlier]
    if taken:
        msg = (
            f"{CALLER}: with `key_added`={keys.record!r} varp[{taken[0]!r}] would be replaced, and "
            "no earlier call with this name wrote it. Choose another name, or remove it first: "
            f"del adata.varp[{taken[0]!r}]."
        )
        raise ValueError(msg)


def _remove_earlier(adata: AnnData, keys: GeneAttentionKeys) -> None:
    """Remove the matrices of an earlier call, which may have had more groups."""
    record = adata.uns.get(keys.record)
    for slot in record["keys"] if record is not None else ():
        if str(slot) in adata.varp:
            del adata.varp[str(slot)]
