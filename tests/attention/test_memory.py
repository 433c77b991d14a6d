"""Memory of large results: used again when free, and only then."""

from __future__ import annotations

import mmap
from collections import deque

import pytest
import torch

from scrna_longformer.attention import _memory

pytestmark = pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="needs Linux")


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch):
    monkeypatch.setattr(_memory, "_ALWAYS_FRESH", 2**16)
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


def test_freed_memory_is_used_again_for_the_same_size():
    like = torch.zeros(1)
    first = _memory.empty(like, 64, 1024)
    place = first.data_ptr()
    del first
    assert _memory.empty(like, 65, 1024).data_ptr() != place
    assert _memory.empty(like, 32, 2048).data_ptr() == place


def test_no_more_than_two_are_kept():
    tensors = [_memory.empty(torch.zeros(1), 64, 1024) for _ in range(4)]
    del tensors
    assert len(_memory._left) == 2


def test_shape_and_dtype():
    small = _memory.empty(torch.zeros(1, dtype=torch.float64), 2, 3)
    large = _memory.empty(torch.zeros(1, dtype=torch.float64), 3, 5000)
    assert (small.shape, small.dtype) == ((2, 3), torch.float64)
    assert (large.shape, large.dtype) == ((3, 5000), torch.float64)
