"""The gene graph: which genes attend to which."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .._arguments import check_key_added
from .._keys import GeneKnnKeys
from .._settings import log

if TYPE_CHECKING:
    import numpy as np
    import scipy.sparse as sp
    from anndata import AnnData

CALLER = "gene_knn_mask"
HUB_ADJACENCY = 0.25  # share of all genes beside one gene from which on attention reads little else


def gene_knn_mask(
    adata: AnnData,
    n_neighbors: int = 20,
    *,
    metric: str = "cosine",
    center: bool = True,
    layer: str | None = None,
    mask_obs: str | np.ndarray | None = None,
    mask_var: str | np.ndarray | None = None,
    key_added: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Find the nearest neighbours of every gene: the mask of attention.

    The search is exact, and two calls on the same values give the same mask, whatever the format
    of the matrix or the number of threads.

    Parameters
    ----------
    adata
        Annotated data with log-normalised values.
    n_neighbors
        Neighbours of each gene, not counting itself. Two genes are tied where either is among the
        neighbours of the other, so genes have more than these. From the number of genes on, all
        genes are neighbours.
    metric
        Similarity of two genes across cells: ``'cosine'``.
    center
        Subtract each gene's mean first, which makes the cosine Pearson's correlation. Without it
        the highly expressed genes are near to everything and become hubs.
    layer
        Layer to read instead of ``X``.
    mask_obs
        Cells that decide, as a boolean column of ``obs`` or an array: leave held-out cells out.
    mask_var
        Genes that take part, likewise from ``var``, such as ``'highly_variable'``. The others keep
        only themselves.
    key_added
        Prefix of the slots instead of ``gene_knn``.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    None, or the copy. Writes:

    ``varp['gene_knn_mask']`` : :class:`scipy.sparse.csr_matrix`, bool, genes x genes
        Symmetric, with a full diagonal.
    ``varp['gene_knn_similarities']`` : :class:`scipy.sparse.csr_matrix`, float32, genes x genes
        Similarity where the mask is True; 1 on the diagonal.
    ``uns['gene_knn']`` : :class:`dict`
        ``mask_key``, ``similarities_key``; ``params`` of this call, where an empty text stands for
        None and ``'(array)'`` for a mask given as an array; ``var_names_digest``, which tells
        later calls whether the genes are still the same; ``members`` (boolean, per gene: took
        part); ``max_degree``, the most neighbours of a gene; ``hub_edge_share``, the share of edges
        that touch one of the 1 % most connected genes.

    Raises
    ------
    KeyError
        No such layer, or no such column of ``obs`` or ``var``.
    TypeError
        `adata` is no AnnData, a mask is not boolean, or `key_added` is no text.
    ValueError
        The values are not log-normalised or not finite; gene names repeat; there are no cells or
        genes; `adata` is backed; `n_neighbors` or `metric` is not valid; `key_added` has a ``/``,
        or ``uns[key_added]`` or the slots in ``varp`` hold something else than a gene mask.

    Warns
    -----
    UserWarning
        The values are scaled; a gene is adjacent to over a quarter of all genes (and to four times
        `n_neighbors`); or fewer than two genes vary.

    See Also
    --------
    scrna_longformer.tl.longformer_fit : Train with this mask.
    scrna_longformer.get.gene_degrees : How many neighbours each gene has.

    Notes
    -----
    Genes that are constant over the cells keep only themselves. Of equally similar genes (to nine
    decimals) those that come first in ``var_names`` are chosen. The work grows with the non-zero
    values that genes share: 20,000 genes in 3,000 cells take seconds.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.pp.gene_knn_mask(adata, n_neighbors=10)
    >>> adata.varp["gene_knn_mask"].shape
    (765, 765)
    """
    from ..get._expression import make_actual, read_expression, resolve_mask
    from ..graph import gene_knn

    started = perf_counter()
    if key_added is not None:
        check_key_added(key_added, caller=CALLER)
    keys = GeneKnnKeys(key_added)
    X = read_expression(adata, layer, caller=CALLER)
    _check_record(adata, keys)
    cells = resolve_mask(adata, mask_obs, axis="obs", caller=CALLER)
    genes = resolve_mask(adata, mask_var, axis="var", caller=CALLER)
    X = X if cells is None else X[cells]
    X = X if genes is None else X[:, genes]
    mask, similarities = gene_knn(X, n_neighbors, metric=metric, center=center)
    params = {
        "n_neighbors": int(n_neighbors),
        "metric": metric,
        "center": bool(center),
        "layer": layer or "",
        "mask_obs": _name(mask_obs),
        "mask_var": _name(mask_var),
    }
    record = _record(adata, mask, keys, params, genes)
    _warn_of_hubs(adata, mask, genes, params)

    adata = adata.copy() if copy else adata
    make_actual(adata, caller=CALLER)
    adata.varp[keys.mask] = mask if genes is None else _among_all(mask, genes)
    adata.varp[keys.similarities] = (
        similarities if genes is None else _among_all(similarities, genes)
    )
    adata.uns[keys.record] = record
    log.info(
        "%s: %d of %d genes, %d neighbours each, most %d, hubs hold %.0f %% of the edges (%.1f s). "
        "Added varp[%r], varp[%r], uns[%r].",
        *(CALLER, mask.shape[0], adata.n_vars, n_neighbors, record["max_degree"]),
        *(100 * record["hub_edge_share"], perf_counter() - started),
        *(keys.mask, keys.similarities, keys.record),
    )
    return adata if copy else None


