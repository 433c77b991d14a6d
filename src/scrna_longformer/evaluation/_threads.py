"""How many threads a simple model computes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from threadpoolctl import threadpool_limits

from ._terms import terms_of


@contextmanager
def one_thread() -> Iterator[None]:
    """Let the block (or, as a decorator, the function) compute on one thread of BLAS and OpenMP.

    Products of simple models are small: threads wait for each other longer than they compute. (The
    decorator of threadpoolctl itself would only know the libraries that are loaded when the function
    is defined.)
    """
    with threadpool_limits(limits=1):
        yield


def threads_of(model: Any) -> AbstractContextManager[None]:
    """One thread for a simple model of ours, so that times can be compared; others do as they like."""
    return one_thread() if terms_of(model).one_thread else nullcontext()
