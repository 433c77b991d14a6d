from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

# One thread for each test worker, before any library counts the cores: small kernels of several
# workers that wait for each other's threads take many times as long. Tests of threading set more.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

mpl.use("Agg")  # no test may need a screen


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def no_progress_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the reports of failing tests readable."""
    monkeypatch.setattr("scrna_longformer.settings.progress_bar", False)


@pytest.fixture
def unchanged() -> Callable[[AnnData], AbstractContextManager[None]]:
    """``with unchanged(adata): ...`` fails where the block changed a bit of any slot."""

    @contextmanager
    def compare(adata: AnnData) -> Iterator[None]:
        before = fingerprint(adata)
        yield
        after = fingerprint(adata)
        for slot in before:
            assert after[slot] == before[slot], f"{slot} has changed"

    return compare


SLOTS = ("X", "layers", "obs", "var", "obsm", "varm", "obsp", "varp", "uns")


def fingerprint(value: Any) -> Any:
    """Turn any slot, or all of an AnnData, into nested values that are equal only bit by bit."""
    if isinstance(value, AnnData):
        slots = {name: fingerprint(getattr(value, name)) for name in SLOTS}
        raw = value.raw and (fingerprint(value.raw.X), fingerprint(value.raw.var))
        return slots | {"shape": value.shape, "is_view": value.is_view, "raw": raw}
    if isinstance(value, Mapping):
        return {key: fingerprint(value[key]) for key in value}
    if sp.issparse(value):
        parts = (value.data, value.indices, value.indptr)
        return (value.format, value.shape, *map(fingerprint, parts))
    if isinstance(value, pd.DataFrame):
        columns = [fingerprint(value.iloc[:, i]) for i in range(value.shape[1])]
        return (fingerprint(value.index), list(value.columns), columns)
    if isinstance(value, pd.Series | pd.Index):
        if isinstance(value.dtype, pd.CategoricalDtype):
            codes = value.cat.codes if isinstance(value, pd.Series) else value.codes
            return (fingerprint(np.asarray(codes)), list(value.dtype.categories))
        return (str(value.dtype), fingerprint(np.asarray(value)))
    if isinstance(value, np.ndarray):
        values = value.tolist() if value.dtype.hasobject else value.tobytes()
        return (str(value.dtype), value.shape, repr(values) if value.dtype.hasobject else values)
    return (type(value).__name__, repr(value))


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
