"""Memory for the CPU kernels: kept where it can be, in large pages where the system has them.

A system maps fresh memory page by page as it is touched, which for tens of megabytes costs more than
computing what is written there; and keys that lie megabytes apart each need their page looked up.
Both are about 500 times fewer in large pages. On systems without them everything works as well.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import threading

import numpy as np
import torch

_ALWAYS_FRESH = 2**25  # bytes: from here up the C library maps new memory at every request
_of_thread = threading.local()


def thread_scratch(size: int) -> np.ndarray:
    """Return at least ``size`` float32 that the calling thread keeps from call to call."""
    scratch = getattr(_of_thread, "scratch", None)
    if scratch is None or len(scratch) < size:
        if hasattr(mmap, "MADV_HUGEPAGE"):
            memory = mmap.mmap(-1, 4 * size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            memory.madvise(mmap.MADV_HUGEPAGE)
            scratch = np.frombuffer(memory, dtype=np.float32)
        else:
            scratch = np.empty(size, dtype=np.float32)
        _of_thread.scratch = scratch
    return scratch


def empty(like: torch.Tensor, *shape: int) -> torch.Tensor:
    """Return an uninitialised tensor, in large pages if it is large."""
    tensor = like.new_empty(*shape)
    size = tensor.numel() * tensor.element_size()
    if size >= _ALWAYS_FRESH and sys.platform == "linux":
        start = -(-tensor.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
        stop = (tensor.data_ptr() + size) // mmap.PAGESIZE * mmap.PAGESIZE
        # a hint: where the system declines it, nothing is lost
        ctypes.CDLL(None).madvise(
            ctypes.c_void_p(start), ctypes.c_size_t(stop - start), mmap.MADV_HUGEPAGE
        )
    return tensor
