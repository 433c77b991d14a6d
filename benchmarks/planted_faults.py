"""Plant faults into real and simulated cells and see which checks fire: the tables of checks.md.

Usage: ``python benchmarks/planted_faults.py [--seed 1] [--draws 1] [--clean 70]
[--write docs/concepts/checks.md]``.
Needs the real data sets (``SCRNA_LONGFORMER_DATA``) for ``sorted_pbmc``; about half an hour on a core.

Every generator in ``_faults.py`` draws its own parameters. It is planted into random cells of two real
sets and of a simulation; the checks then run as ``sl.tl.baseline_compare`` runs them. The second table
counts how often each check fires on cells into which nothing was planted.

Thresholds of the checks were set while looking at other draws of the first three sets; every seed
here is fresh to them, and so are the other sets of ``--sets``.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from _faults import BASES, FAULTS, Case, clean

from scrna_longformer.evaluation import cross_validate, make_splits
from scrna_longformer.evaluation.checks import CheckInputs, CheckResult, circular, run_checks

SETS = ("pbmc68k_reduced", "sorted_pbmc", "simulated")
BEGIN, END = "<!-- begin: planted_faults.py -->", "<!-- end: planted_faults.py -->"


def examine(case: Case) -> list[CheckResult]:
    """Cross-validate the contestants of a case and run all checks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # planted faults make models warn, and rightly
        splits = case.splits or make_splits(
            case.codes, groups=case.groups if case.split_groups else None
        )
        results = cross_validate(
            case.models, case.X, case.codes, splits, calibrate=True, probes=True
        )
        return run_checks(
            CheckInputs(
                case.X,
                case.codes,
                splits,
                results,
                case.models,
                groups=case.groups,
                batches=case.batches,
                provenance=case.provenance,
                records=case.records,
            )
        )


def fired(results: list[CheckResult]) -> set[str]:
    """Names of the checks that fired."""
    return {result.name for result in results if result.fired}


def plant(check: str, name: str, base: str, draw: int, seed: int) -> tuple[bool, set[str]]:
    """Plant one fault: whether the right check fired, and all that did."""
    generator = next(g for g in FAULTS[check] if g.__name__ == name)
    stream = [seed, draw, zlib.crc32(f"{name} {base}".encode())]
    case = generator(BASES[base], np.random.default_rng(stream))
    results = examine(case)
    answer = next(r for r in results if r.name == "circular").evidence["answer"]
    found = fired(results)
    return check in found and answer in (case.answers or (answer,)), found


