"""How the CPU kernels are reached: threads, processes, the cache on disk, and where they cannot run."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import threading
from types import SimpleNamespace

import numba
import numpy as np
import pytest
import torch

from scrna_longformer.attention import _cpu, _numba_plain, knn_attention, resolve_backend
from scrna_longformer.graph import GeneGraph

SCRIPT = """
import os
import torch
from scrna_longformer.attention import _numba, knn_attention
from scrna_longformer.graph import GeneGraph

torch.set_num_threads(2)
qkv = torch.randn(64, 200, 96)
run = lambda: knn_attention(qkv, GeneGraph.full(200), n_heads=2)
out = run()
print("from disk:", sum(_numba.forward.stats.cache_hits.values()))
child = os.fork()
if child == 0:  # threads are gone here, the kernels must notice
    os._exit(0 if torch.equal(run(), out) else 1)
print("child:", os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_kernels_are_cached_on_disk_and_survive_a_fork(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    for hits in (0, 1):
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert run.stdout.split("\n")[:2] == [f"from disk: {hits}", "child: 0"]


@pytest.mark.parametrize("short", [(0, 60), (99, 0)])
def test_vectors_refuse_an_untested_numba(monkeypatch, short):
    monkeypatch.setattr(numba, "version_info", SimpleNamespace(short=short))
    path = _numba_plain.__file__.replace("_numba_plain", "_numba_vectors")
    with pytest.raises(ImportError, match="tested with numba .* is installed"):
        runpy.run_path(path)


@pytest.fixture
def said(monkeypatch):
    """What is logged, as if nothing had been before."""
    messages = []
    monkeypatch.setattr(_cpu.log, "warning", lambda *message: messages.append(message))
    _cpu.say_slower.cache_clear()
    yield messages
    _cpu.say_slower.cache_clear()


def test_without_vectors_the_plain_loops_run_and_say_so_once(monkeypatch, said):
    def refuse(name, package):
        msg = "they were tested with another numba"
        raise ImportError(msg)

    monkeypatch.setattr(_cpu, "import_module", refuse)
    _cpu._why_not_imported.cache_clear()
    try:
        for _ in range(2):
            assert resolve_backend("cpu", d_model=32, n_heads=2, n_genes=9) == "numba_plain"
        qkv = torch.randn(2, 9, 96)
        plain = knn_attention(qkv, GeneGraph.full(9), n_heads=2)
        with pytest.raises(ValueError, match="cannot be imported: they were tested with another"):
            knn_attention(qkv, GeneGraph.full(9), n_heads=2, backend="numba")
    finally:
        _cpu._why_not_imported.cache_clear()
        monkeypatch.undo()
    assert len(said) == 1
    vectors = knn_attention(qkv, GeneGraph.full(9), n_heads=2, backend="numba")
    torch.testing.assert_close(plain, vectors, rtol=1e-5, atol=1e-6)


def test_every_reason_for_plain_loops_is_said_once(said):
    for _ in range(2):
        resolve_backend("cpu", d_model=24, n_heads=3, n_genes=9)
        resolve_backend("cpu", torch.float64, d_model=32, n_heads=2, n_genes=9)
        resolve_backend("cpu", d_model=32, n_heads=2, n_genes=9)  # the vectors serve it
    assert [reason for _, reason in said] == [
        f"the vector kernels serve {_cpu.N_HEADS} heads, not d=24 with 3 heads",
        "the vector kernels compute in float32, not float64",
    ]


def test_a_backend_that_is_named_is_not_said(said):
    knn_attention(torch.randn(2, 9, 72), GeneGraph.full(9), n_heads=3, backend="numba_plain")
    assert not said


def test_vectors_need_the_compiler(monkeypatch, said):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    assert resolve_backend("cpu", d_model=32, n_heads=2, n_genes=9) == "numba_plain"
    assert len(said) == 1
    with pytest.raises(ValueError, match="NUMBA_DISABLE_JIT"):
        knn_attention(torch.randn(2, 9, 96), GeneGraph.full(9), n_heads=2, backend="numba")


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("spans", [1, 2, 7])
@pytest.mark.parametrize("rows", [False, True])
def test_pieces_of_work_cover_all_rows_once(threads, spans, rows):
    seen = np.zeros((spans, 11), dtype=int)
    for work in _cpu._cut(spans, threads=threads, work=10**9, rows=rows):
        assert rows or work[2:] == (0, 1)
        for span in range(work[0], work[1]):
            seen[span, list(_numba_plain.rows_of.py_func(work, 0, 11))] += 1
    assert (seen == 1).all()


def test_the_calling_thread_works_beside_its_helpers():
    before, workers = torch.get_num_threads(), []
    together = threading.Barrier(3, timeout=60)

    def kernel(piece):
        together.wait()  # holds each thread until there are three
        workers.append(threading.current_thread())

    try:
        torch.set_num_threads(3)
        _cpu._on_threads(kernel, [(i, i + 1, 0, 1) for i in range(3)])
    finally:
        torch.set_num_threads(before)
    assert threading.current_thread() in workers
    assert len(set(workers)) == 3


def test_little_work_stays_on_one_thread():
    assert _cpu._cut(32, threads=8, work=1000, rows=True) == [(0, 32, 0, 1)]


@pytest.mark.parametrize("n_heads", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("longest", [1, 7, 16, 475])
def test_scratch_holds_a_tile_of_the_longest_rows(n_heads: int, longest: int) -> None:
    kernels = pytest.importorskip("scrna_longformer.attention._numba")
    edges_of_a_block = 16 // n_heads
    blocks = -(-longest // edges_of_a_block)
    copies = 2 * (2 * 11 * 64)  # keys and values of 11 genes, and their gradients
    needed = copies + kernels.TILE * blocks * 2 * 16
    assert kernels.scratch_size(11, longest, 64, n_heads) >= needed
