"""Cells whose types differ in means, or only in how genes of a module go together."""

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
    import pandas as pd
    from anndata import AnnData

_KINDS = ("both", "interaction", "mean")
_MARKERS_PER_TYPE = 2
_DEPTH_SD = 0.3
_BASE_LOG_MEAN, _BASE_LOG_SD = 1.2, 0.5


def simulate_interactions(
    n_obs: int = 1000,
    *,
    kind: str = "both",
    n_types: int = 4,
    n_modules: int = 6,
    module_size: int = 8,
    n_noise: int = 16,
    shared_factor: bool = True,
    factor_effect: float = 0.5,
    sign_effect: float = 0.9,
    mean_effect: float = 1.0,
    flip_rate: float = 0.05,
    dispersion: float = 6.0,
    random_state: int = 0,
) -> AnnData:
    """Simulate cells whose types differ in mean expression, or only in gene co-ordination.

    Genes form modules. In each cell a factor raises or lowers a whole module (this is what a gene
    graph sees), and each half of the module is besides switched up or down at random. The
    interaction type fixes only whether the two halves agree or disagree: every single gene is
    distributed alike in all interaction types, so no linear model can tell them apart.

    Parameters
    ----------
    n_obs
        Number of cells; types are of equal size.
    kind
        Which differences are planted, and so which columns ``obs`` gets: ``'interaction'``,
        ``'mean'``, or ``'both'`` (two independent labels on the same cells).
    n_types
        Number of types of each label.
    n_modules, module_size
        Number of modules, and genes in each.
    n_noise
        Number of genes outside all modules. Where means are planted, two of them are markers of
        each mean type.
    shared_factor
        Whether the halves of a module share its factor. If not, each has its own: then halves that
        act together on the type are not co-expressed, and a graph of co-expression does not show it.
    factor_effect
        Effect of a module's factor on log expression (the factor has unit variance).
    sign_effect
        Effect of a half's switch on log expression.
    mean_effect
        How much a marker is raised in its mean type, in log expression.
    flip_rate
        Probability that a module of a cell breaks the rule of its interaction type.
    dispersion
        Shape of the Gamma-Poisson noise: the larger, the closer to Poisson.
    random_state
        Seed. Another seed gives other base levels and other rules, not only other cells: to have
        test cells of the same rules, simulate all cells at once and split them.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, ``n_obs`` x (``n_modules * module_size + n_noise``).
        ``obs['interaction_type']``, ``obs['mean_type']`` : the planted labels.
        ``var['module']``, ``var['half']`` : where a gene belongs, missing outside modules;
        ``var['marker_of']`` : the mean type that a gene marks, missing for others (not with
        ``kind='interaction'``).
        ``varp['planted_graph']`` : CSR bool, symmetric, diagonal true: genes of one module, which are
        those that act together on the type.
        ``uns['dataset']`` : provenance and ``params``; with interactions also ``signs``
        (types x modules, 1 where the halves agree and -1 where they disagree).

    Raises
    ------
    ValueError
        If ``kind`` is unknown or the sizes cannot hold what is planted.

    Notes
    -----
    It shows a mechanism, not biology: it was made so that products of genes within a module
    matter, which favours models that look at modules.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.simulate_interactions(200, kind="interaction")
    >>> adata.shape, adata.obs["interaction_type"].nunique()
    ((200, 64), 4)
    """
    import numpy as np

    _check(kind, n_obs, n_types, n_modules, module_size, n_noise)
    module, half = _places(n_modules, module_size, n_noise)
    marker_of = _markers(module, n_types) if kind != "interaction" else np.full(len(module), -1)
    base, rules, effects, means, noise = (generator(random_state, stream) for stream in range(5))
    labels, truth = {}, {}

    agree = rules.choice([-1, 1], (n_obs, n_modules))
    if kind != "mean":
        truth["signs"] = rules_of_types(n_types, n_modules, rules, each="n_modules")
        labels["interaction_type"] = codes = equal_classes(n_obs, n_types, rules)
        agree = follow(truth["signs"], codes, flip_rate, rules)
    log_rates = base.normal(_BASE_LOG_MEAN, _BASE_LOG_SD, len(module)) + _coordination(
        agree, module, half, factor_effect, sign_effect, effects, shared_factor=shared_factor
    )
    if kind != "interaction":
        labels["mean_type"] = codes = equal_classes(n_obs, n_types, means)
        log_rates += mean_effect * (codes[:, None] == marker_of)

    adata = with_truth(
        draw_counts(log_rates, dispersion=dispersion, depth_sd=_DEPTH_SD, rng=noise),
        labels=labels,
        var=_describe(module, half, marker_of),
        graph=unit_graph(module),
        name="simulate_interactions",
    )
    adata.uns["dataset"] |= truth
    adata.uns["dataset"]["params"] = {
        "kind": kind,
        "shared_factor": shared_factor,
        "factor_effect": factor_effect,
        "sign_effect": sign_effect,
        "mean_effect": mean_effect,
        "flip_rate": flip_rate,
        "dispersion": dispersion,
        "random_state": random_state,
    }
    return adata


