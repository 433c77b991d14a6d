"""Run the suite, repeat by repeat over all sets, so that a broken-off run is a balanced one."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

import click

from ..._settings import settings
from ...tl._compare_run import Plan as Folds
from ...tl._compare_run import run_comparison
from .._demo import own_table, plain_warnings
from ._manifest import write_manifest
from ._sets import FOLDS, Arena, enter
from ._tables import FOLDS as FOLD_TABLE
from ._tables import stack, tables_of, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from ...evaluation import FoldResult
    from ._plan import Plan

_STORE = "finished_folds"


def run_suite(
    plan: Plan, output: Path, *, hours: float | None = None, n_jobs: int | None = None
) -> bool:
    """Run what is not yet done, and write tables and manifest after every round of a set.

    Parameters
    ----------
    plan
        What to run.
    output
        Folder of tables, manifest and finished folds; the same call goes on from there.
    hours
        Begin no further round after so many hours; ``None`` for no limit.
    n_jobs
        Worker processes.

    Returns
    -------
    bool
        Whether everything is done.
    """
    output.mkdir(parents=True, exist_ok=True)
    settings.progress_bar = False  # a line per round instead
    started = time.monotonic()
    suite = _Suite(plan, output, n_jobs)
    with plain_warnings(), own_table():
        for repeat in range(plan.n_repeats):
            for index, contest in enumerate(plan.contests):
                if hours is not None and time.monotonic() - started > 3600 * hours:
                    click.echo(f"{hours:g} h are over; the same call goes on from here.")
                    return False
                if repeat == 0:
                    suite.arenas.append(enter(contest))
                suite.play(index, repeat)
    suite.save(is_complete=True)
    return True


class _Suite:
    """The results so far."""

    def __init__(self, plan: Plan, output: Path, n_jobs: int | None) -> None:
        self.plan = plan
        self.output = output
        self.n_jobs = n_jobs
        self.arenas: list[Arena] = []
        self.results: dict[int, dict[tuple, FoldResult]] = {}
        self.tables: dict[int, dict[str, pd.DataFrame]] = {}

    def play(self, index: int, repeat: int) -> None:
        """One repeat (where groups are held out: one more seed) of one contest."""
        arena, started = self.arenas[index], time.perf_counter()
        models = self.plan.models_of(arena, repeat)
        results = self._round(arena, models, repeat)
        self.results.setdefault(index, {}).update({r.key: r for r in results})
        self.tables[index] = tables_of(arena, list(self.results[index].values()))
        self.save(is_complete=False)
        click.echo(
            f"{repeat + 1}/{self.plan.n_repeats}  {arena.contest.title}: {len(models)} contestants, "
            f"{time.perf_counter() - started:.0f} s"
        )

    def _round(self, arena: Arena, models: dict, repeat: int) -> Sequence[FoldResult]:
        results: list[FoldResult] = []
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Classes in fewer")  # sizes are in the table
            splits = arena.splits(
                repeat, n_splits=self.plan.n_splits, random_state=self.plan.random_state
            )
        run_comparison(
            Folds(splits, None),
            arena.inputs,
            models,
            results,
            checkpoint_dir=self.output / _STORE,
            n_seeds=1 if arena.contest.regime == FOLDS else repeat + 1,
            n_jobs=self.n_jobs,
            calibrate=True,
            probes=False,
            random_state=self.plan.random_state,
        )
        return results

    def save(self, *, is_complete: bool) -> None:
        tables = list(self.tables.values())
        write(tables, self.output)
        folds = stack(of_contest[FOLD_TABLE] for of_contest in tables)
        write_manifest(self.output, self.plan, self.arenas, folds, is_complete=is_complete)
