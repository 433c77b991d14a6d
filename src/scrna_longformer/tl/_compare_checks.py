"""Run the checks of a comparison and say what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._settings import log
from ._compare_inputs import CALLER
from ._compare_models import built_in_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from ..evaluation import FoldResult, Split
    from ..evaluation.checks import CheckResult
    from ._compare_inputs import Inputs


def check_comparison(
    inputs: Inputs,
    splits: Sequence[Split],
    results: Sequence[FoldResult],
    contestants: Mapping[str, Any],
    *,
    gene_names: np.ndarray,
    random_state: int,
) -> list[CheckResult]:
    """Run every check on a finished comparison."""
    from ..evaluation.checks import CheckInputs, run_checks

    return run_checks(
        CheckInputs(
            inputs.X,
            inputs.codes,
            splits,
            results,
            contestants,
            class_names=list(inputs.labels.names),
            gene_names=gene_names,
            groups=inputs.groups,
            batches=inputs.batches,
            provenance=inputs.provenance,
            records=inputs.preprocessing,
            random_state=random_state,
        )
    )


def check_record(results: Sequence[CheckResult]) -> dict[str, Any]:
    """What the checks leave in the record: plain types only."""
    import numpy as np

    from ..evaluation.checks import check_table, excluded, is_void

    answers = [str(r.evidence["answer"]) for r in results if r.name == "circular"]
    return {
        "checks": check_table(results),
        "void": is_void(results),
        "excluded": np.array(excluded(results), dtype=str),
        "circular": answers[0] if answers else "not checked",
    }


def log_checks(results: Sequence[CheckResult], contestants: Mapping[str, Any]) -> None:
    """Warn of every fault; contestants that are a floor by design, by any name, are no news."""
    from ..evaluation.checks import REFERENCES

    floors = {n for n, model in contestants.items() if built_in_of(model) in REFERENCES}
    for result in results:
        if result.fired and result.subject not in REFERENCES | floors:
            log.warning("%s: [%s: %s] %s", CALLER, result.severity, result.name, result.text)
