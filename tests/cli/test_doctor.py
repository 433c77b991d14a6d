from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from scrna_longformer.attention import _cpu
from scrna_longformer.cli import _doctor, main


def status(items) -> dict[str, str]:
    return {item.name: item.status for item in items}


def test_this_environment_is_sound():
    assert set(status(_doctor.versions()).values()) == {"ok"}
    assert _doctor.leidenalg().status == "ok"
    assert _doctor.igraph().status == "ok"


def test_version_that_is_too_old_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.metadata.requires", lambda _: ["numpy>=999", "no-such-thing>=1"])
    old, absent = list(_doctor.versions())[2:]
    assert old.status == absent.status == "fail"
    assert "but >=999 is needed" in old.message
    assert old.mend == "python -m pip install 'numpy>=999'"
    assert absent.message == "not installed"


def test_extras_are_not_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "importlib.metadata.requires", lambda _: ['no-such-thing>=1; extra == "seurat"']
    )
    assert "no-such-thing" not in status(_doctor.versions())


def test_broken_clustering_is_a_fault(monkeypatch: pytest.MonkeyPatch):
    import leidenalg

    def broken(*args, **kwargs):
        msg = "libigraph.so: undefined symbol"
        raise OSError(msg)

    monkeypatch.setattr(leidenalg, "find_partition", broken)
    item = _doctor.leidenalg()
    assert item.status == "fail"
    assert "undefined symbol" in item.message
    assert "pip install" in item.mend


def test_clustering_that_answers_wrongly_is_a_fault():
    assert _doctor._two_clusters("x", [0] * 10, "mend it").status == "fail"
    assert _doctor._two_clusters("x", [0] * 5 + [1] * 5, "mend it").status == "ok"


def test_device_list_begins_with_the_build_of_torch_and_the_cpu():
    items = list(_doctor.devices())
    assert [item.name for item in items[:2]] == ["torch", "cpu"]
    assert torch.__version__ in items[0].message
    assert items[1].status == "ok"


def test_build_for_cuda_without_a_device_is_a_note(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    item = _doctor._torch_build(torch)
    assert item.status == "warn"
    assert "CUDA 12.8" in item.message


def test_device_that_computes_something_else_is_a_fault():
    wrong = _doctor._tiny_forward("cpu") + 0.1
    item = _doctor._device("cpu", wrong)
    assert item.status == "fail"
    assert "differ" in item.message


def test_vector_kernel_is_named_or_the_reason_why_not(monkeypatch: pytest.MonkeyPatch):
    assert _doctor.cpu_kernel().status == "ok"
    monkeypatch.setattr(_cpu, "why_not_vectors", lambda *_: "numba is too new")
    monkeypatch.setattr(
        "scrna_longformer.attention.resolve_backend", lambda *_, **__: "numba_plain"
    )
    item = _doctor.cpu_kernel()
    assert item.status == "warn"
    assert "numba is too new" in item.message


def test_more_threads_than_cores_is_a_note(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 10_000)
    item = _doctor.threads()
    assert item.status == "warn"
    assert "OMP_NUM_THREADS=" in item.mend


def test_data_folder_that_does_not_exist_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("SCRNA_LONGFORMER_DATA", str(tmp_path / "nowhere"))
    assert status(_doctor.folders())["data sets"] == "fail"
    monkeypatch.setenv("SCRNA_LONGFORMER_DATA", str(tmp_path))
    assert status(_doctor.folders())["data sets"] == "ok"


def test_folder_for_downloads_may_not_exist_yet(tmp_path: Path):
    assert _doctor._writable(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    assert not _doctor._writable(tmp_path / "file" / "b")


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    path = tmp_path / "counts.h5ad"
    ad.AnnData(np.arange(12, dtype=np.float32).reshape(3, 4)).write_h5ad(path)
    return path


def test_file_is_checked_like_an_anndata(counts: Path):
    items = {item.name: item for item in _doctor.file_items(counts)}
    assert items["expression"].status == "fail"
    assert items["expression"].mend == "sl.pp.recipe_longformer(adata)"


def test_large_file_is_not_loaded(counts: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_doctor, "LARGE_FILE", 0)
    items = {item.name: item for item in _doctor.file_items(counts)}
    assert "backed" in items["size"].message
    assert items["expression"].status == "fail"


def test_truncated_or_absent_file_is_a_fault(counts: Path):
    counts.write_bytes(counts.read_bytes()[:200])
    (item,) = _doctor.file_items(counts)
    assert item.status == "fail"
    (item,) = _doctor.file_items(counts.with_name("absent.h5ad"))
    assert item.message == "there is no such file"


@pytest.mark.parametrize(("sound", "code"), [(True, 0), (False, 1)])
def test_exit_code_tells_of_faults(sound: bool, code: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_doctor, "examine", lambda file: sound)
    assert CliRunner().invoke(main, ["doctor"]).exit_code == code


def test_report_prints_every_line_and_what_to_do(counts: Path):
    result = CliRunner().invoke(main, ["doctor", str(counts)])
    assert result.exit_code == 1
    for title in ("Versions", "Clustering", "Devices", "Processor", "Folders", f"File {counts}"):
        assert title in result.output
    assert "-> sl.pp.recipe_longformer(adata)" in result.output
    assert result.output.rstrip().endswith("There are faults: follow the arrows.")
