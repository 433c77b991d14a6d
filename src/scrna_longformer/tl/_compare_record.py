"""What a comparison leaves in ``uns``, in types that h5ad and zarr can store, and in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._settings import log
from ._compare_checks import check_record
from ._compare_inputs import CALLER
from ._compare_models import descriptions, is_transformer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from ..evaluation import FoldResult
    from ..evaluation.checks import CheckResult
    from ._compare_inputs import Inputs
    from ._compare_run import Plan


def comparison_record(
    results: list[FoldResult],
    plan: Plan,
    inputs: Inputs,
    contestants: Mapping[str, Any],
    params: dict[str, Any],
    checks: Sequence[CheckResult] = (),
) -> dict[str, Any]:
    """Tables of the finished folds, in types that h5ad and zarr can store."""
    from ..evaluation import (
        class_table,
        confusion_table,
        fold_table,
        gate_table,
        pairwise_class_table,
        pairwise_table,
        reliability_table,
        run_table,
        summary_table,
    )

    codes, groups, names = inputs.codes, inputs.groups, list(inputs.labels.names)
    folds = [result for result in results if not plan.is_final(result)]
    n_expected = len(plan.splits) * len(contestants) * params["n_seeds"]
    return {
        "params": params,
        "complete": sum(result.status == "ok" for result in results) == n_expected,
        "summary": summary_table(folds, codes, groups),
        "pairwise": pairwise_table(folds, codes, groups, rope=params["rope"]),
        "folds": fold_table(folds),
        "per_class": class_table(folds, codes, names, groups),
        "pairwise_per_class": pairwise_class_table(
            folds, codes, names, groups, rope=params["rope"]
        ),
        "confusion": confusion_table(folds, codes, names),
        "reliability": reliability_table(folds, codes),
        "runs": run_table(folds),
        "models": _contestants(contestants, gate_table(folds)),
        **check_record(checks),
        **_held_out(results, plan, inputs),
    }


def _contestants(contestants: Mapping[str, Any], gates: pd.DataFrame) -> pd.DataFrame:
    """Describe each, with what hybrids used of their correction; what did not run has no gate."""
    models = descriptions(contestants)
    found = gates.reindex(models["model"].astype(str))
    kinds = ["transformer" if is_transformer(m) else "simple" for m in contestants.values()]
    columns: dict[str, Any] = {str(name): found[name].to_numpy() for name in gates}
    return models.assign(kind=kinds, **columns).astype({"kind": "category"})


def _held_out(results: list[FoldResult], plan: Plan, inputs: Inputs) -> dict[str, Any]:
    """Scores on the final test set, and the names of its cells."""
    from ..evaluation import held_out_table

    if plan.final is None:
        return {}
    final = [result for result in results if plan.is_final(result)]
    return {
        "held_out": held_out_table(final, inputs.codes, inputs.groups),
        "held_out_cells": inputs.names[plan.final.test],
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


def log_verdict(record: Mapping[str, Any]) -> None:
    """Log the three sentences, each on a line of its own."""
    log.info("%s: verdict\n%s", CALLER, "\n".join(map(str, record["verdict"]["sentences"])))
