"""Print what each data set holds, as loaded: the tables of ``docs/concepts/datasets.md``.

Usage: ``python benchmarks/datasets_table.py [--write docs/concepts/datasets.md]``. The second form
puts the tables between the two comments of that page.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import scrna_longformer as sl
from scrna_longformer.datasets._mixology import PROTOCOLS
from scrna_longformer.datasets._registry import DATASETS

if TYPE_CHECKING:
    from anndata import AnnData

BEGIN, END = "<!-- begin: datasets_table.py -->", "<!-- end: datasets_table.py -->"


def calls() -> dict[str, partial[AnnData]]:
    """Every data set, with the arguments that change what it is."""
    variants = {
        "mouse_bladder": [{}, {"top_genes": True}],
        "sc_mixology": [{"protocol": protocol} for protocol in PROTOCOLS],
    }
    found = {}
    for name in sl.datasets.available()["name"]:
        for arguments in variants.get(name, [{}]):
            text = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
            found[f"{name}({text})"] = partial(getattr(sl.datasets, name), **arguments)
    return found


def shape_row(call: str, adata: AnnData) -> dict[str, str]:
    """One row of the table of shapes."""
    record = adata.uns["dataset"]
    totals = np.asarray(adata.X.sum(axis=1)).ravel()
    return {
        "set": f"`{call}`",
        "cells × genes": f"{adata.n_obs:,} × {adata.n_vars:,}",
        "X": record["values"],
        "non-zero": f"{adata.X.nnz / np.prod(adata.shape):.1%}",
        "median total": f"{np.median(totals):,.0f}",
        "organism": record["organism"],
    }


def label_rows(call: str, adata: AnnData) -> list[dict[str, str]]:
    """One row per label column."""
    record = adata.uns["dataset"]
    columns = zip(record["label_columns"], record["label_kinds"], strict=True)
    return [
        {"set": f"`{call}`", "label": f"`{name}`", "kind": kind, **_sizes(adata.obs[name])}
        for name, kind in columns
    ]


def _sizes(labels: pd.Series) -> dict[str, str]:
    if not isinstance(labels.dtype, pd.CategoricalDtype):
        spread = f"{labels.min():g} to {labels.max():g}"
        return {"classes": "numbers", "sizes": spread, "missing": str(labels.isna().sum())}
    sizes = labels.value_counts()
    return {
        "classes": str(len(sizes)),
        "sizes": f"{sizes.min():,} to {sizes.max():,}",
        "missing": f"{labels.isna().sum():,}",
    }


def markdown(rows: list[dict[str, str]]) -> str:
    """Lay rows out as a Markdown table."""
    header = list(rows[0])
    lines = [header, ["---"] * len(header), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def provenance() -> str:
    """What is known of each set, in words."""
    paragraphs = []
    for name, about in DATASETS.items():
        labels = [f"- `{label.column}`: {label.origin}" for label in about.labels]
        paragraphs.append(
            "\n".join(
                [
                    f"### {{func}}`~scrna_longformer.datasets.{name}`",
                    "",
                    f"{about.title}. {about.note}",
                    "",
                    *(labels or ["- no labels"]),
                    f"- licence: {about.licence}",
                ]
            )
        )
    return "\n\n".join(paragraphs)


def tables() -> str:
    """Load every set and describe it."""
    shapes, labels = [], []
    for call, load in calls().items():
        adata = load()
        shapes.append(shape_row(call, adata))
        labels.extend(label_rows(call, adata))
    return "\n\n".join(
        [
            "## Size",
            markdown(shapes),
            "## Labels",
            markdown(labels),
            "## What is known of each set, and what it cannot show",
            provenance(),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    page = parser.parse_args().write
    text = tables()
    print(text)
    if page is not None:
        before, rest = page.read_text().split(BEGIN)
        after = rest.split(END)[1]
        page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    main()
