"""``import scrna_longformer`` costs next to nothing, measured in fresh interpreters."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "anndata",
    "lightning",
    "matplotlib",
    "numba",
    "pandas",
    "scanpy",
    "scipy",
    "sklearn",
    "torch",
}


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def best_cpu_seconds(code: str, repeats: int = 5) -> float:
    """Least processor time of several runs: other work on the machine can only add to it."""
    probe = f"{code}\nimport time; print(time.process_time())"
    return min(float(run(probe)) for _ in range(repeats))


def test_import_loads_nothing_heavy():
    loaded = run("import sys, scrna_longformer; print(*{m.split('.')[0] for m in sys.modules})")
    assert not set(loaded.split()) & HEAVY


def test_help_of_the_command_line_loads_no_torch():
    loaded = run(
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from scrna_longformer.cli import main\n"
        "result = CliRunner().invoke(main, ['--help'])\n"
        "assert result.exit_code == 0 and 'demo' in result.output and 'doctor' in result.output\n"
        "print(*{m.split('.')[0] for m in sys.modules})"
    )
    assert not set(loaded.split()) & HEAVY


def test_import_takes_under_300_ms_over_a_bare_interpreter():
    assert best_cpu_seconds("import scrna_longformer") - best_cpu_seconds("pass") < 0.3


@pytest.mark.parametrize("package", ["graph", "features", "evaluation"])
def test_core_package_without_tensors_loads_no_torch(package: str):
    loaded = run(f"import sys, scrna_longformer.{package}; print(*sys.modules)")
    assert not {"torch", "anndata", "scanpy"} & set(loaded.split())
