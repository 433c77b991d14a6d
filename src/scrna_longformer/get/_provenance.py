"""What an AnnData says of how its labels and its values came about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._keys import DATASET_RECORD, LongformerKeys

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import scipy.sparse as sp
    from anndata import AnnData

    from ..evaluation.checks import Provenance

# what clustering functions write into uns[column]['params']
CLUSTERING_PARAMS = frozenset({"resolution", "n_clusters", "partition_type"})
CLUSTERED = "clustered"
_SAYS_CLUSTERED = re.compile(r"cluster|leiden|louvain|k[-_ ]?means", re.IGNORECASE)
# beside such words a clustering may be one of other measurements, or denied: then nothing is concluded
_SAYS_MORE = re.compile(
    r"protein|antibod|\bADT|genotyp|\bSNP|demuxlet|\bFACS|\bsort|"
    r"\b(not|never|without|no)\b[\w\s]*(cluster|leiden|louvain|k[-_ ]?means)",
    re.IGNORECASE,
)
_COMMON = 0.1  # quantile of the genes of X by the number of cells that express them
_MOST_KEPT = 0.8  # of the genes of raw that are so common
_MOST_GRAPHS = 4
_MOST_EMBEDDINGS = 3
_MOST_DIMENSIONS = 200
# drawings, places, and what labels took part in making
_NO_REPRESENTATION = re.compile(
    r"umap|tsne|draw_graph|diffmap|phate|spatial|scanvi|lda", re.IGNORECASE
)


def read_provenance(adata: AnnData, key: str, rows: np.ndarray) -> Provenance:
    """Gather what is known of the labels ``obs[key]``.

    Parameters
    ----------
    adata
        Annotated data; not changed.
    key
        Column of the labels.
    rows
        Boolean, per cell: whether it takes part.
    """
    from ..evaluation.checks import Provenance
    from ..evaluation.checks._circular import INDEPENDENT

    kind, origin = origin_of_labels(adata, key)
    clusterings: dict[str, np.ndarray] = {}
    renamed: set[str] = set()
    independent: dict[str, tuple[str, np.ndarray]] = {}
    for name in adata.obs.columns:
        if name == key:
            continue
        column_kind, column_origin = origin_of_labels(adata, name)
        if is_recorded(adata, name) or column_kind == CLUSTERED:
            clusterings[str(name)] = _codes(adata, name)[rows]
            if _carries_names(adata.obs[key][rows], adata.obs[name][rows]):
                renamed.add(str(name))
        elif column_kind in INDEPENDENT:
            sentence = f"{column_kind}: {column_origin or 'recorded'}"
            independent[str(name)] = sentence, _codes(adata, name)[rows]
    recorded = f"obs[{key!r}] was clustered from these cells (uns[{key!r}])."
    return Provenance(
        kind=kind,
        origin=origin,
        is_clustering=recorded if is_recorded(adata, key) else "",
        clusterings=clusterings,
        renamed=frozenset(renamed),
        is_prediction=prediction_record(adata, key),
        independent=independent,
        graphs=_graphs(adata, rows),
        embeddings=_embeddings(adata, rows),
    )


def read_preprocessing(adata: AnnData, layer: str | None) -> list[str]:
    """Say in sentences what records tell of preprocessing that saw all cells."""
    found = []
    flags = adata.var.get("highly_variable")
    if flags is not None and bool(flags.astype(bool).all()):
        found.append(
            "Every gene is flagged as highly variable: the genes were selected on all cells."
        )
    if not found and (n_raw := _chosen_of(adata)):
        found.append(
            f"X holds {adata.n_vars:,} of the {n_raw:,} genes of raw: the genes were selected on all "
            "cells."
        )
    dataset = adata.uns.get(DATASET_RECORD)
    note = str(dataset.get("note", "")) if isinstance(dataset, Mapping) else ""
    if not found and "genes were selected on all" in note:
        found.append("The data set says that its genes were selected on all cells.")
    if layer is not None and "scale" in layer.lower():
        found.append(f"The layer {layer!r} is named as scaled values are.")
    return found


def _chosen_of(adata: AnnData) -> int:
    """Number of genes of ``raw`` if those of ``X`` were chosen among them, else 0.

    Genes that hardly any cell expresses are dropped by everybody, and some by their names, such as the
    mitochondrial ones. So only genes as common as those of ``X`` count, and most of them must be gone.
    """
    import numpy as np

    if adata.raw is None or adata.raw.n_vars <= adata.n_vars:
        return 0
    kept = adata.raw.var_names.isin(adata.var_names)
    if kept.sum() < adata.n_vars / 2:  # other names: nothing can be told
        return 0
    values: Any = adata.raw.X
    n_cells = np.asarray((values != 0).sum(axis=0)).ravel()
    common = n_cells >= np.quantile(n_cells[kept], _COMMON)
    return int(adata.raw.n_vars) if kept[common].mean() < _MOST_KEPT else 0


def is_recorded(adata: AnnData, column: str) -> bool:
    """Whether ``uns`` holds the settings of the clustering that made a column of ``obs``."""
    record = adata.uns.get(column)
    params = record.get("params") if isinstance(record, Mapping) else None
    return isinstance(params, Mapping) and bool(CLUSTERING_PARAMS & set(params))


def origin_of_labels(adata: AnnData, key: str) -> tuple[str, str]:
    """Kind and origin of a label column by ``uns['dataset']``; empty where it says nothing.

    An origin without a known kind is read: words for clustering make it ``'clustered'``, words for
    another measurement ``'stated'``. With both, or with neither (``'annotated by markers'`` may be
    clusters with names), the kind is not known.
    """
    from ..evaluation.checks._circular import INDEPENDENT

    dataset: Any = adata.uns.get(DATASET_RECORD)
    if not isinstance(dataset, Mapping):
        return "", ""
    columns = [str(column) for column in dataset.get("label_columns", ())]
    if key not in columns:
        return "", ""
    place = columns.index(key)
    origins, kinds = (list(dataset.get(name, ())) for name in ("label_origins", "label_kinds"))
    origin = str(origins[place]) if place < len(origins) else ""
    kind = str(kinds[place]).strip().lower() if place < len(kinds) else ""
    if kind in INDEPENDENT:
        return kind, origin
    if _SAYS_CLUSTERED.search(kind):
        return CLUSTERED, origin
    if _SAYS_CLUSTERED.search(origin):
        return (kind if _SAYS_MORE.search(origin) else CLUSTERED), origin
    return (kind or ("stated" if _SAYS_MORE.search(origin) else "")), origin


def _codes(adata: AnnData, column: str) -> np.ndarray:
    return adata.obs[column].astype("category").cat.codes.to_numpy()


def _carries_names(labels: pd.Series, clusters: pd.Series) -> bool:
    """Whether the name of every class holds the number of its cluster, as ``'type 3'`` holds ``'3'``."""
    both = labels.notna() & clusters.notna()
    pairs = set(zip(labels[both].astype(str), clusters[both].astype(str), strict=True))
    return bool(pairs) and all(
        cluster.isdigit() and re.search(rf"(?<!\d){cluster}(?!\d)", label)
        for label, cluster in pairs
    )


def prediction_record(adata: AnnData, key: str) -> str:
    """Where it is recorded that ``obs[key]`` holds predictions of this package; empty if nowhere."""
    for name, record in adata.uns.items():
        if not isinstance(record, Mapping) or not {"params", "classes"} <= set(record):
            continue
        for keys in (LongformerKeys(name), LongformerKeys(name.removesuffix("_predict"))):
            if name in (keys.record, keys.predict_record) and key in (
                keys.prediction,
                keys.accepted,
            ):
                return f"A model wrote obs[{key!r}] (uns[{name!r}])."
    return ""


def _graphs(adata: AnnData, rows: np.ndarray) -> dict[str, sp.csr_array]:
    """Return the first neighbour graphs as Scanpy names them (``key_added`` comes before)."""
    import scipy.sparse as sp

    names = [name for name in adata.obsp if name.endswith("connectivities")]
    return {
        f"obsp[{name!r}]": sp.csr_array(sp.csr_matrix(adata.obsp[name])[rows][:, rows])
        for name in names[:_MOST_GRAPHS]
    }


def _embeddings(adata: AnnData, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the first stored representations that someone may have clustered."""
    import numpy as np

    ours = {LongformerKeys(name).embedding for name in adata.uns}
    found: dict[str, np.ndarray] = {}
    for name, values in adata.obsm.items():
        if not name.startswith("X_") or name in ours or _NO_REPRESENTATION.search(name):
            continue
        if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind != "f":
            continue
        if 2 <= values.shape[1] <= _MOST_DIMENSIONS and np.isfinite(values[rows]).all():
            found[f"obsm[{name!r}]"] = np.asarray(values[rows], dtype=np.float64)
    return dict(list(found.items())[:_MOST_EMBEDDINGS])
