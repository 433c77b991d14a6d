"""What a contest leaves behind, as tidy tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...evaluation import (
    calibration_error_by_luck,
    fold_table,
    pairwise_table,
    run_table,
    summary_table,
)
from ._plan import HYBRID, PURE, RIVALS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ...evaluation import FoldResult
    from ._sets import Arena

FOLDS, SCORES, DIFFERENCES = "folds", "scores", "differences"
_RUN = ["model", "repeat", "fold", "seed"]


def tables_of(arena: Arena, results: Sequence[FoldResult]) -> dict[str, pd.DataFrame]:
    """Folds, mean scores with intervals, and the transformers against each rival.

    Intervals count test cells, also where groups are held out: two donors or three protocols are
    no sample of donors or protocols, and nothing is claimed beyond the cells of those that are here.
    """
    codes = arena.inputs.codes
    tables = {
        FOLDS: _folds(results),
        SCORES: summary_table(results, codes),
        DIFFERENCES: _differences(results, arena),
    }
    for name, table in tables.items():
        tables[name] = table.astype(dict.fromkeys(table.select_dtypes("category"), str))
        tables[name].insert(0, "set", arena.contest.name)
        tables[name].insert(1, "regime", arena.contest.regime)
    return tables


def stack(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put tables with the same columns under each other; columns without a value keep their type."""
    tables = list(tables)
    return pd.DataFrame(
        {name: np.concatenate([table[name].to_numpy() for table in tables]) for name in tables[0]}
    )


def _folds(results: Sequence[FoldResult]) -> pd.DataFrame:
    """One row per contestant, fold and metric, with the size of the fold.

    The gate is a metric, and so is the calibration error to be expected of luck alone.
    """
    runs = run_table(results)[[*_RUN, "group", "n_train", "n_test", "gate"]]
    gates = runs[[*_RUN, "gate"]].rename(columns={"gate": "value"}).dropna()
    luck = pd.DataFrame(
        [
            [*result.key, "ece_by_luck", calibration_error_by_luck(result.proba)]
            for result in results
            if len(result.proba)
        ],
        columns=[*_RUN, "metric", "value"],
    )
    scores = fold_table(results).astype({"metric": str})
    rows = pd.concat([scores, gates.assign(metric="gate"), luck])
    table = rows.merge(runs.drop(columns="gate"), on=_RUN, how="left")
    columns = [*_RUN, "group", "n_train", "n_test", "metric", "value"]
    return table[columns]


def _differences(results: Sequence[FoldResult], arena: Arena) -> pd.DataFrame:
    """Each transformer minus each rival, and the hybrid minus the transformer alone."""
    pairs = [(a, b) for a in (HYBRID, PURE) for b in RIVALS] + [(HYBRID, PURE)]
    tables = []
    for a, b in pairs:
        ours, theirs = ([r for r in results if r.model == name] for name in (a, b))
        if ours and theirs:
            tables.append(pairwise_table([*ours, *theirs], arena.inputs.codes))
    # adjusted over one pair of one set, which is no adjustment: the report adjusts over all sets
    return stack(tables).drop(columns=["p_holm", "p_cells_holm"])


def write(tables: Sequence[dict[str, pd.DataFrame]], folder: Path) -> None:
    """Write the tables of all contests, as Parquet where pyarrow is installed, else as CSV."""
    for name in (FOLDS, SCORES, DIFFERENCES):
        table = stack(of_contest[name] for of_contest in tables)
        aside = folder / f"{name}.tmp"
        if has_pyarrow():
            table.to_parquet(aside, index=False)
        else:
            table.to_csv(aside, index=False)
        aside.replace(folder / f"{name}.{suffix()}")


def read(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the tables of a folder."""
    found = {}
    for name in (FOLDS, SCORES, DIFFERENCES):
        parquet, csv = (folder / f"{name}.{end}" for end in ("parquet", "csv"))
        found[name] = (
            pd.read_parquet(parquet)
            if parquet.exists()
            else pd.read_csv(csv, keep_default_na=False, na_values=[""])
        )
    return found


def suffix() -> str:
    """Ending of the files."""
    return "parquet" if has_pyarrow() else "csv"


def has_pyarrow() -> bool:
    """Whether Parquet can be written."""
    from importlib.util import find_spec

    return find_spec("pyarrow") is not None
