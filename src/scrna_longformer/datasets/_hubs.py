"""Cells whose types differ only in how the state of a hub gene steers the genes of its module."""

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

_DEPTH_SD = 0.3
_BASE_LOG_MEAN, _BASE_LOG_SD = 1.2, 0.5
_HUB_LOG_MEAN = 2.5  # a state must be readable from one gene


def simulate_hubs(
    n_obs: int = 1000,
    *,
    n_types: int = 4,
    n_modules: int = 6,
    n_targets: int = 8,
    n_noise: int = 10,
    factor_effect: float = 0.8,
    state_effect: float = 0.9,
    flip_rate: float = 0.05,
    dispersion: float = 6.0,
    random_state: int = 0,
) -> AnnData:
    """Simulate cells whose types differ only in how a hub gene's state steers its module.

    A module is a hub gene and its targets, half of them of one kind and half of the other. In each
    cell a factor raises or lowers the whole module, hub included (this is what a gene graph sees).
    The hub is besides in one of two states, high or low, at random, and one kind of targets is
    raised while the other is lowered. *Which* is raised at which state of the hub is all that the
    type fixes: hub and targets are distributed alike in all types, alone and targets among
    themselves. Only both together tell the type.

    Parameters
    ----------
    n_obs
        Number of cells; types are of equal size.
    n_types
        Number of types.
    n_modules
        Number of modules, each with one hub.
    n_targets
        Number of targets of each hub.
    n_noise
        Number of genes outside all modules.
    factor_effect
        Effect of a module's factor on log expression (the factor has unit variance).
    state_effect
        Effect on log expression of the hub's state, and of being the raised or lowered kind.
    flip_rate
        Probability that a module of a cell breaks the rule of its type.
    dispersion
        Shape of the Gamma-Poisson noise: the larger, the closer to Poisson.
    random_state
        Seed. Another seed gives other base levels and other rules, not only other cells: to have
        test cells of the same rules, simulate all cells at once and split them.

    Returns
    -------
    AnnData
        ``X`` : CSR float32 counts, ``n_obs`` x (``n_modules * (1 + n_targets) + n_noise``).
        ``obs['hub_type']`` : the planted labels.
        ``var['module']`` : where a gene belongs, missing outside modules; ``var['role']`` :
        ``'hub'``, ``'first'`` or ``'second'`` kind of targets, missing outside modules.
        ``varp['planted_graph']`` : CSR bool, symmetric, diagonal true: a hub and its targets.
        ``uns['dataset']`` : provenance, ``params`` and ``signs`` (types x modules: 1 where a high
        hub raises the first kind of targets, -1 where it raises the second).

    Raises
    ------
    ValueError
        If the sizes cannot hold what is planted.

    Notes
    -----
    It shows a mechanism, not biology. A module has one hub, seen through the noise of one gene,
    whose base level is higher than that of other genes: unlike in
    :func:`~scrna_longformer.datasets.simulate_interactions`, averaging over a module does not help
    to know one of the two things that must be known, and the direction that tells the type has
    little of the variance.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.simulate_hubs(200)
    >>> adata.shape, adata.obs["hub_type"].nunique()
    ((200, 64), 4)
    """
    import numpy as np

    _check(n_obs, n_types, n_modules, n_targets)
    module, role = _places(n_modules, n_targets, n_noise)
    base, rules, effects, noise = (generator(random_state, stream) for stream in range(4))

    signs = rules_of_types(n_types, n_modules, rules, each="n_modules")
    codes = equal_classes(n_obs, n_types, rules)
    obeyed = follow(signs, codes, flip_rate, rules)
    level = np.where(role == 0, _HUB_LOG_MEAN, _BASE_LOG_MEAN)
    log_rates = base.normal(level, _BASE_LOG_SD) + _steering(
        obeyed, module, role, factor_effect, state_effect, effects
    )

    adata = with_truth(
        draw_counts(log_rates, dispersion=dispersion, depth_sd=_DEPTH_SD, rng=noise),
        labels={"hub_type": codes},
        var=_describe(module, role),
        graph=_star(module, role),
        name="simulate_hubs",
    )
    adata.uns["dataset"]["signs"] = signs
    adata.uns["dataset"]["params"] = {
        "factor_effect": factor_effect,
        "state_effect": state_effect,
        "flip_rate": flip_rate,
        "dispersion": dispersion,
        "random_state": random_state,
    }
    return adata


def _check(n_obs: int, n_types: int, n_modules: int, n_targets: int) -> None:
    check_cells_and_types(n_obs, n_types)
    if n_modules < 2 or n_targets < 2:
        msg = f"`n_modules`={n_modules} and `n_targets`={n_targets} must be at least 2."
        raise ValueError(msg)


def _places(n_modules: int, n_targets: int, n_noise: int) -> tuple[np.ndarray, np.ndarray]:
    """Module of each gene, and its role: 0 the hub, 1 and 2 the kinds of targets; -1 outside."""
    import numpy as np

    outside = np.full(n_noise, -1)
    roles = np.concatenate([[0], 1 + (2 * np.arange(n_targets)) // n_targets])
    return (
        np.concatenate([np.repeat(np.arange(n_modules), len(roles)), outside]),
        np.concatenate([np.tile(roles, n_modules), outside]),
    )


def _steering(
    obeyed: np.ndarray,
    module: np.ndarray,
    role: np.ndarray,
    factor_effect: float,
    state_effect: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Log effects (cells x genes) of a factor per module, of hub states and of what they steer.

    The state of the hub is a fair coin in every cell, and so is which kind of targets is raised,
    whatever ``obeyed`` says: only both together know the type.
    """
    import numpy as np

    factor = rng.standard_normal(obeyed.shape)
    state = rng.choice([-1, 1], obeyed.shape)
    raised = state * obeyed
    parts = np.stack([state, raised, -raised], axis=-1)
    effect = factor_effect * factor[:, module] + state_effect * parts[:, module, role]
    return np.where(module >= 0, effect, 0.0)


def _star(module: np.ndarray, role: np.ndarray) -> np.ndarray:
    """Links between hubs and their targets, and of each gene with itself."""
    import numpy as np

    is_hub = role == 0
    one_is_hub = is_hub[:, None] | is_hub
    return (unit_graph(module) & one_is_hub) | np.eye(len(module), dtype=bool)


def _describe(module: np.ndarray, role: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    roles = pd.Categorical.from_codes(
        role.tolist(), categories=pd.Index(["hub", "first", "second"])
    )
    return pd.DataFrame({"module": numbered(module, "module"), "role": roles})