class Kept:
    """Answers by key, in a file of lines, so that a broken run goes on where it stopped."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path is not None and path.exists() else []
        self.answers = dict(json.loads(line) for line in lines)

    def ask(self, key: str, answer: Callable[[], list]) -> list:
        """Look the answer up, or find and keep it."""
        if key not in self.answers:
            self.answers[key] = answer()
            if self.path is not None:
                with self.path.open("a") as file:
                    file.write(json.dumps([key, self.answers[key]]) + "\n")
        return self.answers[key]


def planted(
    n_draws: int, checks: Sequence[str], sets: Sequence[str], seed: int, kept: Kept
) -> pd.DataFrame:
    """One row per fault, set and draw: which checks fired."""

    def answer(check: str, fault: str, base: str, draw: int) -> list:
        right, found = plant(check, fault, base, draw, seed)
        return [bool(right), sorted(found)]

    rows = []
    for check in checks:
        for generator in FAULTS[check]:
            for base in sets:
                for draw in range(n_draws):
                    key = (check, generator.__name__, base, draw)
                    right, found = kept.ask(f"{seed} {key}", partial(answer, *key))
                    rows.append((*key[:3], right, set(found)))
    return pd.DataFrame(rows, columns=["check", "fault", "set", "right", "found"])


def unplanted(
    n_draws: int, sets: Sequence[str], seed: int, kept: Kept, *, sweep: bool
) -> pd.DataFrame:
    """One row per draw of clean cells: which checks fired, and whether labels look like clusters."""

    def answer(base: str, draw: int) -> list:
        stream = [seed, draw, zlib.crc32(f"clean {base}".encode())]
        case = clean(BASES[base], np.random.default_rng(stream))
        like = sweep and circular(case.X, case.codes).fired
        return [sorted(fired(examine(case))), bool(like)]

    rows = []
    for base in sets:
        for draw in range(n_draws):
            found, like = kept.ask(f"{seed} {base} {draw} {sweep}", partial(answer, base, draw))
            rows.append((base, set(found), like))
    return pd.DataFrame(rows, columns=["set", "found", "like_clusters"])


def matrix(table: pd.DataFrame) -> str:
    """Faults x checks: the share of draws in which each check fired, the right one in bold."""
    checks = list(FAULTS)
    lines = ["| planted | draws | " + " | ".join(f"`{c}`" for c in checks) + " |"]
    lines.append("|" + "---|" * (len(checks) + 2))
    for (check, fault), rows in table.groupby(["check", "fault"], sort=False):
        cells = []
        for column in checks:
            n = rows["right"].sum() if column == check else sum(column in f for f in rows["found"])
            cells.append(f"**{n}**" if column == check else str(n or "·"))
        lines.append(f"| {fault.replace('_', ' ')} | {len(rows)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def alarms(table: pd.DataFrame) -> str:
    """Checks x sets: how many clean draws each fired on, and on how many any did."""
    sets = list(table["set"].unique())
    lines = ["| check | " + " | ".join(sets) + " | all |", "|" + "---|" * (len(sets) + 2)]
    for check in [*FAULTS, "any"]:
        hit = [bool(f) if check == "any" else check in f for f in table["found"]]
        counts = pd.Series(hit).groupby(table["set"]).sum()
        cells = [str(counts[s]) for s in sets]
        name = "**any check**" if check == "any" else f"`{check}`"
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {sum(hit)} |")
    return "\n".join(lines)


def misses(table: pd.DataFrame) -> list[str]:
    """Planted faults that the right check did not see, and what fired instead."""
    return [
        f"Missed: {row.fault.replace('_', ' ')} in {row.set} (fired: {sorted(row.found)})."
        for row in table[~table["right"]].itertuples()
    ]


def suspected(table: pd.DataFrame) -> str:
    """Clean draws whose labels some clustering reproduces, by set."""
    counts = table.groupby("set", sort=False)["like_clusters"].agg(["sum", "size"])
    return ", ".join(f"{name} {row['sum']} of {row['size']}" for name, row in counts.iterrows())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1, help="per fault and set")
    parser.add_argument("--clean", type=int, default=70, help="clean draws per set")
    parser.add_argument("--checks", nargs="*", default=list(FAULTS), help="only faults of these")
    parser.add_argument("--sets", nargs="*", choices=BASES, default=SETS)
    parser.add_argument("--seed", type=int, default=1, help="of all draws")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="go on from the answers in it")
    parser.add_argument("--sweep", action="store_true", help="ask also which labels look clustered")
    parser.add_argument("--write", type=Path, metavar="PAGE")
    options = parser.parse_args()
    kept = Kept(options.keep)
    started = time.process_time()
    parts = []
    if options.draws:
        faults = planted(options.draws, options.checks, options.sets, options.seed, kept)
        found = (
            f"The right check fired for {faults['right'].sum()} of {len(faults)} planted faults "
            f"(seed {options.seed}; {', '.join(options.sets)})."
        )
        parts += [matrix(faults), found, *misses(faults)]
    if options.clean:
        quiet = unplanted(options.clean, options.sets, options.seed, kept, sweep=options.sweep)
        n_alarms = int((quiet["found"].str.len() > 0).sum())
        parts += [
            alarms(quiet),
            f"False alarms: any check fired on {n_alarms} of {len(quiet)} clean draws "
            f"({n_alarms / len(quiet):.1%}; seed {options.seed}).",
        ]
        if options.sweep:
            parts.append(
                "Had nobody known where the labels come from, the sweep of clusterings would have "
                f"suspected some ({suspected(quiet)}): types that are easy to tell apart look like "
                "clusters, and the check says just that."
            )
    text = "\n\n".join(parts)
    print(text)
    print(f"{time.process_time() - started:.0f} s of processor time")
    if options.write is not None:
        before, rest = options.write.read_text().split(BEGIN)
        options.write.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
