"""What the mask and the fit left behind, as tidy data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._keys import LongformerKeys

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

HUB_SHARE = 0.01  # of the genes: the most connected ones


def gene_degrees(adata: AnnData, *, mask_key: str = "gene_knn") -> pd.DataFrame:
    """Number of neighbours of each gene in the mask, most connected first.

    Parameters
    ----------
    adata
        Annotated data with a mask (:func:`~scrna_longformer.pp.gene_knn_mask`).
    mask_key
        Which mask: the `key_added` of ``gene_knn_mask``.

    Returns
    -------
    DataFrame
        One row per gene of the mask: ``gene``, ``degree`` (neighbours, not counting the gene
        itself), ``is_hub`` (among the most connected 1 % of the genes, at least one).
        ``attrs['hub_share']`` is the share of links with a hub at either end.

    Raises
    ------
    KeyError
        There is no such mask.
    ValueError
        The mask was made on other genes.

    See Also
    --------
    scrna_longformer.pl.gene_knn_degree : The same as a figure.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.pp.gene_knn_mask(adata, n_neighbors=10)
    >>> degrees = sl.get.gene_degrees(adata)
    >>> len(degrees), int(degrees["is_hub"].sum())
    (765, 8)
    """
    import numpy as np
    import pandas as pd

    from ._graph import read_gene_knn

    graph = read_gene_knn(adata, mask_key, caller="gene_degrees")
    mask = graph.mask[graph.members][:, graph.members]
    degree = np.diff(mask.indptr) - mask.diagonal()
    falling = np.argsort(-degree, kind="stable")
    is_hub = np.zeros(len(degree), dtype=bool)
    is_hub[falling[: max(1, int(np.ceil(HUB_SHARE * len(degree))))]] = True
    names = adata.var_names[graph.members].astype(str)
    frame = pd.DataFrame({"gene": names, "degree": degree, "is_hub": is_hub})
    frame = frame.iloc[falling].reset_index(drop=True)
    among_others = mask[~is_hub][:, ~is_hub].nnz - mask.diagonal()[~is_hub].sum()
    frame.attrs["hub_share"] = 1 - float(among_others) / max(int(degree.sum()), 1)
    return frame


def training_history(adata: AnnData, *, key: str = "longformer") -> pd.DataFrame:
    """Losses of a fit, one row per evaluation.

    Parameters
    ----------
    adata
        Annotated data with a fit (:func:`~scrna_longformer.tl.longformer_fit`).
    key
        Which fit: the `key_added` of ``longformer_fit``.

    Returns
    -------
    DataFrame
        ``step`` (updates so far), ``train_loss`` (mean since the row before), ``stopping_loss``
        (on the training cells that were set aside to choose the weights), ``learning_rate``. Losses
        are cross-entropies in nats. ``attrs`` holds ``prior_loss`` (of always predicting the class
        shares), ``initial_loss`` (on the cells set aside, before the first update), ``best_step``
        (whose weights were kept; 0 if no update improved on the start) and ``stopped_by``.

    Raises
    ------
    KeyError
        There is no such fit.

    See Also
    --------
    scrna_longformer.pl.training_history : The same as a figure.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.pp.gene_knn_mask(adata)
    >>> sl.tl.longformer_fit(adata, "bulk_labels", preset="tiny", max_steps=300)
    >>> list(sl.get.training_history(adata))
    ['step', 'train_loss', 'stopping_loss', 'learning_rate']
    """
    import numpy as np
    import pandas as pd

    record = adata.uns.get(LongformerKeys(key).record)
    if record is None or "history" not in record:
        fits = sorted(
            name
            for name, value in adata.uns.items()
            if hasattr(value, "keys") and {"history", "training"} <= set(value.keys())
        )
        msg = (
            f"training_history: no fit under `key`={key!r}; uns has fits under "
            f"{fits or 'no key'}. Call sl.tl.longformer_fit(adata) first."
        )
        raise KeyError(msg)
    frame = pd.DataFrame({name: np.asarray(column) for name, column in record["history"].items()})
    training = record["training"]
    frame.attrs = {
        "prior_loss": float(training["prior_loss"]),
        "initial_loss": float(training["initial_loss"]),
        "best_step": int(training["best_step"]),
        "stopped_by": str(training["stopped_by"]),
    }
    return frame
