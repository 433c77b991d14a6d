"""Gene-token transformers with kNN-masked attention for AnnData, compared honestly with simple models.

The surface (``pp``, ``tl``, ``pl``, ``get``, ``datasets``, ``io``) reads and writes AnnData slots; the
core packages below it (``graph``, ``features``, ``attention``, ``nn``, ``dataloaders``, ``train``,
``evaluation``) speak arrays and tensors and are imported when first touched.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from . import datasets, get, io, pl, pp, tl
from ._settings import settings

if TYPE_CHECKING:
    from . import attention, dataloaders, evaluation, features, graph, nn, train

_CORE = ("attention", "dataloaders", "evaluation", "features", "graph", "nn", "train")

__version__ = metadata.version("scrna-longformer")
__all__ = [
    "__version__",
    "attention",
    "dataloaders",
    "datasets",
    "evaluation",
    "features",
    "get",
    "graph",
    "io",
    "nn",
    "pl",
    "pp",
    "settings",
    "tl",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a core package on first access (PEP 562), so that the import itself costs nothing."""
    if name in _CORE:
        return import_module(f".{name}", __name__)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
