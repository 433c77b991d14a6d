"""Random generators: one integer at the surface, independent streams inside."""

from __future__ import annotations

import numpy as np


def generator(random_state: int, *key: int) -> np.random.Generator:
    """Return the generator of the stream named by ``key`` under ``random_state``.

    The same state and key give the same stream whatever was drawn elsewhere, so folds, workers and
    steps can be computed in any order.

    Examples
    --------
    >>> a, b = generator(0, 3), generator(0, 3)
    >>> bool(a.random() == b.random())
    True
    """
    return np.random.default_rng(np.random.SeedSequence(random_state, spawn_key=key))


def seed(random_state: int, *key: int) -> int:
    """Return a 63-bit integer seed for libraries that want one (torch, scikit-learn takes 32 bits)."""
    return int(generator(random_state, *key).integers(2**63 - 1))
