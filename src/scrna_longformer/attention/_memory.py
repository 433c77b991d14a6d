"""Memory for the CPU kernels: kept where it can be, in large pages where the system has them.

A system maps fresh memory page by page as it is touched, which for tens of megabytes costs more than
computing what is written there; and keys that lie megabytes apart each need their page looked up.
Both are about 500 times fewer in large pages. On systems without them everything works as well.
"""

from __future__ import annotations

import math
import mmap
import threading
from collections import deque
from contextlib import suppress
from weakref import finalize

import numpy as np
import torch

_OFTEN_FRESH = 2**22  # bytes: what is smaller the C library mostly has at hand
_LARGE_PAGE = 2**21  # bytes
_MOST_KEPT = 2**28  # bytes: a process that has fitted a large model gives most of its memory back
_of_thread = threading.local()
_left: deque[mmap.mmap] = deque(maxlen=4)  # freed, and kept for the next requests


def thread_scratch(size: int) -> np.ndarray:
    """Return at least ``size`` float32 that the calling thread keeps from call to call."""
    scratch = getattr(_of_thread, "scratch", None)
    if scratch is None or len(scratch) < size:
        if hasattr(mmap, "MADV_HUGEPAGE"):
            scratch = np.frombuffer(_large_pages(4 * max(size, 1)), dtype=np.float32)
        else:
            scratch = np.empty(size, dtype=np.float32)
        _of_thread.scratch = scratch
    return scratch


def empty(like: torch.Tensor, *shape: int) -> torch.Tensor:
    """Return an uninitialised tensor; if it is large, in large pages that an earlier one left."""
    size = math.prod(shape) * like.element_size()
    if size < _OFTEN_FRESH or not hasattr(mmap, "MADV_HUGEPAGE"):
        return like.new_empty(*shape)
    whole = size + -size % _LARGE_PAGE  # so that lists of tokens, of varying length, fit again
    memory = _take(whole) or _large_pages(whole)
    # of its final shape and dtype: what autograd takes for a view may not be changed in place
    array = np.ndarray(shape, dtype=like.new_empty(0).numpy().dtype, buffer=memory)
    # the tensor holds the array: when the last view of it is gone, the memory is free again
    finalize(array, _keep, memory).atexit = False
    return torch.from_numpy(array)


def _keep(memory: mmap.mmap) -> None:
    """Keep freed memory for the next requests; where that is too much, the oldest goes."""
    _left.append(memory)
    while sum(map(len, tuple(_left))) > _MOST_KEPT:
        with suppress(IndexError):  # another thread was faster
            _left.popleft()


def _take(size: int) -> mmap.mmap | None:
    """Take memory of this size out of what is left, by steps that no other thread can come between."""
    for _ in range(len(_left)):
        try:
            memory = _left.popleft()
        except IndexError:  # another thread was faster
            return None
        if len(memory) == size:
            return memory
        _left.append(memory)
    return None


def _large_pages(size: int) -> mmap.mmap:
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a system without large pages refuses
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
