"""What a comparison reads from an AnnData: expression, labels, groups, and what is known of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._settings import log
from ..get._records import fits_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from anndata import AnnData

    from ..evaluation.checks import Provenance
    from ..features._ranking import Matrix
    from ..get._labels import Labels

CALLER = "baseline_compare"

_NAMED_BATCH = re.compile(
    r"(batch|donor|patient|individual|subject|sample|library|plate|lane|mouse|animal|replicate|"
    r"dataset|study|run|channel|orig[._]ident)s?"
    r"([._ -]?(id|name|number))?",
    re.IGNORECASE,
)
_CELLS_PER_BATCH = 5  # fewer, and a column names cells rather than batches


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
    names
        Names of the labelled cells.
    labels
        Labels of all cells.
    fit
        Record of the last fit of the transformer to these labels, if there is one.
    provenance
        How the labels came about, as far as is known.
    preprocessing
        What is known of preprocessing that saw all cells, a sentence each.
    batches
        Group and batch of each labelled cell, by column; where neither is given, those of columns
        that are named as batches are.
    unlabelled
        Cells without a label x genes.
    unlabelled_groups
        Group of each of them, empty where it is missing; ``None`` without a `group_key`.
    """

    X: Matrix
    codes: np.ndarray
    groups: np.ndarray | None
    names: np.ndarray
    labels: Labels
    fit: Mapping[str, Any] | None
    provenance: Provenance
    preprocessing: list[str]
    batches: dict[str, np.ndarray]
    unlabelled: Matrix
    unlabelled_groups: np.ndarray | None

    @property
    def origin(self) -> str:
        """How the labels came about, in a sentence."""
        known = self.provenance
        return known.is_clustering or known.is_prediction or known.origin or "unknown"

    @property
    def is_circular(self) -> bool:
        """Whether the labels are recorded as clusters or predictions of the same cells."""
        known = self.provenance
        return bool(known.is_clustering or known.is_prediction) or known.kind == "clustered"


def labels_as_fitted(
    adata: AnnData, key: str, fit: Mapping[str, Any] | None, *, caller: str
) -> Labels:
    """Read labels with the fit's name for cells that have none, where there was one."""
    from ..get._labels import read_labels

    unlabeled = fit["params"].get("unlabeled") if fit else None
    none = isinstance(unlabeled, str) and not unlabeled  # h5ad has no None: the fit wrote ''
    if none or unlabeled not in set(adata.obs.get(key, ())):  # such cells have been left out since
        unlabeled = None
    return read_labels(adata, key, unlabeled=unlabeled, caller=caller)


def read_inputs(
    adata: AnnData,
    key: str | None,
    *,
    group_key: str | None,
    layer: str | None,
    batch_key: str | None = None,
    caller: str = CALLER,
) -> Inputs:
    """Read and validate everything that the comparison is about; changes nothing."""
    from ..get._expression import read_expression
    from ..get._placeholders import warn_of_placeholders
    from ..get._provenance import read_preprocessing, read_provenance

    X = read_expression(adata, layer, state="log", caller=caller)
    key = _default_key(adata, caller) if key is None else key
    fit = last_fit(adata, key)
    labels = labels_as_fitted(adata, key, fit, caller=caller)
    warn_of_placeholders(labels, caller=caller, stacklevel=3)
    groups = _groups(adata, group_key, labels, caller)
    batch = _groups(adata, batch_key, labels, caller, name="batch_key")
    batches = {str(k): v for k, v in ((group_key, groups), (batch_key, batch)) if v is not None}
    batches = {**_named_batches(adata, key, labels), **batches}
    _log_other_genes(fit, X.shape[1], caller)
    return Inputs(
        X=X[labels.labelled],
        codes=labels.codes[labels.labelled],
        groups=groups,
        names=adata.obs_names.to_numpy().astype(str)[labels.labelled],
        labels=labels,
        fit=fit,
        provenance=read_provenance(adata, key, labels.labelled),
        preprocessing=read_preprocessing(adata, layer),
        batches=batches,
        unlabelled=X[~labels.labelled],
        unlabelled_groups=None
        if group_key is None
        else adata.obs[group_key][~labels.labelled]
        .astype(object)
        .fillna("")
        .astype(str)
        .to_numpy(),
    )


def _default_key(adata: AnnData, caller: str) -> str:
    """Label column of the last fit, else ``'leiden'``."""
    for record in fits_in(adata.uns):
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


def last_fit(adata: AnnData, key: str) -> Mapping[str, Any] | None:
    """Record of the last fit to the labels ``key``."""
    return next((r for r in fits_in(adata.uns) if r["params"]["key"] == key), None)


def _log_other_genes(fit: Mapping[str, Any] | None, n_genes: int, caller: str) -> None:
    """Say where the transformers have more genes to choose from than in the fit that they repeat."""
    n_chosen = n_genes if fit is None else int(fit["params"].get("n_candidates", n_genes))
    if n_chosen != n_genes:
        log.info(
            "%s: the fit chose among %d genes (those of its mask, or `mask_var`); here all contestants, the "
            "transformers too, choose among all %d. To compare on the same: adata[:, genes].",
            *(caller, n_chosen, n_genes),
        )


def _named_batches(adata: AnnData, key: str, labels: Labels) -> dict[str, np.ndarray]:
    """Batch of each labelled cell by the columns of ``obs`` that are named as batches are."""
    found = {}
    for column in adata.obs.columns:
        if column == key or not _NAMED_BATCH.fullmatch(str(column)):
            continue
        batch = adata.obs[column][labels.labelled]
        if batch.notna().all() and 1 < batch.nunique() <= len(batch) / _CELLS_PER_BATCH:
            found[str(column)] = batch.astype(str).to_numpy()
    return found


def _groups(
    adata: AnnData, column: str | None, labels: Labels, caller: str, *, name: str = "group_key"
) -> np.ndarray | None:
    """Group or batch of each labelled cell."""
    if column is None:
        return None
    if column not in adata.obs:
        msg = f"{caller}: `{name}`={column!r} is not in obs, which has {list(adata.obs)}."
        raise KeyError(msg)
    groups = adata.obs[column][labels.labelled]
    if groups.isna().any():
        msg = (
            f"{caller}: obs[{column!r}] (`{name}`) has {int(groups.isna().sum())} labelled "
            f"cells without a {name.removesuffix('_key')}. Give them one, or leave them out with "
            f"adata[adata.obs[{column!r}].notna()]."
        )
        raise ValueError(msg)
    return groups.astype(str).to_numpy()
