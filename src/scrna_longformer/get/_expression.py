"""Read the cells x genes matrix out of an AnnData, checked, and what callers check with it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

from .._settings import log

if TYPE_CHECKING:
    import numpy as np
    import scipy.sparse as sp
    from anndata import AnnData

    from ..features import ValueSummary

WantedState = Literal["log", "counts", "any"]


def read_expression(
    adata: AnnData,
    layer: str | None = None,
    *,
    state: WantedState = "log",
    caller: str = "this function",
) -> sp.csr_matrix | np.ndarray:
    """Read ``X`` or a layer as float32, after checking what it is.

    Parameters
    ----------
    adata
        Annotated data in memory; not changed.
    layer
        Layer to read instead of ``X``.
    state
        What the values must be. ``'log'`` also takes scaled values, with a warning.
    caller
        Name of the public function, for the messages.

    Returns
    -------
    Cells x genes: a float32 CSR matrix with sorted indices, neither duplicates nor stored zeros, or
    a C-contiguous float32 array. It may share memory with `adata`: do not write to it.

    Raises
    ------
    TypeError
        Not an AnnData, or a matrix that is neither a NumPy array nor a SciPy matrix in memory.
    KeyError
        No such layer.
    ValueError
        Backed, no cells or genes, duplicated gene names, NaN or infinite values, or values that are
        not what `state` asks for.

    Warns
    -----
    UserWarning
        If log values are wanted and the values were scaled.
    """
    from ..features import summarise_values

    check_anndata(adata, caller=caller)
    X = _matrix(adata, layer, caller)
    summary = summarise_values(X)
    if summary.n_nonfinite:
        raise ValueError(_nonfinite_message(adata, X, layer, caller))
    if state != "any" and summary.state != state:
        _refuse_or_warn(adata, summary, layer, state, caller)
    return _as_float32(X)


def check_anndata(adata: AnnData, *, caller: str = "this function") -> None:
    """Raise unless `adata` is an AnnData in memory with cells, genes and unique gene names."""
    from anndata import AnnData

    if not isinstance(adata, AnnData):
        msg = f"{caller}: `adata` must be an AnnData, not {type(adata).__name__}."
        raise TypeError(msg)
    if adata.isbacked:
        msg = (
            f"{caller}: `adata` is backed by the file {str(adata.filename)!r}; "
            "load it first with adata = adata.to_memory()."
        )
        raise ValueError(msg)
    if adata.n_obs == 0 or adata.n_vars == 0:
        msg = (
            f"{caller}: `adata` has {adata.n_obs} cells and {adata.n_vars} genes; both are needed. "
            "Look at the filter or slice that made it."
        )
        raise ValueError(msg)
    if not adata.var_names.is_unique:
        repeated = adata.var_names[adata.var_names.duplicated()].unique()
        msg = (
            f"{caller}: `adata.var_names` has {len(repeated)} name(s) more than once, such as "
            f"{', '.join(map(repr, repeated[:3]))}. Call adata.var_names_make_unique() first."
        )
        raise ValueError(msg)


def resolve_mask(
    adata: AnnData,
    mask: str | Any | None,
    *,
    axis: Literal["obs", "var"],
    name: str | None = None,
    caller: str = "this function",
) -> np.ndarray | None:
    """Turn `mask_obs` or `mask_var` into a boolean array with one value per cell or gene.

    Parameters
    ----------
    mask
        None, the name of a boolean column of ``obs`` (``var``), or booleans in the order of
        ``obs_names`` (``var_names``).
    axis
        Which of the two.
    name
        Name of the argument for the messages; ``mask_obs`` or ``mask_var`` by default.

    Raises
    ------
    KeyError
        No such column.
    TypeError
        The values are not booleans.
    ValueError
        Wrong length, another order of names, missing values, or nothing chosen.
    """
    import numpy as np
    import pandas as pd

    if mask is None:
        return None
    name = name or f"mask_{axis}"
    frame = getattr(adata, axis)
    shown = "booleans"
    if isinstance(mask, str):
        shown = repr(mask)
        if mask not in frame.columns:
            boolean = [str(c) for c in frame.columns if pd.api.types.is_bool_dtype(frame[c])]
            msg = (
                f"{caller}: `{name}`={mask!r} is not a column of adata.{axis}. "
                f"Its boolean columns are {boolean or 'none'}."
            )
            raise KeyError(msg)
        mask = frame[mask]
    if isinstance(mask, pd.Series) and not mask.index.equals(frame.index):
        msg = (
            f"{caller}: `{name}` is a Series whose index is not adata.{axis}_names; align it with "
            f".reindex(adata.{axis}_names)."
        )
        raise ValueError(msg)
    if not pd.api.types.is_bool_dtype(getattr(mask, "dtype", np.asarray(mask).dtype)):
        found = getattr(mask, "dtype", np.asarray(mask).dtype)
        msg = f"{caller}: `{name}`={shown} must be boolean, not {found}."
        raise TypeError(msg)
    if np.any(pd.isna(mask)):
        msg = f"{caller}: `{name}`={shown} has missing values; fill them, e.g. with .fillna(False)."
        raise ValueError(msg)
    chosen = np.asarray(mask, dtype=bool)
    if chosen.shape != (len(frame),):
        msg = (
            f"{caller}: `{name}` has shape {chosen.shape}, but adata.{axis} has {len(frame)} rows: "
            "it takes one boolean for each."
        )
        raise ValueError(msg)
    if not chosen.any():
        msg = f"{caller}: `{name}`={shown} chooses nothing; at least one value must be True."
        raise ValueError(msg)
    return chosen


def make_actual(adata: AnnData, *, caller: str = "this function") -> None:
    """Turn a view into an AnnData of its own, in place, and say so; its parent stays as it is."""
    from copy import deepcopy

    if not adata.is_view:
        return
    log.info("%s: `adata` was a view of another AnnData; it is now a copy of its own.", caller)
    adata.uns = deepcopy(dict(adata.uns))  # AnnData becomes actual when a slot is set


def is_in_memory(X: Any) -> bool:
    """Whether a matrix is one that can be worked with at once: not lazy, not on a device."""
    import numpy as np
    import scipy.sparse as sp

    return isinstance(X, np.ndarray) or sp.issparse(X)


def _matrix(adata: AnnData, layer: str | None, caller: str) -> Any:
    """Return the array of ``X`` or of the layer as it is stored."""
    if layer is not None and layer not in adata.layers:
        msg = f"{caller}: `layer`={layer!r} is not in adata.layers. Layers: {layer_names(adata)}."
        raise KeyError(msg)
    X = adata.X if layer is None else adata.layers[layer]
    if X is None:
        msg = f"{caller}: adata.X is empty (None). Layers: {layer_names(adata)}."
        raise ValueError(msg)
    if not is_in_memory(X):
        msg = (
            f"{caller}: {_where(layer)} is a {type(X).__module__}.{type(X).__name__}, not a NumPy "
            "array or SciPy matrix in memory; load it with adata = adata.to_memory()."
        )
        raise TypeError(msg)
    return X


def _refuse_or_warn(
    adata: AnnData, summary: ValueSummary, layer: str | None, wanted: WantedState, caller: str
) -> None:
    """Explain why the values are not what was wanted; only scaled for log values may go on."""
    found = f"{caller}: {_where(layer)} holds {_NAMES[summary.state]} ({summary})"
    if wanted == "log" and summary.state == "scaled":
        msg = (
            f"{found}. Their mean and variance came from all cells, held-out ones included, so "
            "scores can be optimistic; log values are better."
        )
        warnings.warn(msg, UserWarning, stacklevel=4)
        return
    advice = _ADVICE_LOG if wanted == "log" else _advice_counts(adata, layer)
    if wanted == "log" and summary.state == "counts":
        advice += " Or let sl.pp.recipe_longformer(adata) do all of it."
    if wanted == "log":
        advice += f" Or name a layer that has them with `layer=`. Layers: {layer_names(adata)}."
    msg = f"{found}, but {_NAMES[wanted]} are wanted. {advice}"
    raise ValueError(msg)


def _advice_counts(adata: AnnData, layer: str | None) -> str:
    """Say where raw counts may be found: in a layer, or in ``X`` where another was read."""
    layers = [n for n in adata.layers if n is not None and _are_counts(adata.layers[n])]
    if layers and layer is not None:
        return f"Layer {layers[0]!r} has them: read it with `layer`={layers[0]!r}."
    if layers:
        return f"Layer {layers[0]!r} has them: adata.X = adata.layers[{layers[0]!r}].copy()."
    if layer is not None and _are_counts(adata.X):
        return "adata.X has them: adata.layers['raw'] = adata.X.copy(), and then `layer`='raw' reads them."
    either = "No layer has them either" if layer is None else "Neither X nor a layer has them"
    return f"{either}: load the matrix from before normalisation."


def _are_counts(X: Any) -> bool:
    """Whether a matrix that may be of any kind is one of counts."""
    from ..features import expression_state

    return is_in_memory(X) and X.dtype.kind in "biuf" and expression_state(X) == "counts"


_NAMES = {
    "counts": "raw counts",
    "log": "log-normalised values",
    "scaled": "scaled values",
    "unknown": "values that are neither counts nor log-normalised nor scaled",
}
_ADVICE_LOG = (
    "From raw counts, call sc.pp.normalize_total(adata, target_sum=1e4) and sc.pp.log1p(adata)."
)


def _nonfinite_message(adata: AnnData, X: Any, layer: str | None, caller: str) -> str:
    """Say how many values are not finite, and where."""
    import numpy as np

    if isinstance(X, np.ndarray):
        rows, columns = np.nonzero(~np.isfinite(X))
        values = X[rows, columns]
    else:
        X = X.tocoo()
        bad = ~np.isfinite(X.data)
        rows, columns, values = X.row[bad], X.col[bad], X.data[bad]
    n_nan = int(np.isnan(values).sum())
    first = int(np.lexsort((columns, rows))[0])
    return (
        f"{caller}: {_where(layer)} holds {n_nan} NaN and {len(values) - n_nan} infinite values, "
        f"in {len(np.unique(rows))} cells and {len(np.unique(columns))} genes; the first is at "
        f"cell {adata.obs_names[rows[first]]!r}, gene {adata.var_names[columns[first]]!r}. "
        "They often come from cells without counts or scaled constant genes: call "
        "sc.pp.filter_cells(adata, min_counts=1) and sc.pp.filter_genes(adata, min_cells=1) on the "
        "counts and normalise again, or choose another `layer`."
    )


def _where(layer: str | None) -> str:
    return "adata.X" if layer is None else f"adata.layers[{layer!r}]"


def layer_names(adata: AnnData) -> str:
    """Name the layers; from 0.13 on AnnData lists ``X`` among them, under None."""
    return ", ".join(repr(name) for name in adata.layers if name is not None) or "none"


def _as_float32(X: Any) -> sp.csr_matrix | np.ndarray:
    """Bring any format and dtype to the one that the core reads, copying only where needed."""
    import numpy as np
    import scipy.sparse as sp

    if isinstance(X, np.ndarray):
        return np.ascontiguousarray(np.asarray(X), dtype=np.float32)
    csr = X.tocsr()
    values = csr.data.astype(np.float32, copy=False)
    csr = sp.csr_matrix((values, csr.indices, csr.indptr), shape=csr.shape)
    if not (csr.has_canonical_format and np.all(csr.data)):
        csr = csr.copy()  # the arrays may still be those of the AnnData
        csr.sum_duplicates()
        csr.eliminate_zeros()
    return csr
