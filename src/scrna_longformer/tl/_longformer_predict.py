"""Apply a trained gene-token transformer to other cells."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._keys import LongformerKeys
from .._settings import log

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData

    from ..train import FittedLongformer

CALLER = "longformer_predict"
LEAST_OVERLAP = 0.5
_OTHER_SCALE = 1.5  # ratio of totals: those of single cell types differ by a twentieth
_ENOUGH_CELLS = 20  # a single cell may have no gene with a small count, which says nothing


def longformer_predict(
    adata: AnnData,
    reference: AnnData | FittedLongformer | str | Path,
    *,
    alpha: float | None = None,
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
    alpha
        Share of cells that prediction sets may miss, and share of known cells that may be called
        unknown: 0.1 for sets that hold the true label of 90 % of the cells. By default neither is
        written.
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
        closest type it knows, possibly with high confidence: see `alpha`.
    ``obsm['longformer_proba']`` : float32 array, cells × classes
        Probabilities; columns in the order of ``uns['longformer_predict']['classes']``.
    ``uns['longformer_predict']`` : dict
        ``source_digest`` (fingerprint of the model), ``gene_overlap`` (share of the genes that
        the model reads that the query has), ``token_overlap`` (share of its tokens), ``n_absent``, ``absent_genes``,
        ``depth`` (share of the molecules of a training cell that the cells have, where they have clearly
        fewer; else 1),
        ``classes``, ``gate`` and ``predictions_of`` (as :func:`longformer_fit` records them) and ``params``; with `alpha`,
        ``conformal``: how many calibration cells there were, which classes had enough of them
        (``2 / alpha``) for a quantile of their own, and shares of empty sets and unknown cells.

    With `alpha` also:

    ``obsm['longformer_set']`` : bool array, cells × classes
        The prediction set: classes that the cell may be of. It may hold several, or none: then no
        class is as probable as it was for held-out cells of that class.
    ``obs['longformer_novelty_p']`` : float64
        Conformal p-value of the cell being of a type that the model knows.
    ``obs['longformer_accepted']`` : categorical
        ``longformer_pred``, or ``'unknown'`` where that p-value is at most `alpha`.

    Raises
    ------
    KeyError
        The reference AnnData has no model.
    FileNotFoundError
        The folder holds no model.
    TypeError
        `reference` is none of the three.
    ValueError
        Fewer than half of the model's genes are in the query, the values are unsuitable (a model of
        Pearson residuals needs log-normalised counts), the model is damaged, `alpha` is out of
        range or asked of a model without calibration scores, or `adata` has a fit of its own with another
        model under `key_added`. `adata` is left as it was.

    Warns
    -----
    UserWarning
        If genes are absent (they enter at their training mean, and, where the tokens are residuals, cells are scaled anew as if
        they were there), or the query's values are on another scale than the training values (not
        logarithms, or of counts per another total), or `alpha` is too small for the number of
        calibration cells.

    See Also
    --------
    scrna_longformer.tl.longformer_fit : Train a model.

    Notes
    -----
    Sets and p-values are calibrated on the validation cells of the fit, which took no part in
    training, in the choice of weights or in temperature. Coverage is promised for cells drawn like
    them: of the same study, depth and mix of types. Another batch is not, and a query whose values
    are shifted is called unknown more often than `alpha`; that is a finding, not an error.

    Where tokens are residuals and the median cell of the query has less than 0.8 of the molecules of
    training cells of its class (by more than two standard errors), values of genes are given the mean and spread that they have in training
    cells, in place of those that training cells have when they are thinned to that depth. How deep a
    query is is asked of all its cells together: predict those of one run together, and those of
    different runs one by one.

    References
    ----------
    Sadinle, Lei and Wasserman (2019), Least ambiguous set-valued classifiers with bounded error
    levels, JASA 114, 223-234.
    Bates et al. (2023), Testing for outliers with conformal p-values, Annals of Statistics 51.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> reference, query = adata[:500].copy(), adata[500:].copy()
    >>> sl.pp.gene_knn_mask(reference)
    >>> sl.tl.longformer_fit(reference, "bulk_labels", preset="tiny", max_steps=300)
    >>> sl.tl.longformer_predict(query, reference, alpha=0.1)
    >>> query.obs["longformer_pred"].dtype.name
    'category'
    >>> query.obsm["longformer_set"].shape
    (200, 10)
    >>> "unknown" in query.obs["longformer_accepted"].cat.categories
    True
    """
    import pandas as pd

    from ..get._expression import make_actual, read_expression
    from ..get._labels import Labels
    from ..get._model import read_reference
    from ._conformal_slots import check_alpha, write_sets
    from ._fit_arguments import check_slot_name
    from ._longformer_fit import write_prediction

    check_slot_name(key_added, caller=CALLER)
    keys = LongformerKeys(key_added)
    fitted = read_reference(reference, reference_key, caller=CALLER)
    if alpha is not None:
        check_alpha(fitted, alpha, caller=CALLER)
    X = read_expression(adata, layer, caller=CALLER)
    columns = adata.var_names.get_indexer(pd.Index(fitted.genes))
    warn_about_scale(X, columns, fitted, caller=CALLER)
    _check_overlap(fitted, columns, adata)
    check_counts(fitted, X[:, columns[columns >= 0]], caller=CALLER)
    prediction = fitted.predict(X, columns)

    _check_own_fit(adata, keys, fitted)
    adata = adata.copy() if copy else adata
    make_actual(adata, caller=CALLER)
    labels = Labels(
        key="", codes=prediction.proba.argmax(axis=1), categories=pd.Index(fitted.classes)
    )
    write_prediction(adata, keys, labels, prediction)
    record = _record(fitted, columns, reference, reference_key, layer) | {"depth": prediction.depth}
    if alpha is not None:
        record["conformal"] = write_sets(adata, keys, fitted, prediction, alpha)
    adata.uns[keys.predict_record] = record
    if prediction.depth < 1:
        log.info(
            "%s: a cell has %.2f of the molecules of a training cell; values are taken to training depth.",
            CALLER,
            prediction.depth,
        )
    log.info(
        "%s: predicted %d cells, %d of the %d genes that the model reads found; predictions are those of "
        "the %s.\n    wrote obsm[%r], obs[%r], uns[%r]",
        CALLER,
        adata.n_obs,
        (columns >= 0).sum(),
        len(columns),
        record["predictions_of"],
        keys.embedding,
        keys.prediction,
        keys.predict_record,
    )
    return adata if copy else None


