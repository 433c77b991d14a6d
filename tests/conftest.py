from __future__ import annotations

import os
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")  # no test may need a screen


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked ``data`` where the real data sets are not at hand, saying why."""
    folder = os.environ.get("SCRNA_LONGFORMER_DATA")
    if folder and Path(folder).is_dir():
        return
    reason = (
        "set SCRNA_LONGFORMER_DATA to the folder of the real data sets to run this test"
        if not folder
        else f"SCRNA_LONGFORMER_DATA={folder!r} is not a folder"
    )
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason=reason))
