"""Blood cells with and without interferon beta (Kang et al. 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._assemble import assemble, categories
from ._fetch import fetch
from ._readers import dense_counts, read_r, sparse_counts
from ._registry import DATASETS

if TYPE_CHECKING:
    from anndata import AnnData


def kang_labelled() -> AnnData:
    """Blood cells of two donors, stimulated or not: for splits that hold a donor out.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, 1,556 cells x 1,267 genes.
        ``obs['cell_type']`` : 5 types (clusters of expression, named).
        ``obs['condition']`` : ``ctrl`` or ``stim``; ``obs['donor']`` : ``101`` or ``107``;
        ``obs['sample_id']`` : both together. ``var['name_in_file']`` : gene names before
        identifiers were cut off.
        ``uns['dataset']`` : provenance, see :func:`available`.

    References
    ----------
    Kang et al., Multiplexed droplet single-cell RNA-sequencing using natural genetic variation,
    Nature Biotechnology 36, 89-94 (2018).
    """
    import pandas as pd

    files = DATASETS["kang_labelled"].files
    experiment = read_r(fetch("kang_labelled", files[0]))["example_sce"]
    counts, cells, genes = sparse_counts(experiment.assays.data.listData["counts"])
    columns = experiment.colData.listData
    sample = pd.Series(columns["sample_id"]).astype(str)
    obs = pd.DataFrame(
        {
            "cell_type": categories(columns["cluster_id"]),
            "condition": categories(columns["group_id"]),
            "donor": categories(sample.str.slice(-3)),
            "sample_id": categories(sample),
        },
        index=cells,
    )
    # some names of the file carry an identifier: HLA-DRA_ENSG00000204287
    symbols = pd.Index(genes).str.replace(r"_ENSG\d+$", "", regex=True)
    var = pd.DataFrame({"name_in_file": genes}, index=symbols)
    return assemble("kang_labelled", counts, obs, var, files=files)


def kang_types() -> AnnData:
    """Blood cells, stimulated or not, with all genes and 13 types.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, 2,800 cells x 14,053 genes.
        ``obs['cell_type']`` : 13 types (clusters of expression, named).
        ``obs['condition']`` : ``ctrl`` or ``stim``, as in :func:`kang_labelled`.
        ``uns['dataset']`` : provenance, see :func:`available`.

    References
    ----------
    Kang et al., Multiplexed droplet single-cell RNA-sequencing using natural genetic variation,
    Nature Biotechnology 36, 89-94 (2018).
    """
    import pandas as pd

    files = DATASETS["kang_types"].files
    content = read_r(fetch("kang_types", files[0]))["ifnb_2800"]
    counts, cells, genes = dense_counts(content["expr"])
    meta = content["meta"].set_axis(content["meta"].index.astype(str)).loc[cells]
    obs = pd.DataFrame(
        {
            "cell_type": categories(meta["cell_type"]),
            "condition": categories(meta["sample"].astype(str).str.lower()),
        },
        index=cells,
    )
    return assemble("kang_types", counts, obs, pd.DataFrame(index=genes), files=files)
