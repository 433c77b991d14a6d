"""Look at an AnnData and say what the other calls will make of it, changing nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .._digest import digest_names
from .._keys import GeneKnnKeys
from ._check_report import CheckItem, CheckReport, Status
from ._gene_knn_mask import is_mask_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anndata import AnnData

MIN_CELLS = 10  # below, a class is only trained on (see longformer_fit)
_SAMPLE = 2000  # cells read from a file that stays on disk

_ENSEMBL = re.compile(r"ENS[A-Z]*G\d{6,}(\.\d+)?")
_NUMBER = re.compile(r"\d+")
_PLACEHOLDER = re.compile(r"(gene|feature|var)[-_ .]?\d+", re.IGNORECASE)


def check(adata: AnnData, key: str | None = None) -> CheckReport:
    """Report whether an AnnData is ready, and the call that mends each fault.

    Parameters
    ----------
    adata
        Annotated data, in memory or backed by a file (then values are judged by its first 2,000
        cells). Not changed.
    key
        Column of ``obs`` with the labels. None is the column of the last fit, else ``'leiden'``.

    Returns
    -------
    CheckReport
        Lines on: size and place; what ``X`` holds; kind and uniqueness of gene names; every gene
        mask (symmetric, full diagonal, made on these genes); the labels (class sizes, where they
        come from); finite values in ``obsm``. Print it, take ``.to_df()``, or ask ``.ok``.

    Raises
    ------
    TypeError
        `adata` is no AnnData. Nothing else raises: faults are lines of the report.

    See Also
    --------
    scrna_longformer.pp.recipe_longformer : From raw counts to what is needed.
    scrna_longformer.pp.gene_knn_mask : The gene mask.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> report = sl.pp.check(sl.datasets.pbmc68k_reduced(), "bulk_labels")
    >>> report.ok
    True
    >>> report.to_df().loc[1, "message"]
    'X holds log-normalised values (values from 0 to 6.489, not integers)'
    """
    from anndata import AnnData

    if not isinstance(adata, AnnData):
        msg = f"check: `adata` must be an AnnData, not {type(adata).__name__}."
        raise TypeError(msg)
    items = [_size(adata), _expression(adata), *_cell_names(adata), *_gene_names(adata)]
    items += _masks(adata)
    items += [*_labels(adata, key), *_embeddings(adata)]
    return CheckReport(tuple(items))


def _size(adata: AnnData) -> CheckItem:
    size = f"{adata.n_obs} cells x {adata.n_vars} genes"
    if adata.n_obs == 0 or adata.n_vars == 0:
        return CheckItem("size", "fail", size, "look at the filter or slice that made it")
    if adata.isbacked:
        return CheckItem("size", "warn", f"{size}, backed by a file", "adata = adata.to_memory()")
    return CheckItem("size", "ok", size)


def _expression(adata: AnnData) -> CheckItem:
    """Say what ``X`` holds and how to come to log values."""
    from ..features import summarise_values
    from ..get._expression import is_in_memory, layer_names

    name = "expression"
    if 0 in adata.shape:
        return CheckItem(name, "fail", "X has no values")
    X: Any = adata[:_SAMPLE].X if adata.isbacked else adata.X
    layers = f"layers: {layer_names(adata)}"
    if X is None:
        return CheckItem(name, "fail", f"X is empty; {layers}", "choose a `layer`, or set adata.X")
    if not is_in_memory(X):
        return CheckItem(name, "fail", f"X is a {type(X).__name__}", "adata = adata.to_memory()")
    if X.dtype.kind not in "biuf":
        return CheckItem(name, "fail", f"X has dtype {X.dtype}", "adata.X = adata.X.astype(float)")
    summary = summarise_values(X)
    if summary.n_nonfinite:
        found = f"X has {summary.n_nonfinite} NaN or infinite values"
        return CheckItem(name, "fail", found, "remove these cells or genes, or normalise again")
    return {
        "log": CheckItem(name, "ok", f"X holds log-normalised values ({summary})"),
        "scaled": CheckItem(
            name,
            "warn",
            f"X holds scaled values ({summary}); scaling saw all cells, held-out too; {layers}",
            "use log values: adata.raw.to_adata(), or a `layer`",
        ),
        "counts": CheckItem(
            name, "fail", f"X holds raw counts ({summary})", "sl.pp.recipe_longformer(adata)"
        ),
        "unknown": CheckItem(
            name,
            "fail",
            f"X is neither counts nor log-normalised nor scaled ({summary}); {layers}",
            "linear values: sc.pp.log1p(adata); else start from the counts",
        ),
    }[summary.state]


def _cell_names(adata: AnnData) -> Iterator[CheckItem]:
    """Name cells whose names repeat: a test set is told by names."""
    if not adata.obs_names.is_unique:
        repeated = adata.obs_names[adata.obs_names.duplicated()].unique()
        found = f"{len(repeated)} repeat, such as {str(repeated[0])!r}"
        yield CheckItem("cell names", "warn", found, "adata.obs_names_make_unique()")


def _gene_names(adata: AnnData) -> Iterator[CheckItem]:
    """Name the kind of gene names, and those that repeat."""
    names = adata.var_names.astype(str)
    if not adata.var_names.is_unique:
        repeated = names[names.duplicated()].unique()
        found = f"{len(repeated)} repeat, such as {repeated[0]!r}"
        yield CheckItem("gene names", "fail", found, "adata.var_names_make_unique()")
    if len(names) == 0:
        return
    shown = ", ".join(map(repr, names[:3]))
    if _mostly(_ENSEMBL, names):
        mend = "for readable results: adata.var_names = adata.var[<column with symbols>]"
        yield CheckItem("gene names", "ok", f"Ensembl identifiers ({shown})", mend)
    elif _mostly(_NUMBER, names) or _mostly(_PLACEHOLDER, names):
        found = f"numbers, not names ({shown}): genes cannot be told to readers or other data"
        columns = ", ".join(map(repr, adata.var.columns)) or "none"
        mend = f"adata.var_names = adata.var[<column with names>] (columns: {columns})"
        yield CheckItem("gene names", "warn", found, mend)
    else:
        yield CheckItem("gene names", "ok", f"symbols ({shown})")


def _mostly(pattern: re.Pattern[str], names: Any) -> bool:
    return sum(pattern.fullmatch(name) is not None for name in names) > len(names) / 2


def _masks(adata: AnnData) -> Iterator[CheckItem]:
    """Look at each mask that ``uns`` or ``varp`` knows of."""
    recorded = [str(name) for name, record in adata.uns.items() if is_mask_record(record)]
    orphans = set(adata.varp) & {GeneKnnKeys().mask} - {GeneKnnKeys(n).mask for n in recorded}
    for name in orphans:
        found = f"varp[{name!r}] has lost its record in uns (ad.concat drops uns)"
        yield CheckItem("gene mask", "fail", found, "sl.pp.gene_knn_mask(adata)")
    for name in recorded:
        yield _mask(adata, name)
    if not recorded and not orphans:
        mend = "sl.pp.gene_knn_mask(adata) once X holds log values"
        yield CheckItem("gene mask", "warn", "none yet; longformer_fit needs one", mend)


def _mask(adata: AnnData, name: str) -> CheckItem:
    """Judge one mask by its record, shape, symmetry and diagonal.

    A fit refuses the mask of other genes, and one without its diagonal if all genes are tokens. It
    takes one that is not symmetric: attention then runs one way only in places.
    """
    import scipy.sparse as sp

    keys = GeneKnnKeys(name)
    key_added = "" if keys == GeneKnnKeys("gene_knn") else f", key_added={name!r}"
    again = f"sl.pp.gene_knn_mask(adata{key_added})"
    faults = []
    if keys.mask not in adata.varp:
        found = f"varp[{keys.mask!r}] is gone (adata.raw.to_adata() drops varp)"
        return CheckItem("gene mask", "fail", found, again)
    mask: Any = sp.csr_matrix(adata.varp[keys.mask])
    if adata.uns[name].get("var_names_digest") != digest_names(adata.var_names):
        faults.append("was made on other genes than these")
    if not mask.diagonal().all():
        faults.append(f"lacks {int((mask.diagonal() == 0).sum())} genes on its diagonal")
    status: Status = "fail" if faults else "warn"
    if (mask != mask.T).nnz:
        faults.append("is not symmetric")
    if faults:
        return CheckItem("gene mask", status, f"{keys.mask!r} {', '.join(faults)}", again)
    degree = (mask.nnz - mask.shape[0]) / mask.shape[0] if mask.shape[0] else 0
    found = (
        f"{keys.mask!r}: symmetric, full diagonal, made on these genes, mean degree {degree:.1f}"
    )
    return CheckItem("gene mask", "ok", found)


def _labels(adata: AnnData, key: str | None) -> Iterator[CheckItem]:
    """Report class sizes and where the labels come from."""
    from ..get._labels import categorical_columns, read_labels

    key = key or _last_key(adata) or ("leiden" if "leiden" in adata.obs else None)
    if key is None:
        columns = ", ".join(map(repr, categorical_columns(adata)))
        mend = f"name one: `key` in {columns}" if columns else "sc.tl.leiden(adata)"
        yield CheckItem("labels", "warn", "no column chosen and no 'leiden'", mend)
        return
    try:
        labels = read_labels(adata, key, caller="check")
    except (KeyError, TypeError, ValueError) as error:
        found = str(error.args[0]).removeprefix("check: ")
        yield CheckItem("labels", "fail", found, "choose another `key`")
        return
    sizes = labels.sizes
    missing = int((~labels.labelled).sum())
    found = f"obs[{key!r}]: {len(sizes)} classes of {sizes.min()} to {sizes.max()} cells"
    found += f", {missing} cells without a label" if missing else ""
    small = [str(name) for name, size in zip(labels.names, sizes, strict=True) if size < MIN_CELLS]
    if small:
        found += f"; fewer than {MIN_CELLS} cells: {', '.join(map(repr, small[:5]))}"
        found += ", ..." if len(small) > 5 else ""
        mend = "merge them, or know that they are trained on but hardly scored"
        yield CheckItem("labels", "warn", found, mend)
    else:
        yield CheckItem("labels", "ok", found)
    yield _provenance(adata, key)


def _last_key(adata: AnnData) -> str | None:
    """Return the label column of the last fit, if there was one and the column is still there."""
    from ..get._records import fits_in

    keys = [fit["params"].get("key") for fit in fits_in(adata.uns)]
    return next((str(key) for key in keys if key is not None and key in adata.obs), None)


def _provenance(adata: AnnData, key: str) -> CheckItem:
    """Say how the labels came about, as far as the data tell."""
    from ..get._provenance import CLUSTERED, is_recorded, origin_of_labels, prediction_record

    name = "provenance"
    circular = "use labels from elsewhere for claims; these are good for a demonstration"
    if is_recorded(adata, key):
        found = f"obs[{key!r}] was clustered from this matrix: scores on it are circular"
        return CheckItem(name, "warn", found, circular)
    if predicted := prediction_record(adata, key):
        return CheckItem(name, "warn", f"{predicted} Scores on it are circular", circular)
    kind, origin = origin_of_labels(adata, key)
    if origin:
        mend = circular if kind == CLUSTERED else ""
        return CheckItem(name, "warn" if mend else "ok", origin, mend)
    found = f"nothing says how obs[{key!r}] came about"
    mend = "if it was clustered from this matrix, scores on it are circular"
    return CheckItem(name, "warn", found, mend)


def _embeddings(adata: AnnData) -> Iterator[CheckItem]:
    """Look for NaN and infinite values in ``obsm``: no fit reads it, maps and neighbours do."""
    import numpy as np
    import pandas as pd

    finite = []
    value: Any
    for name, value in adata.obsm.items():
        if isinstance(value, pd.DataFrame):
            value = value.select_dtypes("number")
        elif not isinstance(value, np.ndarray) and not hasattr(value, "tocoo"):
            continue  # awkward arrays, such as those of receptors
        values = value.tocoo().data if hasattr(value, "tocoo") else np.asarray(value)
        if values.dtype.kind not in "biuf":
            continue
        bad = int((~np.isfinite(values)).sum())
        if bad:
            found = f"obsm[{name!r}] has {bad} NaN or infinite values"
            mend = f"compute it again, or del adata.obsm[{name!r}]"
            yield CheckItem("embeddings", "warn", found, mend)
        else:
            finite.append(name)
    if finite:
        yield CheckItem("embeddings", "ok", f"finite: {', '.join(map(repr, finite))}")
