"""Which device trains, what computes attention there, and how its random numbers are kept to ourselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..attention import resolve_backend
from ..attention._cpu import why_not_vectors
from ..nn._config import LongformerConfig

ACCELERATORS = ("auto", "cuda", "mps", "cpu")


def resolve_accelerator(name: str) -> str:
    """Return the accelerator to use: for ``'auto'`` CUDA, then MPS, then the CPU.

    Raises
    ------
    ValueError
        If the name is not known.
    RuntimeError
        If an accelerator is asked for that this machine (or this build of torch) does not have.
    """
    if name not in ACCELERATORS:
        msg = f"`accelerator` must be one of {ACCELERATORS}, not {name!r}."
        raise ValueError(msg)
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return next(candidate for candidate, there in available.items() if there)
    if not available[name]:
        there = [candidate for candidate, yes in available.items() if yes]
        msg = (
            f"`accelerator`={name!r} is not available with torch {torch.__version__} on this "
            f"machine; available: {there}. Use accelerator='auto', or see "
            "`scrna-longformer doctor`."
        )
        raise RuntimeError(msg)
    return name


# Activations of one layer (cells x tokens x width) below which one thread computes a step.
WORTH_THREADS = 2**20


@contextmanager
def fitting_threads(accelerator: str, n_activations: int) -> Iterator[None]:
    """Let the block compute on one thread where a step is small, and restore the caller's number.

    A step of the default model takes milliseconds, in which threads wait for each other more than
    they compute; on a machine that is busy with something else it takes many times as long. One
    thread also makes the updates independent of how many the machine has.
    """
    threads = torch.get_num_threads()
    if accelerator == "cpu" and n_activations < WORTH_THREADS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def seed_torch(accelerator: str, value: int) -> None:
    """Seed the generators that the accelerator draws from.

    `torch.manual_seed` seeds those of every kind of device, which takes as long as a small layer.
    """
    if accelerator == "cpu":
        torch.default_generator.manual_seed(value)
    else:
        torch.manual_seed(value)


@contextmanager
def isolated_rng(accelerator: str) -> Iterator[None]:
    """Let the block seed and draw torch's random numbers, and restore the caller's afterwards."""
    if accelerator == "cpu":
        with torch.random.fork_rng(devices=[]):
            yield
    else:
        devices = range(torch.cuda.device_count()) if accelerator == "cuda" else [0]
        with torch.random.fork_rng(devices=devices, device_type=accelerator):
            yield


def attention_backend(config: LongformerConfig, accelerator: str) -> str:
    """Return what computes the attention of a model in training.

    Raises
    ------
    ValueError
        If the config names a backend that cannot run there.
    """
    without_graph = {"full": "dense", "linear": "linear", "none": "none"}
    if config.attention in without_graph:
        return without_graph[config.attention]
    name, d_model, n_heads = config.attention_backend, config.d_model, config.n_heads
    if name == "auto":
        return resolve_backend(
            accelerator,
            d_model=d_model,
            n_heads=n_heads,
            n_genes=config.n_genes,
            dropout=config.attention_dropout > 0,
            token_graph=config.tokens == "expressed",
        )
    reason = why_not_vectors(d_model, n_heads) if name == "numba" else ""
    if name in ("numba", "numba_plain") and accelerator != "cpu":
        reason = f"it runs on the CPU, and the fit on {accelerator!r}"
    if reason:
        msg = f"`attention_backend`={name!r} cannot run: {reason}. Leave it at 'auto'."
        raise ValueError(msg)
    return name
