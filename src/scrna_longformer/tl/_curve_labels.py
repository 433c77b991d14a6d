"""Whether the labels are still those that a learning curve was measured on."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from ._compare_inputs import labels_as_fitted, last_fit

if TYPE_CHECKING:
    from anndata import AnnData

    from ..get import LearningCurve


def warn_of_other_labels(
    adata: AnnData, curve: LearningCurve, *, caller: str, stacklevel: int
) -> None:
    """Warn that cells or labels have changed since the curve was measured.

    What is read from the curve is still true, but of other cells than are here. A column that is
    gone has not changed.
    """
    key, measured = (str(curve.params.get(name, "")) for name in ("key", "label_digest"))
    if key not in adata.obs or _digest(adata, key, caller) == measured:
        return
    msg = (
        f"{caller}: obs[{key!r}] has other labels, or other cells, than when the learning curve was "
        "measured; the answer is about those. Measure anew with "
        f"sl.tl.learning_curve(adata, {key!r})."
    )
    warnings.warn(msg, UserWarning, stacklevel=stacklevel + 1)


def _digest(adata: AnnData, key: str, caller: str) -> str:
    """Fingerprint of the labels as the curve would read them; empty if they are no classes now."""
    try:
        return labels_as_fitted(adata, key, last_fit(adata, key), caller=caller).digest
    except (TypeError, ValueError):  # measurements, or fewer than two classes
        return ""
