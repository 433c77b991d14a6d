"""The part of the prototype's story that logistic regression tells."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "prototype_claims.py"


@pytest.fixture(scope="module")
def claims() -> ModuleType:
    if not SCRIPT.exists():
        pytest.skip("benchmarks/ is not part of this installation")
    spec = importlib.util.spec_from_file_location("prototype_claims", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["prototype_claims"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.data
@pytest.mark.filterwarnings("ignore")  # of Scanpy's gene selection
def test_published_number_comes_from_the_wrong_genes(claims: ModuleType) -> None:
    cells = claims.prototype_cells()
    assert cells.labels.shape == (2700,)
    assert cells.agreement > 0.5  # the labels belong to these rows
    assert abs(cells.agreement_by_chance) < 0.02
    choices = list(claims.gene_choices(cells).values())
    worst, best = (
        claims.linear(cells.scaled[:, genes], cells.labels, 3).mean(axis=0)
        for genes in (choices[0], choices[-1])
    )
    assert worst == pytest.approx(claims.PUBLISHED["regression"], abs=0.06)
    assert best[0] > 0.9
    assert best[1] > 0.85
