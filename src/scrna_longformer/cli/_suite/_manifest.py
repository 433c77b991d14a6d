"""What a run of the suite was: enough to judge it, and to repeat it."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._demo import usable_cores
from ._plan import HYBRID, SIMPLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ._plan import Plan
    from ._sets import Arena

NAME = "manifest.json"
_PACKAGES = (
    *("scrna-longformer", "numpy", "scipy", "pandas", "scikit-learn", "torch", "lightning"),
    *("numba", "anndata", "scanpy"),
)


def write_manifest(
    folder: Path, plan: Plan, arenas: Sequence[Arena], folds: pd.DataFrame, *, is_complete: bool
) -> None:
    """Write the manifest: no path and no name of the machine."""
    manifest = {
        "suite": "quick" if plan.is_quick else "real",
        "complete": is_complete,
        "commit": commit(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "processor": _processor(),
            "usable_cores": usable_cores(),
            "threads": _threads(),
        },
        "random_state": plan.random_state,
        "n_splits": plan.n_splits,
        "n_repeats": plan.n_repeats,
        "n_repeats_others": plan.n_repeats_others,
        "models": list(plan.models),
        "hours": hours(folds),
        "contests": [_contest(arena, folds) for arena in arenas],
    }
    text = json.dumps(manifest, indent=2)
    aside = folder / f"{NAME}.tmp"
    aside.write_text(text + "\n", encoding="utf-8")
    aside.replace(folder / NAME)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a folder."""
    found: dict[str, Any] = json.loads((folder / NAME).read_text(encoding="utf-8"))
    return found


def hours(folds: pd.DataFrame) -> float:
    """Wall time of fitting and predicting in all finished folds, however often it was broken off.

    What the hybrid begins with was fitted once and counted for both.
    """
    fits = folds[folds["metric"] == "fit_seconds"]
    predict = folds[folds["metric"] == "predict_ms_per_cell"]
    run = ["set", "regime", "repeat", "fold", "seed"]
    shared = fits[fits["model"] == SIMPLE].merge(fits.loc[fits["model"] == HYBRID, run], on=run)
    seconds = fits["value"].sum() - shared["value"].sum()
    return float((seconds + (predict["value"] * predict["n_test"]).sum() / 1e3) / 3600)


def commit() -> str:
    """Commit that the package was run from, with ``+`` if the tree had changed; else its version."""
    here = Path(__file__).parent
    ask = {"cwd": here, "capture_output": True, "text": True, "check": True}
    try:
        name = subprocess.run(["git", "rev-parse", "HEAD"], **ask).stdout.strip()  # type: ignore[call-overload]
        changed = subprocess.run(["git", "status", "--porcelain", "."], **ask).stdout  # type: ignore[call-overload]
    except (OSError, subprocess.CalledProcessError):
        return f"release {_version('scrna-longformer')}"
    return f"{name}{'+' if changed else ''}"


def _contest(arena: Arena, folds: pd.DataFrame) -> dict[str, Any]:
    inputs, contest = arena.inputs, arena.contest
    sizes = np.bincount(inputs.codes)
    of_contest = folds[(folds["set"] == contest.name) & (folds["regime"] == contest.regime)]
    runs = of_contest[["repeat", "fold", "seed"]].drop_duplicates()
    return {
        "set": contest.name,
        "regime": contest.regime,
        "key": contest.key,
        "kind": arena.kind,
        "n_cells": len(inputs.codes),
        "n_cells_of_set": int(inputs.labels.labelled.sum()),
        "n_genes": int(inputs.X.shape[1]),
        "n_classes": len(sizes),
        "smallest_class": int(sizes.min()),
        "largest_class": int(sizes.max()),
        "n_repeats": len(runs[["repeat", "seed"]].drop_duplicates()),
        "n_folds": len(runs),
    }


def _processor() -> str:
    """Model of the processor where the system tells it, else the architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
