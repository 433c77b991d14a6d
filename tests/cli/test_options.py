"""What the command line refuses, before it computes anything."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from click.testing import CliRunner

from scrna_longformer.cli import _demo, main
from scrna_longformer.cli._suite import _plan, _run


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("nope", "`key`='nope' is not a column of obs. Columns that could serve: 'bulk_labels'"),
        ("percent_mito", "a measurement rather than classes"),
    ],
)
def test_demo_of_a_column_that_is_none_of_labels(tmp_path: Path, key: str, message: str):
    output = tmp_path / "demo"
    result = CliRunner().invoke(main, ["demo", "--key", key, "--output", str(output)])
    assert result.exit_code == 2
    assert message in result.output
    assert "Gene mask" not in result.output
    assert not output.exists()


def test_clusters_that_the_recipe_will_make_are_a_key():
    adata = AnnData(
        np.ones((4, 3), dtype=np.float32),
        obs=pd.DataFrame({"type": list("abab")}, index=list("1234")),
        uns={"dataset": {"values": "counts"}},
    )
    _demo.check_key(adata, "type")
    _demo.check_key(adata, "leiden")
    with pytest.raises(click.UsageError, match="'type'.*--key leiden"):
        _demo.check_key(adata, "louvain")
    adata.uns["dataset"]["values"] = "log"
    with pytest.raises(click.UsageError, match="'leiden' is not a column") as error:
        _demo.check_key(adata, "leiden")
    assert "--key leiden" not in error.value.message


@pytest.mark.parametrize(
    ("option", "value"),
    [("--jobs", "0"), ("--jobs", "-2"), ("--random-state", "-1"), ("--random-state", str(2**32))],
)
def test_benchmark_refuses_numbers_that_mean_nothing(tmp_path: Path, option: str, value: str):
    output = tmp_path / "out"
    result = CliRunner().invoke(main, ["benchmark", "--quick", option, value, "--out", str(output)])
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.output
    assert not output.exists()


@pytest.mark.parametrize("jobs", [-1, 1, 3])
def test_benchmark_passes_its_numbers_on(tmp_path: Path, monkeypatch, jobs: int):
    calls = []
    monkeypatch.setattr(_plan, "make_plan", lambda *_, **options: calls.append(options))
    monkeypatch.setattr(_run, "run_suite", lambda *_, **options: calls.append(options))
    options = ["--jobs", str(jobs), "--random-state", "7", "--out", str(tmp_path)]
    assert CliRunner().invoke(main, ["benchmark", *options]).exit_code == 0
    assert calls[0]["random_state"] == 7
    assert calls[1]["n_jobs"] == jobs
