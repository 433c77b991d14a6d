"""Classes whose name says that a cell has no label."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._labels import Labels

# in small letters; text columns have them where NaN was turned into text, and tools write them
_NO_LABEL = frozenset(
    {
        *("", "nan", "none", "null", "na", "n/a", "<na>", "nat"),
        *("unknown", "unassigned", "unlabeled", "unlabelled", "unannotated", "undefined"),
        *("not assigned", "not annotated", "not available"),
    }
)


def placeholders(labels: Labels) -> dict[str, int]:
    """Number of cells of each class whose name says that there is no label."""
    return {
        str(name): int(size)
        for name, size in zip(labels.names, labels.sizes, strict=True)
        if str(name).strip().lower() in _NO_LABEL
    }


def warn_of_placeholders(labels: Labels, *, caller: str, stacklevel: int) -> None:
    """Warn that cells without a label are about to be a class, and say how to leave them out."""
    found = placeholders(labels)
    if not found:
        return
    listed = ", ".join(f"{name!r} ({size:,} cells)" for name, size in found.items())
    column = f"adata.obs[{labels.key!r}]"
    msg = (
        f"{caller}: obs[{labels.key!r}] has {listed}, which reads like a missing label and takes part as a "
        f"class. If it is none, set it to missing: {column} = "
        f"{column}.mask({column}.isin({list(found)}))."
    )
    warnings.warn(msg, UserWarning, stacklevel=stacklevel + 1)
