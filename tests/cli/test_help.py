from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

import scrna_longformer as sl
from scrna_longformer.cli import main

HEAVY = {"torch", "scanpy", "anndata", "lightning", "matplotlib", "numba", "sklearn", "pandas"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["demo", "--help"], ["doctor", "--help"], ["benchmark", "--help"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]):
    code = (
        "import sys\n"
        "from scrna_longformer.cli import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        "print('modules:', *{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    text, loaded = done.stdout.split("modules:")
    assert "Usage:" in text
    assert not set(loaded.split()) & HEAVY


def test_version_is_the_package_version():
    result = CliRunner().invoke(main, ["--version"])
    assert result.output.split()[-1] == sl.__version__


def test_commands_are_listed_with_what_they_do():
    output = CliRunner().invoke(main, ["--help"]).output
    assert "demo" in output
    assert "doctor" in output
    assert "benchmark" in output


def test_unknown_data_set_lists_the_known_ones(tmp_path):
    result = CliRunner().invoke(main, ["demo", "--dataset", "pbmc", "--output", str(tmp_path)])
    assert result.exit_code == 2
    assert "sorted_pbmc" in result.output
    assert not list(tmp_path.iterdir())
