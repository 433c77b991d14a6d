"""What every simulation shares: counts from log rates, and an AnnData with its planted truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._assemble import names, record

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData


def draw_counts(
    log_rates: np.ndarray, *, dispersion: float, depth_sd: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw Gamma-Poisson counts (cells x genes) with log-normal library sizes.

    ``dispersion`` is the shape of the Gamma factor of mean 1: the variance of a count of mean
    ``m`` is ``m + m**2 / dispersion``.
    """
    import numpy as np

    n_obs = len(log_rates)
    depth = np.exp(depth_sd * rng.standard_normal((n_obs, 1)))
    noise = rng.gamma(dispersion, 1 / dispersion, log_rates.shape)
    return rng.poisson(np.exp(log_rates) * depth * noise)


def with_truth(
    counts: np.ndarray,
    *,
    labels: dict[str, np.ndarray],
    var: pd.DataFrame,
    graph: np.ndarray,
    name: str,
) -> AnnData:
    """Return an AnnData of counts with planted labels (codes from 0) and graph (genes x genes)."""
    import anndata as ad
    import numpy as np
    import pandas as pd
    from scipy.sparse import csr_matrix

    obs = pd.DataFrame(
        {key: numbered(codes, "type") for key, codes in labels.items()},
        index=names("cell", len(counts)),
    )
    var = var.set_axis(names("gene", len(var)))
    adata = ad.AnnData(csr_matrix(counts.astype(np.float32)), obs=obs, var=var)
    adata.varp["planted_graph"] = csr_matrix(graph)
    adata.uns["dataset"] = record(name, labels, [f"scrna_longformer.datasets.{name}"])
    return adata


def numbered(codes: np.ndarray, prefix: str) -> pd.Categorical[str]:
    """Categories ``prefix_1``, ``prefix_2``, ... for codes from 0; missing where -1."""
    import pandas as pd

    levels = pd.Index(names(prefix, int(codes.max()) + 1))
    return pd.Categorical.from_codes(codes.tolist(), categories=levels)


def equal_classes(n_obs: int, n_types: int, rng: np.random.Generator) -> np.ndarray:
    """Codes of classes whose sizes differ by at most one cell, in random order."""
    import numpy as np

    return rng.permutation(np.arange(n_obs) % n_types)
