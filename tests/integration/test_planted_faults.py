"""The small form of ``benchmarks/planted_faults.py``: a fault of each check, in simulated cells."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CHECKS = [
    "leak",
    "permuted_labels",
    "no_signal",
    "duplicates",
    "constant_prediction",
    "input_ignored",
    "no_skill",
    "circular",
    "depth_labels",
    "confounding",
    "small_classes",
    "preprocessing",
    "overfitting",
    "underfitting",
]

pytestmark = pytest.mark.filterwarnings("ignore")  # faulty models make scikit-learn warn, rightly


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import planted_faults

    return planted_faults


@pytest.mark.parametrize("check", CHECKS)
def test_planted_fault_is_found(suite: ModuleType, check: str) -> None:
    faults = suite.FAULTS[check]
    assert len(faults) >= 4
    right, found = suite.plant(check, faults[-1].__name__, "simulated", 0, seed=1)
    assert right, f"{faults[-1].__name__}: {sorted(found)}"


def test_clean_cells_raise_no_alarm(suite: ModuleType) -> None:
    for draw in range(3):
        case = suite.clean(suite.BASES["simulated"], np.random.default_rng([7, draw, 2]))
        assert suite.fired(suite.examine(case)) == set()


def test_every_check_has_its_faults(suite: ModuleType) -> None:
    assert list(suite.FAULTS) == CHECKS