def warn_about_scale(X: Any, columns: np.ndarray, fitted: FittedLongformer, *, caller: str) -> None:
    """Warn if the values are of another kind, or size, than those that the model was trained on."""
    import warnings

    import numpy as np

    from ..features import expression_state
    from ..features._totals import cell_totals

    state, is_present = expression_state(X), columns >= 0
    msg = ""
    if state != fitted.expression:
        msg = (
            f"{caller}: the model was trained on {fitted.expression!r} values, but these look "
            f"{state!r}. Give it the same kind: log1p of counts per 10,000, through `layer=` if need be."
        )
    elif not np.isnan(fitted.total) and is_present.all():  # else cells are scaled anew
        total = float(np.median(cell_totals(X[:, columns])))
        if not 1 / _OTHER_SCALE < total / fitted.total < _OTHER_SCALE:
            msg = (
                f"{caller}: expm1 of the genes that the model reads adds up to {total:,.0f} in a cell, "
                f"and it was {fitted.total:,.0f} in a training cell. If the cells were scaled to "
                "another total than the reference's (`target_sum` of sc.pp.normalize_total; its "
                "default is the median of the cells at hand), predictions suffer: scale the counts "
                "to the same one."
            )
    if msg:
        warnings.warn(msg, UserWarning, stacklevel=3)


def check_counts(fitted: FittedLongformer, X: Any, *, caller: str) -> None:
    """Refuse values without counts behind them, where the model reads counts."""
    from ..features import has_counts

    judged = (
        X.shape[0] >= _ENOUGH_CELLS or X.min() < 0
    )  # where values are negative one cell will do
    if fitted.needs_counts and judged and not has_counts(X):
        msg = (
            f"{caller}: the model reads Pearson residuals of the counts behind log values, and behind "
            "these values are none (they were scaled, smoothed or corrected). Give it log1p of counts "
            "per 10,000, through `layer=` if need be, or fit a model that does without: "
            "sl.tl.longformer_fit(reference, offset=None, input_transform='log')."
        )
        raise ValueError(msg)


def _check_overlap(fitted: FittedLongformer, columns: np.ndarray, adata: AnnData) -> None:
    """Refuse a query that lacks most of the genes; warn about one that lacks some."""
    import warnings

    share, of_tokens = float((columns >= 0).mean()), _token_overlap(fitted, columns)
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
        f"{CALLER}: {len(absent)} of the model's {len(columns)} genes ({1 - share:.0%}; of its tokens "
        f"{1 - of_tokens:.0%}) are not in the query ({examples}{', ...' if len(absent) > 5 else ''}); "
        "they enter at their training mean."
    )
    warnings.warn(msg, UserWarning, stacklevel=3)


def _check_own_fit(adata: AnnData, keys: LongformerKeys, fitted: FittedLongformer) -> None:
    """Refuse to mix the predictions of one model with the record of another."""
    import numpy as np

    from ..get._records import is_fit

    record: Any = adata.uns.get(keys.record)
    if not is_fit(record):
        return
    own, given = record.get("model", {}).get("weights", {}), fitted.to_arrays()
    if set(own) == set(given) and all(np.array_equal(own[name], given[name]) for name in given):
        return
    msg = (
        f"{CALLER}: uns[{keys.record!r}] holds a fit of these cells with another model, whose embedding and "
        f"predictions would be replaced while its record stays. Choose another `key_added`, such as "
        f"'transferred', or remove that fit first: del adata.uns[{keys.record!r}]."
    )
    raise ValueError(msg)


def _token_overlap(fitted: FittedLongformer, columns: np.ndarray) -> float:
    """Share of the tokens that a query has."""
    return float(((columns if fitted.tokens is None else columns[fitted.tokens]) >= 0).mean())


def _record(
    fitted: FittedLongformer,
    columns: np.ndarray,
    reference: Any,
    reference_key: str,
    layer: str | None,
) -> dict[str, Any]:
    import numpy as np

    from .._digest import digest_array, digest_names
    from ._fit_record import whose

    arrays = fitted.to_arrays()
    gate = math.nan if fitted.mixture is None else float(fitted.mixture.gate)
    return {
        "source_digest": digest_names(
            f"{name}:{digest_array(arrays[name])}" for name in sorted(arrays)
        ),
        "gene_overlap": float((columns >= 0).mean()),
        "token_overlap": _token_overlap(fitted, columns),
        "n_absent": int((columns < 0).sum()),
        "gate": gate,
        "predictions_of": whose(gate),
        "absent_genes": np.asarray(fitted.genes[columns < 0], dtype=str),
        "classes": fitted.classes,
        "params": {
            "reference": str(reference)
            if isinstance(reference, str | Path)
            else type(reference).__name__,
            "reference_key": reference_key,
            "layer": layer or "",
        },
    }
