"""Run the suite, fold by fold over all sets, so that a broken-off run is a balanced one."""

from __future__ import annotations

import math
import time
import warnings
from typing import TYPE_CHECKING

import click

from ..._settings import settings
from ...tl._compare_run import run_comparison
from .._demo import own_table, plain_warnings
from ._manifest import write_manifest
from ._sets import FOLDS, Arena, enter
from ._tables import FOLDS as FOLD_TABLE
from ._tables import stack, tables_of, write

if TYPE_CHECKING:
    from pathlib import Path

    from ...evaluation import FoldResult
    from ._plan import Plan

_STORE = "finished_folds"


def run_suite(
    plan: Plan, output: Path, *, hours: float | None = None, n_jobs: int | None = None
) -> bool:
    """Run what is not yet done: the first fold of every contest, then the second, and so on.

    Parameters
    ----------
    plan
        What to run.
    output
        Folder of tables, manifest and finished folds; the same call goes on from there.
    hours
        Begin no further fold after so many hours; ``None`` for no limit.
    n_jobs
        Worker processes.

    Returns
    -------
    bool
        Whether everything is done.
    """
    output.mkdir(parents=True, exist_ok=True)
    settings.progress_bar = False  # a line per fold instead
    ends = time.monotonic() + 3600 * (math.inf if hours is None else hours)
    suite = _Suite(plan, output, n_jobs)
    is_complete = False
    try:
        with plain_warnings(), own_table():
            is_complete = _rounds(suite, ends)
    finally:  # what was stopped is written as far as it got
        suite.save(is_complete=is_complete)
    if not is_complete:
        click.echo(f"{hours:g} h are over; the same call goes on from here.")
    return is_complete


def _rounds(suite: _Suite, ends: float) -> bool:
    """Play round after round until the hours are over; return whether all were played."""
    for repeat in range(suite.plan.n_repeats):
        for fold in range(suite.plan.n_splits):
            for index in range(len(suite.plan.contests)):
                if time.monotonic() > ends:
                    return False
                suite.play(index, repeat, fold)
            if fold == 0:  # a first look; the intervals of everything take a while
                suite.save(is_complete=False)
    return True


class _Suite:
    """The results so far."""

    def __init__(self, plan: Plan, output: Path, n_jobs: int | None) -> None:
        self.plan = plan
        self.output = output
        self.n_jobs = n_jobs
        self.arenas: dict[int, Arena] = {}
        self.results: dict[int, dict[tuple, FoldResult]] = {}

    def play(self, index: int, repeat: int, fold: int) -> None:
        """One fold of one repeat of one contest; where groups are held out, with one more seed."""
        started = time.perf_counter()
        if index not in self.arenas:
            self.arenas[index] = enter(self.plan.contests[index])
        arena = self.arenas[index]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Classes in fewer")  # sizes are in the table
            splits = arena.splits(
                repeat, n_splits=self.plan.n_splits, random_state=self.plan.random_state
            )[fold : fold + 1]
        if not splits:  # fewer groups than folds elsewhere
            return
        models = self.plan.models_of(arena, repeat)
        results: list[FoldResult] = []
        run_comparison(
            splits,
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
        self.results.setdefault(index, {}).update({result.key: result for result in results})
        click.echo(
            f"repeat {repeat + 1}, fold {fold + 1}  {arena.contest.title}: {len(models)} "
            f"contestants, {time.perf_counter() - started:.0f} s"
        )

    def save(self, *, is_complete: bool) -> None:
        """Write the tables of all finished folds, and the manifest."""
        if not self.results:
            return
        tables = [
            tables_of(self.arenas[index], list(results.values()))
            for index, results in self.results.items()
        ]
        write(tables, self.output)
        folds = stack(of_contest[FOLD_TABLE] for of_contest in tables)
        write_manifest(
            self.output, self.plan, list(self.arenas.values()), folds, is_complete=is_complete
        )
