"""Lung cancer cell lines and mixtures of their RNA (Tian et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._assemble import assemble, categories
from ._fetch import fetch
from ._readers import dense_counts, read_r

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

_PLATES = tuple(f"celseq2_5cl_p{plate}" for plate in (1, 2, 3))
_MIXTURES = ("RNAmix_celseq2", "RNAmix_sortseq")
PROTOCOLS = ("celseq2", "dropseq", "10x", *_PLATES, *_MIXTURES)
_LINES = ("H2228", "H1975", "HCC827")


def sc_mixology(protocol: str = "celseq2") -> AnnData:
    """Cell lines told apart by genotype, or mixtures of their RNA in known proportions.

    Parameters
    ----------
    protocol
        ``'celseq2'``, ``'dropseq'`` or ``'10x'``: single cells of three lines (``'10x'`` was cut
        to 894 genes by others).
        ``'celseq2_5cl_p1'``, ``'..._p2'``, ``'..._p3'``: three plates of five lines.
        ``'RNAmix_celseq2'``, ``'RNAmix_sortseq'``: RNA of three lines mixed in seven designed
        proportions and four amounts.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts; genes are Ensembl identifiers.
        ``obs['cell_line']`` : line by genotype, missing for doublets, with
        ``obs['demuxlet_cls']``; or, for RNAmix, ``obs['mixture']`` (7 designed mixtures),
        ``obs['H2228_prop']``, ``obs['H1975_prop']``, ``obs['HCC827_prop']`` and
        ``obs['mRNA_amount']`` (picograms).
        ``uns['dataset']`` : provenance, see :func:`available`, with the protocol.

    Raises
    ------
    ValueError
        If the protocol is unknown.

    References
    ----------
    Tian et al., Benchmarking single cell RNA-sequencing analysis pipelines using mixture control
    experiments, Nature Methods 16, 479-487 (2019).
    """
    if protocol not in PROTOCOLS:
        msg = f"`protocol` must be one of {PROTOCOLS}, not {protocol!r}."
        raise ValueError(msg)
    adata = _droplets() if protocol == "10x" else _plates(protocol)
    adata.uns["dataset"]["protocol"] = protocol
    return adata


def _droplets() -> AnnData:
    import pandas as pd

    file = "sc_mixology/cellbench.rda"
    experiment = read_r(fetch("sc_mixology", file))["cellbench"]
    counts, _, genes = dense_counts(experiment.assays.data.listData["counts"])
    cells = experiment.colData.rownames.astype(str)
    obs = pd.DataFrame(_genotypes(experiment.colData.listData), index=cells)
    return assemble("sc_mixology", counts, obs, pd.DataFrame(index=genes), files=[file])


def _plates(protocol: str) -> AnnData:
    import numpy as np
    import pandas as pd
    from scipy.sparse import csr_matrix

    stem = protocol if protocol in _MIXTURES else f"sc_{protocol}"
    files = [f"sc_mixology/{stem}.{part}.csv.gz" for part in ("count", "metadata")]
    table, meta = (pd.read_csv(fetch("sc_mixology", file), index_col=0) for file in files)
    columns = _design(meta) if protocol in _MIXTURES else _genotypes(meta)
    obs = pd.DataFrame(columns, index=meta.index.astype(str)).loc[table.columns]
    counts = csr_matrix(table.to_numpy(np.float32).T)
    var = pd.DataFrame(index=table.index.astype(str).rename(None))
    return assemble("sc_mixology", counts, obs.rename_axis(None), var, files=files)


def _genotypes(meta: Any) -> dict[str, Any]:
    import numpy as np

    line, droplet = (
        np.asarray(meta[c]).astype(str) for c in ("cell_line_demuxlet", "demuxlet_cls")
    )
    return {
        "cell_line": categories(np.where(droplet == "SNG", line, "doublet"), missing=("doublet",)),
        "demuxlet_cls": categories(droplet),
    }


def _design(meta: pd.DataFrame) -> dict[str, Any]:
    proportions = {line: meta[f"{line}_prop"].to_numpy() for line in _LINES}
    # wells 1 and 2 of the file's column mix hold the same mixture
    mixture = [
        "/".join(f"{share:g} {line}" for line, share in zip(_LINES, shares, strict=True) if share)
        for shares in zip(*proportions.values(), strict=True)
    ]
    return {
        "mixture": categories(mixture),
        **{f"{line}_prop": share for line, share in proportions.items()},
        "mRNA_amount": meta["mRNA_amount"].to_numpy(float),
    }
