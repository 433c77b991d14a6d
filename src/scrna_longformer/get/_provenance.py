"""What an AnnData says of how its labels and its values came about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._keys import DATASET_RECORD

if TYPE_CHECKING:
    import numpy as np
    import scipy.sparse as sp
    from anndata import AnnData

    from ..evaluation.checks import Provenance

# what clustering functions write into uns[column]['params']
CLUSTERING_PARAMS = frozenset({"resolution", "n_clusters", "partition_type"})


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

    kind, origin = _of_data_set(adata, key)
    recorded = f"obs[{key!r}] was clustered from these cells (uns[{key!r}])."
    clusterings = {
        str(name): adata.obs[name].astype("category").cat.codes.to_numpy()[rows]
        for name in adata.obs.columns
        if name != key and (is_recorded(adata, name) or _of_data_set(adata, name)[0] == "clustered")
    }
    is_clustering = recorded if is_recorded(adata, key) else ""
    return Provenance(kind, origin, is_clustering, clusterings, _graph(adata, rows))


def read_preprocessing(adata: AnnData, layer: str | None) -> list[str]:
    """Say in sentences what records tell of preprocessing that saw all cells."""
    found = []
    flags = adata.var.get("highly_variable")
    if flags is not None and bool(flags.astype(bool).all()):
        found.append(
            "Every gene is flagged as highly variable: the genes were selected on all cells."
        )
    dataset = adata.uns.get(DATASET_RECORD)
    note = str(dataset.get("note", "")) if isinstance(dataset, Mapping) else ""
    if not found and "genes were selected on all" in note:
        found.append("The data set says that its genes were selected on all cells.")
    if layer is not None and "scale" in layer.lower():
        found.append(f"The layer {layer!r} is named as scaled values are.")
    return found


def is_recorded(adata: AnnData, column: str) -> bool:
    """Whether ``uns`` holds the settings of the clustering that made a column of ``obs``."""
    record = adata.uns.get(column)
    params = record.get("params") if isinstance(record, Mapping) else None
    return isinstance(params, Mapping) and bool(CLUSTERING_PARAMS & set(params))


def _of_data_set(adata: AnnData, key: str) -> tuple[str, str]:
    """Kind and origin of a label column by ``uns['dataset']``; empty where it says nothing."""
    dataset: Any = adata.uns.get(DATASET_RECORD)
    if not isinstance(dataset, Mapping):
        return "", ""
    columns = [str(column) for column in dataset.get("label_columns", ())]
    if key not in columns:
        return "", ""
    place = columns.index(key)
    origins, kinds = (list(dataset.get(name, ())) for name in ("label_origins", "label_kinds"))
    origin = str(origins[place]) if place < len(origins) else ""
    if place < len(kinds):
        return str(kinds[place]), origin
    if not origin:
        return "", ""
    return ("clustered" if "clustered" in origin else "stated"), origin


def _graph(adata: AnnData, rows: np.ndarray) -> sp.csr_array | None:
    """Return the neighbour graph of Scanpy, if there is one."""
    import scipy.sparse as sp

    if "connectivities" not in adata.obsp:
        return None
    return sp.csr_array(sp.csr_matrix(adata.obsp["connectivities"])[rows][:, rows])
