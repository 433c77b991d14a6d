"""Sets whose files hold counts and numbered clusters, but no names of genes or cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._assemble import assemble, categories, names
from ._fetch import fetch
from ._readers import read_hdf5
from ._registry import DATASETS

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData

_N_PROTEIN_CLUSTERS = 12


def pbmc4k() -> AnnData:
    """4,271 blood cells with 2,000 unnamed genes and 8 numbered clusters.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, 4,271 cells x 2,000 genes (named ``gene_1``, ...).
        ``obs['cluster']`` : 8 clusters of expression.
        ``uns['dataset']`` : provenance, see :func:`available`.
    """
    return _load("pbmc4k", DATASETS["pbmc4k"].files[0])


def mouse_bladder(*, top_genes: bool = False) -> AnnData:
    """Mouse bladder cells with unnamed genes and 16 numbered clusters.

    Parameters
    ----------
    top_genes
        If true, all 2,746 cells with the 2,003 genes that others selected on all cells; if
        false, 2,100 cells with all 20,670 genes.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts (genes named ``gene_1``, ...).
        ``obs['cluster']`` : 16 clusters of expression.
        ``uns['dataset']`` : provenance, see :func:`available`.
    """
    return _load("mouse_bladder", DATASETS["mouse_bladder"].files[int(top_genes)])


def cbmc_citeseq() -> AnnData:
    """Cord blood cells with RNA and 10 proteins of the same cells, all unnamed.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, 8,617 cells x 2,000 genes (named ``gene_1``, ...).
        ``obsm['protein']`` : float32, 8,617 x 10, normalised and signed, not counts.
        ``obs['protein_cluster']`` : 12 clusters of the proteins (seeded k-means, ``1`` the
        largest): classes that do not come from the RNA.
        ``obs['cluster']`` : 15 clusters of the RNA.
        ``uns['dataset']`` : provenance, see :func:`available`.

    References
    ----------
    Stoeckius et al., Simultaneous epitope and transcriptome measurement in single cells,
    Nature Methods 14, 865-868 (2017): the likely source, which the file does not state.
    """
    return _load("cbmc_citeseq", DATASETS["cbmc_citeseq"].files[0])


def _load(name: str, file: str) -> AnnData:
    import pandas as pd

    counts, clusters, proteins = read_hdf5(fetch(name, file))
    n_cells, n_genes = counts.shape
    obs = pd.DataFrame({"cluster": categories(clusters)}, index=names("cell", n_cells))
    if proteins is not None:
        obs["protein_cluster"] = categories(_protein_clusters(proteins))
    var = pd.DataFrame(index=names("gene", n_genes))
    adata = assemble(name, counts, obs, var, files=[file])
    if proteins is not None:
        adata.obsm["protein"] = proteins
    return adata


def _protein_clusters(proteins: np.ndarray) -> np.ndarray:
    """Cluster cells by protein; clusters are numbered from 1 by falling size."""
    import numpy as np
    from sklearn.cluster import KMeans

    found = KMeans(_N_PROTEIN_CLUSTERS, n_init=10, random_state=0).fit_predict(proteins)
    by_size = np.argsort(-np.bincount(found), kind="stable")
    return 1 + np.argsort(by_size)[found]
