"""Human blood: sorted, clustered and unlabelled cells of 10x Genomics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._assemble import assemble, categories, record
from ._fetch import fetch
from ._readers import dense_counts, read_r, sparse_counts
from ._registry import DATASETS

if TYPE_CHECKING:
    from anndata import AnnData


def pbmc68k_reduced() -> AnnData:
    """700 blood cells with log values of 765 genes, bundled with Scanpy: needs no download.

    Returns
    -------
    AnnData
        ``X`` : CSR float32, log values (those of Scanpy's ``.raw``; no counts exist).
        ``layers['scaled']`` : float32 array, Scanpy's scaled ``X``.
        ``obs['bulk_labels']`` : 10 types, assigned by similarity to profiles of sorted cells (the
        cells themselves were not sorted; one name holds a ``/``).
        ``obs['leiden']`` : clusters of this matrix (seeded); ``obs['louvain']``, ``obs['phase']``
        and the other columns, ``obsm`` and ``obsp`` are Scanpy's.
        ``uns['dataset']`` : provenance, see :func:`available`.

    Notes
    -----
    The genes were selected on all cells, so a cross-validation on this set is never quite free
    of leakage. See :doc:`/concepts/datasets`.

    References
    ----------
    Zheng et al., Massively parallel digital transcriptional profiling of single cells,
    Nature Communications 8, 14049 (2017).

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> adata.shape, adata.obs["bulk_labels"].nunique()
    ((700, 765), 10)
    """
    import anndata as ad
    import scanpy as sc

    bundled = sc.datasets.pbmc68k_reduced()
    log_values = bundled.raw.X.copy()
    log_values.sum_duplicates()
    adata = ad.AnnData(
        log_values,
        obs=bundled.obs,
        var=bundled.var,
        obsm=dict(bundled.obsm),
        varm=dict(bundled.varm),
        obsp=dict(bundled.obsp),
        layers={"scaled": bundled.X},
    )
    # the file's records hold one-element arrays, and tables with class names as field names, which
    # cannot be written to zarr: keep what a Scanpy function reads, in today's form
    adata.uns["neighbors"] = {
        "connectivities_key": "connectivities",
        "distances_key": "distances",
        "params": {"method": "umap", "n_neighbors": 10},
    }
    adata.uns["louvain"] = {"params": {"random_state": 0, "resolution": 1.0}}
    for key in ("bulk_labels_colors", "louvain_colors", "pca"):
        adata.uns[key] = bundled.uns[key]
    sc.tl.leiden(adata, flavor="igraph", n_iterations=2, directed=False, random_state=0)
    source = [
        "bundled with Scanpy: scanpy.datasets.pbmc68k_reduced",
        "https://doi.org/10.1038/ncomms14049",
    ]
    adata.uns["dataset"] = record("pbmc68k_reduced", adata.obs.columns, source)
    return adata


def sorted_pbmc() -> AnnData:
    """Blood cells sorted by FACS before sequencing: labels that do not come from the matrix.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, 2,140 cells x 8,863 genes.
        ``obs['cell_type']`` : 9 sorted populations.
        ``uns['dataset']`` : provenance, see :func:`available`.

    Notes
    -----
    Each sort is its own library, so label and library cannot be told apart.

    References
    ----------
    Zheng et al., Massively parallel digital transcriptional profiling of single cells,
    Nature Communications 8, 14049 (2017).
    """
    import pandas as pd

    files = DATASETS["sorted_pbmc"].files
    counts_path, labels_path = (fetch("sorted_pbmc", file) for file in files)
    counts, cells, genes = dense_counts(read_r(counts_path)["referenceCounts"])
    labels = read_r(labels_path)["referenceAnnot"]
    obs = pd.DataFrame({"cell_type": categories(labels)}, index=cells)
    return assemble("sorted_pbmc", counts, obs, pd.DataFrame(index=genes), files=files)


def pbmc3k(*, prototype_labels: bool = False) -> AnnData:
    """The 2,700 blood cells of 10x, with the cell types of the Seurat tutorial.

    Parameters
    ----------
    prototype_labels
        Also fetch the nine Leiden clusters of an earlier prototype of this package, into
        ``obs['prototype_leiden']``: only for repeating its published numbers.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, 2,700 cells x 32,738 genes.
        ``obs['cell_type']`` : 9 types of 2,638 cells (clusters of this matrix, named by markers);
        missing for the cells that the tutorial filtered out.
        ``obs['seurat_clusters']`` : the clusters behind them.
        ``uns['dataset']`` : provenance, see :func:`available`.

    See Also
    --------
    scanpy.datasets.pbmc3k : the same counts, without labels.
    """
    import numpy as np
    import pandas as pd

    files = DATASETS["pbmc3k"].files[: 3 if prototype_labels else 2]
    paths = [fetch("pbmc3k", file) for file in files]
    counts, cells, genes = sparse_counts(read_r(paths[0])["pbmc3k"])
    meta = read_r(paths[1])["pbmc_meta"]
    barcodes = pd.Index(cells).str.removesuffix("-1")
    meta = meta.set_axis(meta.index.astype(str)).reindex(barcodes)
    obs = pd.DataFrame(
        {
            "cell_type": categories(meta["classified"]),
            "seurat_clusters": categories(meta["seurat_clusters"]),
        },
        index=cells,
    )
    if prototype_labels:
        obs["prototype_leiden"] = categories(np.load(paths[2], allow_pickle=False))
    return assemble("pbmc3k", counts, obs, pd.DataFrame(index=genes), files=files)


def pbmc_donor_a() -> AnnData:
    """Blood cells of one donor, without labels: for unsupervised work and pretraining.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, 2,896 cells x 13,939 genes.
        ``uns['dataset']`` : provenance, see :func:`available`.
    """
    import pandas as pd

    files = DATASETS["pbmc_donor_a"].files
    counts, cells, genes = sparse_counts(read_r(fetch("pbmc_donor_a", files[0]))["pbmcA"])
    obs, var = pd.DataFrame(index=cells), pd.DataFrame(index=genes)
    return assemble("pbmc_donor_a", counts, obs, var, files=files)
