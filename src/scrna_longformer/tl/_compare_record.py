"""What a comparison leaves in ``uns``, in types that h5ad and zarr can store, and in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._settings import log
from ._compare_checks import check_record
from ._compare_inputs import CALLER
from ._compare_models import descriptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from ..evaluation import FoldResult
    from ..evaluation.checks import CheckResult
    from ..get._labels import Labels


def comparison_record(
    results: list[FoldResult],
    codes: np.ndarray,
    labels: Labels,
    contestants: Mapping[str, Any],
    params: dict[str, Any],
    n_expected: int,
    checks: Sequence[CheckResult] = (),
) -> dict[str, Any]:
    """Tables of the finished folds, in types that h5ad and zarr can store."""
    from ..evaluation import (
        class_table,
        confusion_table,
        fold_table,
        reliability_table,
        run_table,
        summary_table,
    )

    names = list(labels.names)
    return {
        "params": params,
        "complete": sum(result.status == "ok" for result in results) == n_expected,
        "summary": summary_table(results),
        "folds": fold_table(results),
        "per_class": class_table(results, codes, names),
        "confusion": confusion_table(results, codes, names),
        "reliability": reliability_table(results, codes),
        "runs": run_table(results),
        "models": descriptions(contestants),
        **check_record(checks),
    }


def log_outcome(record: Mapping[str, Any], key_added: str) -> None:
    """Log the means, best macro-F1 first."""
    shown = ["macro_f1", "accuracy", "log_loss", "fit_seconds"]
    table = (
        record["summary"]
        .pivot_table(index="model", columns="metric", values="mean", observed=True)
        .reindex(columns=shown)
        .sort_values("macro_f1", ascending=False)
    )
    late = record["runs"].query("status != 'ok'")["model"].astype(str).value_counts()
    note = "".join(f"\n{n} folds of {name} not begun (time limit)." for name, n in late.items())
    log.info(
        "%s: means over folds; wrote uns[%r].\n%s%s",
        CALLER,
        key_added,
        table.to_string(float_format="%.3f", index_names=False),
        note,
    )
