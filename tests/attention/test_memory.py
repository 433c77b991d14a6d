"""Memory of large results: used again when free, and only then."""

from __future__ import annotations

import errno
import mmap
import threading
from collections import deque

import pytest
import torch

from scrna_longformer.attention import _memory, knn_attention
from scrna_longformer.graph import GeneGraph

pytestmark = pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="needs Linux")


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch):
    monkeypatch.setattr(_memory, "_OFTEN_FRESH", 2**16)
    monkeypatch.setattr(_memory, "_left", deque(maxlen=2))


def test_memory_that_a_view_still_needs_is_left_alone():
    like = torch.zeros(1)
    first = _memory.empty(like, 64, 1024)
    first.fill_(1)
    view, place = first[3], first.data_ptr()
    del first
    second = _memory.empty(like, 64, 1024)
    second.fill_(2)
    assert second.data_ptr() != place
    assert (view == 1).all()


def test_freed_memory_is_used_again_for_as_many_large_pages():
    like = torch.zeros(1)
    first = _memory.empty(like, 500, 1024)
    place = first.data_ptr()
    del first
    assert _memory.empty(like, 600, 1024).data_ptr() != place
    again = _memory.empty(like, 510, 1024)
    assert again.data_ptr() == place
    again[-1, -1] = 1  # all of it is there


def test_no_more_than_a_few_are_kept():
    tensors = [_memory.empty(torch.zeros(1), 64, 1024) for _ in range(4)]
    del tensors
    assert len(_memory._left) == 2


def test_no_more_than_so_many_bytes_are_kept(monkeypatch):
    monkeypatch.setattr(_memory, "_MOST_KEPT", 3 * 2**21)
    tensors = [_memory.empty(torch.zeros(1), pages, 2**19) for pages in (1, 2)]
    del tensors[1], tensors[0]
    assert [len(memory) for memory in _memory._left] == [2 * 2**21, 2**21]
    _memory.empty(torch.zeros(1), 3, 2**19)
    assert [len(memory) for memory in _memory._left] == [3 * 2**21]
    _memory.empty(torch.zeros(1), 4, 2**19)
    assert not _memory._left


def test_shape_and_dtype():
    small = _memory.empty(torch.zeros(1, dtype=torch.float64), 2, 3)
    large = _memory.empty(torch.zeros(1, dtype=torch.float64), 3, 5000)
    assert (small.shape, small.dtype) == ((2, 3), torch.float64)
    assert (large.shape, large.dtype) == ((3, 5000), torch.float64)


def test_systems_without_large_pages_do_without(monkeypatch):
    class Refusing(mmap.mmap):
        def madvise(self, *arguments):
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(mmap, "mmap", Refusing)
    monkeypatch.setattr(_memory, "_of_thread", threading.local())
    assert len(_memory.thread_scratch(10)) >= 10
    large = _memory.empty(torch.zeros(1), 64, 1024).fill_(1)
    assert (large == 1).all()


def test_another_thread_may_free_memory_at_any_moment():
    class Asked(bytes):
        def __len__(self):  # while it is looked at, a result of another thread is freed
            _memory._left.append(b"freed by another thread")
            return 1

    _memory._left.append(Asked())
    assert _memory.empty(torch.zeros(1), 64, 1024).shape == (64, 1024)
    assert len(_memory._left) == 2


@pytest.mark.parametrize("n_cells", [2, 64])  # a small result, and one in large pages
def test_results_may_be_changed_in_place(n_cells):
    qkv = torch.randn(n_cells, 20, 96, requires_grad=True)
    out = knn_attention(qkv, GeneGraph.full(20), n_heads=2, backend="numba")
    assert (n_cells > 2) == (4 * out.numel() >= _memory._OFTEN_FRESH)
    out += 1
    out.sum().backward()
    assert torch.isfinite(qkv.grad).all()
