"""Read the gene graph that ``pp.gene_knn_mask`` wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._digest import digest_names
from .._keys import GeneKnnKeys

if TYPE_CHECKING:
    import numpy as np
    import scipy.sparse as sp
    from anndata import AnnData


@dataclass(frozen=True)
class GeneKnn:
    """The stored gene graph.

    Attributes
    ----------
    mask
        Genes x genes, boolean CSR.
    params
        Parameters it was made with.
    members
        Boolean per gene: whether it took part (``mask_var`` of the call).
    """

    mask: sp.csr_matrix
    params: dict[str, Any]
    members: np.ndarray


def read_gene_knn(adata: AnnData, mask_key: str, *, caller: str) -> GeneKnn:
    """Read ``uns[mask_key]`` and the mask it names.

    Raises
    ------
    KeyError
        If there is no such mask.
    ValueError
        If it was made on other genes.
    """
    import numpy as np
    import scipy.sparse as sp

    keys = GeneKnnKeys(mask_key)
    record = adata.uns.get(keys.record)
    if record is None or keys.mask not in adata.varp:
        masks = sorted(key for key in adata.varp if key.endswith("_mask"))
        msg = (
            f"{caller}: no gene mask under `mask_key`={mask_key!r} (uns[{keys.record!r}] and "
            f"varp[{keys.mask!r}] are needed; varp masks here: {masks or 'none'}). "
            "Call sl.pp.gene_knn_mask(adata) first. "
            "Note that ad.concat drops uns and adata.raw.to_adata() drops varp."
        )
        raise KeyError(msg)
    if record["var_names_digest"] != digest_names(adata.var_names):
        msg = (
            f"{caller}: the mask under `mask_key`={mask_key!r} was made on other genes than these "
            f"{adata.n_vars} (genes were filtered, reordered or renamed since). "
            "Call sl.pp.gene_knn_mask(adata) again."
        )
        raise ValueError(msg)
    mask = sp.csr_matrix(adata.varp[keys.mask], dtype=bool)
    members = record.get("members")
    return GeneKnn(
        mask=mask,
        params=dict(record["params"]),
        members=np.ones(adata.n_vars, dtype=bool) if members is None else np.asarray(members, bool),
    )