def _check(
    kind: str, n_obs: int, n_types: int, n_modules: int, module_size: int, n_noise: int
) -> None:
    if kind not in _KINDS:
        msg = f"`kind` must be one of {_KINDS}, not {kind!r}."
        raise ValueError(msg)
    check_cells_and_types(n_obs, n_types)
    if n_modules < 2 or module_size < 2:
        msg = f"`n_modules`={n_modules} and `module_size`={module_size} must be at least 2."
        raise ValueError(msg)
    n_markers = 0 if kind == "interaction" else _MARKERS_PER_TYPE * n_types
    if n_noise < n_markers:
        msg = (
            f"`n_noise`={n_noise} is too few: {n_types} mean types take {n_markers} genes outside "
            "the modules as markers. Raise `n_noise`, or ask for `kind='interaction'`."
        )
        raise ValueError(msg)


def _places(n_modules: int, module_size: int, n_noise: int) -> tuple[np.ndarray, np.ndarray]:
    """Module of each gene and which half of it (0 or 1); -1 outside all modules."""
    import numpy as np

    outside = np.full(n_noise, -1)
    halves = (2 * np.arange(module_size)) // module_size
    return (
        np.concatenate([np.repeat(np.arange(n_modules), module_size), outside]),
        np.concatenate([np.tile(halves, n_modules), outside]),
    )


def _markers(module: np.ndarray, n_types: int) -> np.ndarray:
    """Mean type that each gene marks, among the genes outside modules; -1 for the others."""
    import numpy as np

    n_markers = _MARKERS_PER_TYPE * n_types
    marker_of = np.full(len(module), -1)
    marker_of[np.flatnonzero(module < 0)[:n_markers]] = np.arange(n_markers) % n_types
    return marker_of


def _coordination(
    agree: np.ndarray,
    module: np.ndarray,
    half: np.ndarray,
    factor_effect: float,
    sign_effect: float,
    rng: np.random.Generator,
    *,
    shared_factor: bool,
) -> np.ndarray:
    """Log effects (cells x genes) of a factor per module or half and of a random switch per half.

    The first half's switch is a fair coin in every cell, and so is the second's, whatever
    ``agree`` says: only the two together know the type.
    """
    import numpy as np

    factor = rng.standard_normal(agree.shape)
    switch = rng.choice([-1, 1], agree.shape)
    halves = sign_effect * np.stack([switch, switch * agree], axis=-1)
    second = factor if shared_factor else rng.standard_normal(agree.shape)
    halves += factor_effect * np.stack([factor, second], axis=-1)
    effect = halves[:, module, half]
    return np.where(module >= 0, effect, 0.0)


def _describe(module: np.ndarray, half: np.ndarray, marker_of: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    columns = {"module": numbered(module, "module"), "half": numbered(half, "half")}
    if marker_of.max() >= 0:
        columns["marker_of"] = numbered(marker_of, "type")
    return pd.DataFrame(columns)
