"""Find the fitted model that a user points at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .._keys import LongformerKeys

if TYPE_CHECKING:
    from anndata import AnnData

    from ..train import FittedLongformer


def read_fitted(
    reference: AnnData | FittedLongformer | str | Path, reference_key: str, *, caller: str
) -> FittedLongformer:
    """Return the model of an AnnData, of a saved folder, or the model itself.

    Raises
    ------
    KeyError
        The AnnData has no model under this key.
    TypeError
        `reference` is something else.
    """
    from anndata import AnnData

    from ..train import FittedLongformer, load_folder

    if isinstance(reference, FittedLongformer):
        return reference
    if isinstance(reference, str | Path):
        return load_folder(Path(reference))
    if not isinstance(reference, AnnData):
        msg = (
            f"{caller}: `reference` must be a fitted AnnData, the path of a saved model, or a loaded "
            f"model, not {type(reference).__name__}."
        )
        raise TypeError(msg)
    record = reference.uns.get(LongformerKeys(reference_key).record)
    if record is None or "model" not in record:
        fits = sorted(
            key
            for key, value in reference.uns.items()
            if hasattr(value, "get") and "model" in value
        )
        why = (
            "it was fitted with store_model=False"
            if record is not None
            else f"uns has models under {fits or 'no key'}"
        )
        msg = (
            f"{caller}: the reference has no model in uns[{reference_key!r}]['model'] ({why}). Call "
            "sl.tl.longformer_fit(reference) first, or pass a saved model. Note that ad.concat drops "
            "uns and adata.raw.to_adata() drops varp."
        )
        raise KeyError(msg)
    model = record["model"]
    return FittedLongformer.from_arrays(
        str(model["config"]),
        model["weights"],
        genes=model["genes"],
        classes=model["classes"],
        expression=str(model["expression"]),
        format_version=int(model["format_version"]),
    )
