"""Cells whose types differ only in which pairs of partner genes keep their ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._random import generator
from ._planted import (
    check_cells_and_types,
    draw_counts,
    equal_classes,
    follow,
    numbered,
    rules_of_types,
    unit_graph,
    with_truth,
)

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData

_DEPTH_SD = 0.3
_BASE_LOG_MEAN, _BASE_LOG_SD = 2.5, 0.3


def simulate_ratios(
    n_obs: int = 1000,
    *,
    n_types: int = 4,
    n_pairs: int = 24,
    n_noise: int = 16,
    gene_effect: float = 1.2,
    kept: float = 0.99,
    loose: float = 0.1,
    flip_rate: float = 0.05,
    dispersion: float = 50.0,
    random_state: int = 0,
) -> AnnData:
    r"""Simulate cells whose types differ only in which pairs of partner genes keep their ratio.

    Partner genes, as the subunits of a complex, follow a common level that varies strongly between
    cells (this is what a gene graph sees). In half of the pairs of a type the ratio of the partners
    is kept from cell to cell; in the other half it strays, in either direction. The variance of
    every gene is the same in all types, so no single gene and no linear model can tell them apart.

    Parameters
    ----------
    n_obs
        Number of cells; types are of equal size.
    n_types
        Number of types.
    n_pairs
        Number of pairs of partner genes.
    n_noise
        Number of genes without a partner, which vary as much.
    gene_effect
        Standard deviation of a gene's log expression between cells.
    kept, loose
        Correlation of the log expression of partners where the ratio is kept, and where it strays.
    flip_rate
        Probability that a pair of a cell breaks the rule of its type.
    dispersion
        Shape of the Gamma-Poisson noise: the larger, the closer to Poisson.
    random_state
        Seed. Another seed gives other base levels and other rules, not only other cells: to have
        test cells of the same rules, simulate all cells at once and split them.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, ``n_obs`` x (``2 * n_pairs + n_noise``).
        ``obs['ratio_type']`` : the planted labels.
        ``var['pair']`` : which pair a gene is of, missing without a partner.
        ``varp['planted_graph']`` : CSR bool, symmetric, diagonal true: partners.
        ``uns['dataset']`` : provenance, ``params`` and ``signs`` (types x pairs, 1 where the ratio
        is kept and -1 where it strays).

    Raises
    ------
    ValueError
        If the sizes cannot hold what is planted, or if it is not ``-1 <= loose < kept <= 1``.

    Notes
    -----
    With common level :math:`c` and imbalance :math:`d`, independent and standard normal, the log
    expression of the partners goes with
    :math:`\sqrt{(1 + \rho)/2}\,c \pm \sqrt{(1 - \rho)/2}\,d`. Its variance is 1 for every
    correlation :math:`\rho`, which alone depends on the type; the log ratio of the partners has
    variance :math:`2 (1 - \rho)`.

    It shows a mechanism, not biology.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.simulate_ratios(200)
    >>> adata.shape, adata.obs["ratio_type"].nunique()
    ((200, 64), 4)
    """
    import numpy as np
    import pandas as pd

    _check(n_obs, n_types, n_pairs, kept, loose)
    pair = np.concatenate([np.repeat(np.arange(n_pairs), 2), np.full(n_noise, -1)])
    base, rules, effects, noise = (generator(random_state, stream) for stream in range(4))

    signs = rules_of_types(n_types, n_pairs, rules, each="n_pairs")
    codes = equal_classes(n_obs, n_types, rules)
    correlation = np.where(follow(signs, codes, flip_rate, rules) > 0, kept, loose)
    alone = effects.standard_normal((n_obs, n_noise))
    log_rates = base.normal(_BASE_LOG_MEAN, _BASE_LOG_SD, len(pair)) + gene_effect * np.hstack(
        [_partners(correlation, effects), alone]
    )

    adata = with_truth(
        draw_counts(log_rates, dispersion=dispersion, depth_sd=_DEPTH_SD, rng=noise),
        labels={"ratio_type": codes},
        var=pd.DataFrame({"pair": numbered(pair, "pair")}),
        graph=unit_graph(pair),
        name="simulate_ratios",
    )
    adata.uns["dataset"]["signs"] = signs
    adata.uns["dataset"]["params"] = {
        "gene_effect": gene_effect,
        "kept": kept,
        "loose": loose,
        "flip_rate": flip_rate,
        "dispersion": dispersion,
        "random_state": random_state,
    }
    return adata


def _check(n_obs: int, n_types: int, n_pairs: int, kept: float, loose: float) -> None:
    check_cells_and_types(n_obs, n_types)
    if n_pairs < 2:
        msg = f"`n_pairs`={n_pairs} must be at least 2."
        raise ValueError(msg)
    if not -1 <= loose < kept <= 1:
        msg = (
            f"`kept`={kept} and `loose`={loose} are correlations: it must be -1 <= `loose` < `kept` "
            "<= 1, so that the ratio of partners strays more where it is loose."
        )
        raise ValueError(msg)


def _partners(correlation: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Standard normal values of both partners of each pair, cells x (2 * pairs), side by side."""
    import numpy as np

    common, imbalance = rng.standard_normal((2, *correlation.shape))
    together = np.sqrt((1 + correlation) / 2) * common
    apart = np.sqrt((1 - correlation) / 2) * imbalance
    return np.stack([together + apart, together - apart], axis=-1).reshape(len(correlation), -1)
