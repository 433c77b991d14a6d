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


def test_a_fit_leaves_warnings_and_threads_of_the_session_alone():
    told = run(
        "import warnings\n"
        "import numpy as np, torch\n"
        "torch.set_num_threads(1)\n"
        "before = list(warnings.filters), warnings.formatwarning\n"
        "import scrna_longformer as sl\n"
        "from anndata import AnnData\n"
        "import scrna_longformer.train, scrna_longformer.tl._longformer_predict\n"
        "from scrna_longformer.train import LongformerClassifier\n"
        "adata = AnnData(np.log1p(np.random.default_rng(0).poisson(2.0, (40, 12))).astype('f4'))\n"
        "sl.pp.gene_knn_mask(adata, n_neighbors=3)\n"
        "ours = [f for f in warnings.filters if f not in before[0] and f[2] is UserWarning]\n"
        "print(ours, warnings.formatwarning is before[1], torch.get_num_threads())"
    )
    assert told.split("\n")[-2] == "[] True 1"


def test_a_job_of_several_tasks_is_no_distributed_training():
    told = run(
        "import os\n"
        "os.environ |= {'SLURM_NTASKS': '4', 'SLURM_JOB_NAME': 'job', 'SLURM_JOB_ID': '1', "
        "'SLURM_PROCID': '0', 'SLURM_LOCALID': '0', 'SLURM_NODEID': '0'}\n"
        "from scrna_longformer.train._fabric import one_device\n"
        "print(one_device('cpu').world_size)"
    )
    assert told.split() == ["1"]
