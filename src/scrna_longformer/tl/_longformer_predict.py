"""Apply a trained gene-token transformer to other cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._keys import LongformerKeys
from .._settings import log

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from anndata import AnnData

    from ..train import FittedLongformer

CALLER = "longformer_predict"
LEAST_OVERLAP = 0.5


def longformer_predict(
    adata: AnnData,
    reference: AnnData | FittedLongformer | str | Path,
    *,
    reference_key: str = "longformer",
    layer: str | None = None,
    key_added: str = "longformer",
    copy: bool = False,
) -> AnnData | None:
    """Predict labels and embed cells with a model that was trained elsewhere.

    Parameters
    ----------
    adata
        The query: log-normalised values, genes named as in the reference.
    reference
        An AnnData with a fitted model, a folder written by
        :func:`scrna_longformer.io.save_model`, or a model loaded by
        :func:`scrna_longformer.io.load_model`.
    reference_key
        Where the model is in the ``uns`` of a reference AnnData.
    layer
        Layer of `adata` to read instead of ``X``.
    key_added
        Name of the slots.
    copy
        Whether to return a changed copy instead of changing `adata`.

    Returns
    -------
    ``None``, or the changed copy. Slots written (with the default `key_added`):

    ``obsm['X_longformer']`` : float32 array, cells × ``d_model``
        The embedding.
    ``obs['longformer_pred']`` : categorical
        Predicted label; the categories are the classes of the model.
    ``obs['longformer_confidence']`` : float32
        Probability of the predicted label. A cell of a type that the model never saw gets the
        closest type it knows, possibly with high confidence.
    ``obsm['longformer_proba']`` : float32 array, cells × classes
        Probabilities; columns in the order of ``uns['longformer_predict']['classes']``.
    ``uns['longformer_predict']`` : dict
        ``source_digest`` (fingerprint of the model), ``gene_overlap`` (share of the tokens that the
        query has), ``n_absent``, ``absent_genes``, ``classes`` and ``params``.

    Raises
    ------
    KeyError
        The reference AnnData has no model.
    FileNotFoundError
        The folder holds no model.
    TypeError
        `reference` is none of the three.
    ValueError
        Fewer than half of the model's genes are in the query, the values are unsuitable, or the
        model is damaged. `adata` is left as it was.

    Warns
    -----
    UserWarning
        If genes are absent (they enter at their training mean), or the query's values are on
        another scale than the training values.

    See Also
    --------
    scrna_longformer.tl.longformer_fit : Train a model.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> reference, query = adata[:500].copy(), adata[500:].copy()
    >>> sl.pp.gene_knn_mask(reference)
    >>> sl.tl.longformer_fit(reference, "bulk_labels", preset="tiny", max_steps=300)
    >>> sl.tl.longformer_predict(query, reference)
    >>> query.obs["longformer_pred"].dtype.name
    'category'
    """
    import pandas as pd

    from ..get._expression import make_actual, read_expression
    from ..get._labels import Labels
    from ..get._model import read_fitted
    from ._longformer_fit import write_prediction

    keys = LongformerKeys(key_added)
    fitted = read_fitted(reference, reference_key, caller=CALLER)
    X = read_expression(adata, layer, caller=CALLER)
    warn_about_scale(X, fitted, caller=CALLER)
    columns = adata.var_names.get_indexer(pd.Index(fitted.genes))
    _check_overlap(fitted, columns, adata)
    prediction = fitted.predict(X, columns)

    adata = adata.copy() if copy else adata
    make_actual(adata, caller=CALLER)
    labels = Labels(
        key="", codes=prediction.proba.argmax(axis=1), categories=pd.Index(fitted.classes)
    )
    write_prediction(adata, keys, labels, prediction)
    adata.uns[keys.predict_record] = _record(fitted, columns, reference, reference_key, layer)
    log.info(
        "%s: predicted %d cells, %d of %d token genes found.\n    wrote obsm[%r], obs[%r], uns[%r]",
        CALLER,
        adata.n_obs,
        (columns >= 0).sum(),
        len(columns),
        keys.embedding,
        keys.prediction,
        keys.predict_record,
    )
    return adata if copy else None


def warn_about_scale(X: Any, fitted: FittedLongformer, *, caller: str) -> None:
    """Warn if the values are of another kind than those that the model was trained on."""
    import warnings

    from ..features import expression_state

    state = expression_state(X)
    if state != fitted.expression:
        msg = (
            f"{caller}: the model was trained on {fitted.expression!r} values, but these look "
            f"{state!r}. Give it the same kind: log1p of counts per 10,000, through `layer=` if need be."
        )
        warnings.warn(msg, UserWarning, stacklevel=3)


def _check_overlap(fitted: FittedLongformer, columns: np.ndarray, adata: AnnData) -> None:
    """Refuse a query that lacks most of the genes; warn about one that lacks some."""
    import warnings

    share = float((columns >= 0).mean())
    if share == 1:
        return
    absent = fitted.genes[columns < 0]
    examples = ", ".join(absent[:5])
    if share < LEAST_OVERLAP:
        msg = (
            f"{CALLER}: the query has {share:.0%} of the model's {len(columns)} genes, and at least "
            f"{LEAST_OVERLAP:.0%} are needed. Absent are {examples}, ...; the query's names look like "
            f"{', '.join(adata.var_names[:3])}. Are both symbols, or both Ensembl ids, in the same "
            "case?"
        )
        raise ValueError(msg)
    msg = (
        f"{CALLER}: {len(absent)} of the model's {len(columns)} genes ({1 - share:.0%}) are not in "
        f"the query ({examples}{', ...' if len(absent) > 5 else ''}); they enter at their training "
        "mean."
    )
    warnings.warn(msg, UserWarning, stacklevel=3)


def _record(
    fitted: FittedLongformer,
    columns: np.ndarray,
    reference: Any,
    reference_key: str,
    layer: str | None,
) -> dict[str, Any]:
    import numpy as np

    from .._digest import digest_array, digest_names

    arrays = fitted.to_arrays()
    return {
        "source_digest": digest_names(
            f"{name}:{digest_array(arrays[name])}" for name in sorted(arrays)
        ),
        "gene_overlap": float((columns >= 0).mean()),
        "n_absent": int((columns < 0).sum()),
        "absent_genes": np.asarray(fitted.genes[columns < 0], dtype=str),
        "classes": fitted.classes,
        "params": {
            "reference": reference if isinstance(reference, str) else type(reference).__name__,
            "reference_key": reference_key,
            "layer": layer or "",
        },
    }
