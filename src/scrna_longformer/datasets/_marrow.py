"""Mouse bone marrow (Paul et al. 2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._assemble import assemble, categories
from ._fetch import fetch
from ._registry import DATASETS

if TYPE_CHECKING:
    from anndata import AnnData


def paul15() -> AnnData:
    """Myeloid progenitors of mouse bone marrow in 19 clusters.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, 2,730 cells x 3,451 genes.
        ``obs['paul15_clusters']`` : 19 clusters of this matrix; the names of 13 to 17 do not
        match markers, the numbers do no harm.
        ``uns['iroot']`` : index of the usual root cell.
        ``uns['dataset']`` : provenance, see :func:`available`.

    See Also
    --------
    scanpy.datasets.paul15 : the same cells from another host.

    References
    ----------
    Paul et al., Transcriptional heterogeneity and lineage commitment in myeloid progenitors,
    Cell 163, 1663-1677 (2015).
    """
    import h5py
    import numpy as np
    import pandas as pd
    from scipy.sparse import csr_matrix

    files = DATASETS["paul15"].files
    # an h5ad of anndata < 0.7 (compound tables), which today's reader no longer takes
    with h5py.File(fetch("paul15", files[0])) as file:
        counts = csr_matrix(file["X"][:].astype(np.float32))
        cells = file["obs"][:]
        genes = file["var"][:]["index"].astype(str)
        clusters = file["uns/paul15_clusters_categories"][:].astype(str)
        root = int(file["uns/iroot"][0])
    labels = categories(clusters[cells["paul15_clusters"]])
    obs = pd.DataFrame({"paul15_clusters": labels}, index=cells["index"].astype(str))
    adata = assemble("paul15", counts, obs, pd.DataFrame(index=genes), files=files)
    adata.uns["iroot"] = root
    return adata