def is_mask_record(record: Any) -> bool:
    """Whether an entry of ``uns`` is what :func:`gene_knn_mask` writes there."""
    return isinstance(record, Mapping) and {"mask_key", "similarities_key"} <= set(record)


def _check_record(adata: AnnData, keys: GeneKnnKeys) -> None:
    """Raise where something else would be replaced, such as a model, or weights of attention."""
    from ..get._records import check_free, is_attention

    check_free(adata.uns, keys.record, is_mask_record, caller=CALLER)
    for name, record in adata.uns.items():
        slots = {str(slot) for slot in record["keys"]} if is_attention(record) else set()
        if taken := sorted(slots & {keys.mask, keys.similarities}):
            msg = (
                f"{CALLER}: `key_added`={keys.record!r} is taken: varp[{taken[0]!r}] holds weights of "
                f"attention (uns[{name!r}]). Choose another name."
            )
            raise ValueError(msg)


def _name(mask: Any) -> str:
    """Say in a text that can be stored what a mask argument was."""
    if mask is None:
        return ""
    return mask if isinstance(mask, str) else "(array)"


def _record(
    adata: AnnData,
    mask: sp.csr_matrix,
    keys: GeneKnnKeys,
    params: dict[str, Any],
    genes: np.ndarray | None,
) -> dict[str, Any]:
    """Describe the mask for ``uns``."""
    import numpy as np

    from .._digest import digest_names
    from ..graph import hub_edge_share, neighbor_counts

    return {
        "mask_key": keys.mask,
        "similarities_key": keys.similarities,
        "params": params,
        "var_names_digest": digest_names(adata.var_names),
        "members": np.ones(adata.n_vars, dtype=bool) if genes is None else genes.copy(),
        "max_degree": int(neighbor_counts(mask).max()),
        "hub_edge_share": hub_edge_share(mask),
    }


def _warn_of_hubs(
    adata: AnnData, mask: sp.csr_matrix, genes: np.ndarray | None, params: dict[str, Any]
) -> None:
    """Warn of genes that are beside so many others that attention would hardly be selective."""
    import numpy as np

    from ..graph import neighbor_counts

    counts = neighbor_counts(mask)
    if not counts.any():
        msg = (
            f"{CALLER}: fewer than two of the {len(counts)} genes vary over the "
            f"{params['mask_obs'] and 'chosen '}cells, so each gene has only itself as a neighbour. "
            "Look at `mask_obs`, `mask_var` and `layer`."
        )
        warnings.warn(msg, UserWarning, stacklevel=3)
    # among few genes k neighbours make a quarter of all without any hub: ask for four times k too
    hubs = np.flatnonzero(counts > max(HUB_ADJACENCY * len(counts), 4 * params["n_neighbors"]))
    if not len(hubs):
        return
    names = adata.var_names if genes is None else adata.var_names[genes]
    worst = hubs[np.argsort(-counts[hubs], kind="stable")[:3]]
    shown = ", ".join(f"{names[g]!r} ({counts[g]})" for g in worst)
    advice = "" if params["center"] else "`center=True`, "
    msg = (
        f"{CALLER}: {len(hubs)} gene(s) are adjacent to over a quarter of all {len(counts)} genes: "
        f"{shown}{', ...' if len(hubs) > 3 else ''}. Attention will read little else; try {advice}"
        f"fewer than `n_neighbors`={params['n_neighbors']}, or leave such genes out by `mask_var`."
    )
    warnings.warn(msg, UserWarning, stacklevel=3)


def _among_all(matrix: sp.csr_matrix, genes: np.ndarray) -> sp.csr_matrix:
    """Place a matrix of the chosen genes among all genes; the others keep only themselves."""
    import numpy as np
    import scipy.sparse as sp

    chosen, others = np.flatnonzero(genes), np.flatnonzero(~genes)
    entries = matrix.tocoo()
    values = np.concatenate([entries.data, np.ones(len(others), matrix.dtype)])
    rows = np.concatenate([chosen[entries.row], others])
    columns = np.concatenate([chosen[entries.col], others])
    return sp.csr_matrix((values, (rows, columns)), shape=(len(genes), len(genes)))
