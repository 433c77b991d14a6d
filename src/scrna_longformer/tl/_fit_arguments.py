"""What fit and prediction refuse before they read a cell."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from .._arguments import check_key_added, check_random_state
from .._keys import LongformerKeys


def check_fit_arguments(
    *,
    min_cells: Any,
    validation_fraction: Any,
    random_state: Any,
    unlabeled: Any,
    caller: str,
) -> None:
    """Raise for arguments of a fit that say nothing, by their names.

    Raises
    ------
    TypeError
        `unlabeled` is a list.
    ValueError
        Any other is no number, or out of range.
    """
    if not isinstance(min_cells, Integral) or min_cells < 0:
        msg = f"{caller}: `min_cells` must be an integer and not negative, not {min_cells!r}."
        raise ValueError(msg)
    if not isinstance(validation_fraction, Real) or not 0 < float(validation_fraction) < 1:
        msg = (
            f"{caller}: `validation_fraction` must lie between 0 and 1, not {validation_fraction!r}: 0.2 "
            "to hold out a fifth of each class. Scores and prediction sets need such cells."
        )
        raise ValueError(msg)
    check_random_state(random_state, caller=caller)
    if unlabeled is not None and not isinstance(unlabeled, str | Real):
        msg = (
            f"{caller}: `unlabeled` must be one value of the labels, not {unlabeled!r}. Where several "
            "mean that there is no label, set them to missing: adata.obs[key] = "
            "adata.obs[key].mask(adata.obs[key].isin([...]))."
        )
        raise TypeError(msg)


def check_slot_name(
    key_added: Any, *, caller: str, mask_key: str | None = None, key: str | None = None
) -> None:
    """Raise if results cannot be stored under a name, or would replace what they are made with.

    Raises
    ------
    TypeError
        It is no text.
    ValueError
        It is empty, has a ``/``, is the name of the mask, or a column of `obs` that would be written
        is that of the labels, `key`.
    """
    check_key_added(key_added, caller=caller)
    if key_added == mask_key:
        msg = (
            f"{caller}: `key_added`={key_added!r} is the name of the gene mask, whose record in uns "
            "would be replaced. Choose another, such as 'longformer'."
        )
        raise ValueError(msg)
    keys = LongformerKeys(key_added)
    if key in (keys.prediction, keys.confidence, keys.split, keys.accepted, keys.novelty):
        msg = (
            f"{caller}: obs[{key!r}] has the labels, and with `key_added`={key_added!r} the result would "
            "be written over them, or they would go as part of an earlier prediction. Choose another "
            "`key_added`."
        )
        raise ValueError(msg)
