"""What a comparison reads from an AnnData: expression, labels, groups, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._keys import DATASET_RECORD, LongformerKeys

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from anndata import AnnData

    from ..features._ranking import Matrix
    from ..get._labels import Labels

CALLER = "baseline_compare"


@dataclass(frozen=True)
class Inputs:
    """The labelled cells of a comparison.

    Attributes
    ----------
    X
        Labelled cells x genes log values.
    codes
        Class of each labelled cell.
    groups
        Group of each labelled cell; ``None`` without a `group_key`.
    labels
        Labels of all cells.
    fit
        Record of the last fit of the transformer to these labels, if there is one.
    origin
        How the labels came about, as far as is known.
    is_circular
        Whether they are known to be clusters of the same cells.
    """

    X: Matrix
    codes: np.ndarray
    groups: np.ndarray | None
    labels: Labels
    fit: Mapping[str, Any] | None
    origin: str
    is_circular: bool


def read_inputs(
    adata: AnnData,
    key: str | None,
    *,
    group_key: str | None,
    layer: str | None,
    caller: str = CALLER,
) -> Inputs:
    """Read and validate everything that the comparison is about; changes nothing."""
    from ..get._expression import read_expression
    from ..get._labels import read_labels

    X = read_expression(adata, layer, state="log", caller=caller)
    key = _default_key(adata, caller) if key is None else key
    fit = last_fit(adata, key)
    unlabeled = fit["params"].get("unlabeled") or None if fit else None
    labels = read_labels(adata, key, unlabeled=unlabeled, caller=caller)
    origin, is_circular = label_origin(adata, key)
    return Inputs(
        X=X[labels.labelled],
        codes=labels.codes[labels.labelled],
        groups=_groups(adata, group_key, labels, caller),
        labels=labels,
        fit=fit,
        origin=origin,
        is_circular=is_circular,
    )


def _default_key(adata: AnnData, caller: str) -> str:
    """Label column of the last fit, else ``'leiden'``."""
    for record in _fits(adata):
        if record["params"]["key"] in adata.obs:
            return str(record["params"]["key"])
    if "leiden" in adata.obs:
        return "leiden"
    from ..get._labels import categorical_columns

    msg = (
        f"{caller}: no `key` given, no fit in uns and no 'leiden' in obs. Choose one of the "
        f"columns {categorical_columns(adata)}, or cluster first with sc.tl.leiden(adata)."
    )
    raise KeyError(msg)


def _fits(adata: AnnData) -> list[Mapping[str, Any]]:
    """Records of ``longformer_fit``: the one of the default name first, then the latest."""
    names = [LongformerKeys().record, *reversed(list(adata.uns))]
    records = [adata.uns[name] for name in dict.fromkeys(names) if name in adata.uns]
    return [r for r in records if hasattr(r, "keys") and {"params", "train_config"} <= set(r)]


def last_fit(adata: AnnData, key: str) -> Mapping[str, Any] | None:
    """Record of the last fit to the labels ``key``."""
    return next((r for r in _fits(adata) if r["params"]["key"] == key), None)


def _groups(
    adata: AnnData, group_key: str | None, labels: Labels, caller: str
) -> np.ndarray | None:
    """Group of each labelled cell."""
    if group_key is None:
        return None
    if group_key not in adata.obs:
        msg = f"{caller}: `group_key`={group_key!r} is not in obs, which has {list(adata.obs)}."
        raise KeyError(msg)
    groups = adata.obs[group_key][labels.labelled]
    if groups.isna().any():
        msg = (
            f"{caller}: obs[{group_key!r}] (`group_key`) has {int(groups.isna().sum())} labelled "
            "cells without a group. Give them one, or leave them out with "
            f"adata[adata.obs[{group_key!r}].notna()]."
        )
        raise ValueError(msg)
    return groups.astype(str).to_numpy()


def label_origin(adata: AnnData, key: str) -> tuple[str, bool]:
    """How the labels came about, and whether they were clustered from the same matrix."""
    dataset = adata.uns.get(DATASET_RECORD, {})
    if key in (columns := list(dataset.get("label_columns", ()))):
        origin = str(dataset["label_origins"][columns.index(key)])
        return origin, "clustered" in origin
    record = adata.uns.get(key)
    if hasattr(record, "get") and "resolution" in record.get("params", {}):
        return f"obs[{key!r}] was clustered from these cells (uns[{key!r}]).", True
    return "unknown", False
