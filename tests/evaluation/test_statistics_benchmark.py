"""A small form of benchmarks/error_rates.py: the error rates of intervals and tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "error_rates.py"


@pytest.fixture(scope="module")
def rates() -> dict:
    specification = importlib.util.spec_from_file_location("statistics_benchmark", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.measure(0.0, 20, n_truth=15)


@pytest.mark.parametrize("n_repeats", [1, 5])
@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_equal_contestants_are_rarely_told_apart(rates: dict, metric: str, n_repeats: int) -> None:
    for test in ("corrected t-test", "over test cells"):
        # of 20 runs at most 4 errors: more are rarer than one in a hundred at a rate of 6 %
        assert rates[f"type-I error or power, {test}", metric, n_repeats] <= 4 / 20


@pytest.mark.parametrize("n_repeats", [1, 5])
def test_intervals_hold_the_expected_score(rates: dict, n_repeats: int) -> None:
    covered = rates["coverage of the score", "accuracy", n_repeats]
    assert covered >= 0.8
    assert np.isclose(rates["true gap", "accuracy", 1], 0, atol=0.01)
