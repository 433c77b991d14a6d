"""What every simulation shares: rules of types, counts, and an AnnData with its planted truth."""

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


def rules_of_types(
    n_types: int, n_units: int, rng: np.random.Generator, *, each: str
) -> np.ndarray:
    """Draw what each type prescribes for each unit (a module, a pair): 1 or -1, types x units.

    Every type has equally many of both, so that library totals do not tell types apart; of many
    random tables we keep one whose two most similar types differ in the most units and whose units
    are split most evenly between types. ``each`` names the argument that sets the number of units.
    """
    import numpy as np

    row = np.where(np.arange(n_units) < n_units // 2, -1, 1)
    tables = rng.permuted(np.tile(row, (2000, n_types, 1)), axis=-1)
    differing = (n_units - tables @ tables.swapaxes(1, 2)) // 2
    closest = np.where(np.eye(n_types, dtype=bool), n_units, differing).min(axis=(1, 2))
    uneven = np.abs(tables.sum(axis=1)).max(axis=1)
    best = np.lexsort((uneven, -closest))[0]
    if closest[best] == 0:
        msg = f"`{each}`={n_units} are too few to give each of `n_types`={n_types} its rule."
        raise ValueError(msg)
    return tables[best]


def follow(
    rules: np.ndarray, codes: np.ndarray, flip_rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the rules of the cells' types (cells x units), each broken with a small probability."""
    import numpy as np

    prescribed = rules[codes]
    return prescribed * np.where(rng.random(prescribed.shape) < flip_rate, -1, 1)


def unit_graph(unit: np.ndarray) -> np.ndarray:
    """Genes of one unit (code from 0, -1 for none) are linked, and each gene with itself."""
    import numpy as np

    return (unit[:, None] == unit) & (unit >= 0) | np.eye(len(unit), dtype=bool)


def check_cells_and_types(n_obs: int, n_types: int) -> None:
    """Raise if there cannot be a cell of each of at least two types."""
    if n_types < 2 or n_obs < n_types:
        msg = f"`n_obs`={n_obs} and `n_types`={n_types}: at least 2 types and a cell of each."
        raise ValueError(msg)
