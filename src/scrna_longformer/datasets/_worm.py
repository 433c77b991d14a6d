"""Neurons of C. elegans: larvae (Cao et al. 2017) and embryos (Packer et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._assemble import assemble, categories
from ._fetch import fetch
from ._readers import read_r, sparse_counts
from ._registry import DATASETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData


def worm_l2() -> AnnData:
    """Neurons of C. elegans larvae, very sparse, 7 named types.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, 5,340 cells x 5,000 genes.
        ``obs['cell_type']`` : 7 types; missing for the 2,639 cells that the study left as
        "Unclassified neurons".
        ``obs['cluster']``, ``obs['plate']`` : of the study.
        ``var['gene_ids']`` : WormBase identifiers.
        ``uns['dataset']`` : provenance, see :func:`available`.

    References
    ----------
    Cao et al., Comprehensive single-cell transcriptional profiling of a multicellular organism,
    Science 357, 661-667 (2017).
    """

    def obs(columns: dict[str, Any]) -> dict[str, Any]:
        return {
            "cell_type": categories(columns["cao_cell_type"], missing=("Unclassified neurons",)),
            "cluster": categories(columns["cao_cluster"]),
            "plate": categories(columns["plate"]),
        }

    return _load("worm_l2", obs)


def worm_embryo() -> AnnData:
    """Ciliated neurons of C. elegans embryos, with times and lineage.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, 1,805 cells x 10,000 genes.
        ``obs['cell_type']`` : 9 types and progenitors (clusters, named).
        ``obs['time_point']`` : harvest at 300, 400 or 500 minutes; missing for the batches of
        mixed ages. ``obs['embryo_time']`` : minutes, estimated from expression.
        ``obs['lineage']``, ``obs['batch']`` : of the study.
        ``var['gene_ids']`` : WormBase identifiers.
        ``uns['dataset']`` : provenance, see :func:`available`.

    References
    ----------
    Packer et al., A lineage-resolved molecular atlas of C. elegans embryogenesis at single-cell
    resolution, Science 365, eaax1971 (2019).
    """

    def obs(columns: dict[str, Any]) -> dict[str, Any]:
        return {
            "cell_type": categories(columns["cell.type"]),
            "time_point": categories(columns["time.point"], missing=("mixed",)),
            "batch": categories(columns["batch"]),
            "lineage": categories(columns["lineage"]),
            "embryo_time": columns["embryo.time"],
        }

    return _load("worm_embryo", obs)


def _load(name: str, obs: Callable[[dict[str, Any]], dict[str, Any]]) -> AnnData:
    import pandas as pd

    files = DATASETS[name].files
    matrix, cell_data, gene_data = (read_r(fetch(name, file)) for file in files)
    counts, cells, gene_ids = sparse_counts(matrix)
    symbols = pd.Index(gene_data.listData["gene_short_name"]).astype(str)
    var = pd.DataFrame({"gene_ids": gene_ids}, index=symbols)
    return assemble(
        name, counts, pd.DataFrame(obs(cell_data.listData), index=cells), var, files=files
    )
