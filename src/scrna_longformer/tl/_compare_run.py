"""Which cells a comparison trains and tests on, and running it, resumed where it stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._settings import log, settings
from ._compare_inputs import CALLER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..evaluation import FoldResult, Split
    from ._compare_inputs import Inputs


@dataclass(frozen=True)
class Plan:
    """Folds, and the final test set if there is one.

    Attributes
    ----------
    folds
        Splits of the cells outside the test set.
    final
        Split into the test set and everything else; its repeat is that after the last.
    """

    folds: list[Split]
    final: Split | None

    @property
    def splits(self) -> list[Split]:
        """Everything to run, the final test last."""
        return [*self.folds, self.final] if self.final else self.folds

    def is_final(self, result: FoldResult) -> bool:
        """Whether a result is of the final test set."""
        return self.final is not None and result.repeat == self.final.repeat


def plan_comparison(
    inputs: Inputs,
    *,
    split: str | None,
    n_splits: int,
    n_repeats: int,
    test_fraction: float,
    random_state: int,
) -> Plan:
    """Draw the test set, if one is wanted, and fold the other cells."""
    from ..evaluation import Split, draw_test_set, make_splits

    codes, final = inputs.codes, None
    if test_fraction:
        rest, test = draw_test_set(
            codes, test_fraction, groups=inputs.groups, random_state=random_state
        )
        final = Split(n_repeats, 0, rest, test)
        codes = codes.copy()
        codes[test] = -1  # in no fold
    folds = make_splits(
        codes,
        split=split,
        n_splits=n_splits,
        n_repeats=n_repeats,
        groups=inputs.groups,
        class_names=list(inputs.labels.names),
        random_state=random_state,
        stacklevel=4,
    )
    return Plan(folds, final)


def run_comparison(
    plan: Plan,
    inputs: Inputs,
    contestants: Mapping[str, Any],
    results: list[FoldResult],
    *,
    checkpoint_dir: str | Path | None,
    n_seeds: int,
    calibrate: bool,
    probes: bool,
    random_state: int,
    **options: Any,
) -> None:
    """Run what is not yet done, adding to ``results`` as folds finish, in the order of the plan."""
    from ..evaluation import FoldStore, cross_validate

    store = None
    if checkpoint_dir is not None:
        store = FoldStore(
            checkpoint_dir,
            contestants,
            inputs.X,
            inputs.codes,
            plan.splits,
            n_seeds=n_seeds,
            calibrate=calibrate,
            probes=probes,
            random_state=random_state,
        )
        results += store.load()
        if results:
            log.info("%s: %d folds taken from %s.", CALLER, len(results), checkpoint_dir)

    def keep(result: FoldResult) -> None:
        results.append(result)
        if store is not None:
            store.save(result)

    results[:] = cross_validate(
        contestants,
        inputs.X,
        inputs.codes,
        plan.splits,
        n_seeds=n_seeds,
        calibrate=calibrate,
        probes=probes,
        random_state=random_state,
        progress=settings.progress_bar,
        on_result=keep,
        done=list(results),
        **options,
    )
