"""Find the fitted model that a user points at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._keys import LongformerKeys

if TYPE_CHECKING:
    from anndata import AnnData

    from ..train import FittedLongformer


def read_reference(
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
        return load_folder(Path(reference).expanduser())
    if not isinstance(reference, AnnData):
        msg = (
            f"{caller}: `reference` must be a fitted AnnData, the path of a saved model, or a loaded "
            f"model, not {type(reference).__name__}."
        )
        raise TypeError(msg)
    return read_fitted(reference, reference_key, argument="reference", caller=caller)


def read_fitted(
    adata: AnnData, key: str, *, argument: str = "adata", caller: str
) -> FittedLongformer:
    """Return the model that a fit left in an AnnData.

    Parameters
    ----------
    adata
        Annotated data; not changed.
    key
        The `key_added` of the fit.
    argument
        What the public function calls `adata`, for the messages.
    caller
        Name of the public function, likewise.

    Raises
    ------
    KeyError
        The AnnData has no model under this key.
    TypeError
        `adata` is no AnnData.
    """
    from anndata import AnnData

    from ..train import FittedLongformer

    if not isinstance(adata, AnnData):
        msg = f"{caller}: `{argument}` must be an AnnData, not {type(adata).__name__}."
        raise TypeError(msg)
    record = adata.uns.get(LongformerKeys(key).record)
    if not _has_model(record):
        raise KeyError(_lost(adata, key, argument, caller))
    model = record["model"]
    return FittedLongformer.from_arrays(
        str(model["config"]),
        model["weights"],
        genes=model["genes"],
        classes=model["classes"],
        expression=str(model["expression"]),
        format_version=int(model["format_version"]),
    )


def _has_model(record: Any) -> bool:
    """Whether an entry of ``uns`` is the record of a fit that kept its model."""
    return isinstance(record, Mapping) and isinstance(record.get("model"), Mapping)


def _lost(adata: AnnData, key: str, argument: str, caller: str) -> str:
    """Say why there is no model under a key, and how to come by one."""
    record = adata.uns.get(LongformerKeys(key).record)
    fits = sorted(str(name) for name, value in adata.uns.items() if _has_model(value))
    fit = f"sl.tl.longformer_fit({argument})"
    why, advice = f"uns has models under {fits or 'no key'}", f"Call {fit} first"
    if isinstance(record, Mapping) and "training" in record:
        why, advice = "it was fitted with store_model=False", f"Call {fit} again without that"
    elif record is not None:
        why = f"what is there is no record of a fit; {why}"
    if argument == "reference":
        advice += ", or pass a saved model"
    return (
        f"{caller}: `{argument}` has no model in uns[{key!r}]['model'] ({why}). {advice}. Note that "
        "ad.concat drops uns and adata.raw.to_adata() drops varp."
    )
