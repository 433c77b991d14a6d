"""Put arrays and provenance together into an AnnData, alike for every data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._fetch import shelf
from ._registry import DATASETS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from anndata import AnnData
    from scipy.sparse import csr_matrix


def assemble(
    name: str, counts: csr_matrix, obs: pd.DataFrame, var: pd.DataFrame, *, files: Iterable[str]
) -> AnnData:
    """Return an AnnData of raw counts with unique gene names and its provenance in ``uns``."""
    import anndata as ad

    counts.sort_indices()
    var.index = ad.utils.make_index_unique(var.index) if not var.index.is_unique else var.index
    adata = ad.AnnData(counts, obs=obs, var=var)
    addresses = shelf()
    adata.uns["dataset"] = record(name, adata.obs.columns, [addresses.get_url(f) for f in files])
    return adata


def record(name: str, columns: Iterable[str], source: list[str]) -> dict[str, Any]:
    """Return the ``uns['dataset']`` of a data set, with the labels that are in ``columns``."""
    import numpy as np

    about = DATASETS[name]
    columns = set(columns)
    labels = [label for label in about.labels if label.column in columns]
    return {
        "name": name,
        "title": about.title,
        "organism": about.organism,
        "values": about.values,
        "source": np.array(source, dtype=str),
        "licence": about.licence,
        "label_columns": np.array([label.column for label in labels], dtype=str),
        "label_kinds": np.array([label.kind for label in labels], dtype=str),
        "label_origins": np.array([label.origin for label in labels], dtype=str),
        "note": about.note,
    }


def categories(values: Any, *, missing: tuple[str, ...] = ()) -> pd.Categorical[str]:
    """Turn labels into categories in natural order (2 before 10), with ``missing`` ones as NaN."""
    import numpy as np
    import pandas as pd

    known = pd.Series(np.asarray(values, dtype=object))
    text = known.astype(str)
    absent = (known.isna() | text.isin(missing)).to_numpy()
    levels = sorted(set(text[~absent]), key=_natural)
    return pd.Categorical(text.where(~absent), categories=levels)


def _natural(label: str) -> list[tuple[int, int, str]]:
    import re

    parts = re.split(r"(\d+)", label)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def names(prefix: str, n: int) -> list[str]:
    """Names for cells or genes whose file has none: ``gene_1``, ``gene_2``, ..."""
    return [f"{prefix}_{i}" for i in range(1, n + 1)]
