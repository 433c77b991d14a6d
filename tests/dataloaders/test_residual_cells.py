from __future__ import annotations

import numpy as np

from scrna_longformer.dataloaders._residual_cells import ResidualCells


def test_absent_tokens_have_the_value_given_for_them(rng: np.random.Generator) -> None:
    X = np.log1p(rng.poisson(3.0, (5, 4)) + 1.0)
    share = np.full(4, 0.25)
    columns = np.array([0, -1, 2, 3])
    fill = np.array([9.0, 0.5, 9.0, 9.0], dtype=np.float32)
    found = ResidualCells(X, columns, np.arange(4), share, fill).rows(np.arange(5))
    assert (found[:, 1] == 0.5).all()
    assert not (found[:, [0, 2, 3]] == 9.0).any()
