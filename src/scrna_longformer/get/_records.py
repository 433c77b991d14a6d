"""Whose an entry of ``uns`` is, by what it holds; so that no call writes over another's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._keys import LongformerKeys


def is_fit(record: Any) -> bool:
    """Whether it is what :func:`scrna_longformer.tl.longformer_fit` writes."""
    return _holds(record, "params", "train_config") and isinstance(record["params"], Mapping)


def fits_in(uns: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the records of all fits, the latest first.

    The order of ``uns`` does not tell: files sort its entries by name. Records of before fits were
    numbered come last, the one of the default name first among them.
    """
    names = [LongformerKeys().record, *reversed(list(uns))]
    records = [uns[name] for name in dict.fromkeys(names) if name in uns]
    return sorted(filter(is_fit, records), key=_number, reverse=True)


def next_number(uns: Mapping[str, Any]) -> int:
    """Return the number of the next fit."""
    return 1 + max(map(_number, fits_in(uns)), default=0)


def _number(fit: Mapping[str, Any]) -> int:
    return int(fit.get("number", 0))


def is_comparison(record: Any) -> bool:
    """Whether it is what :func:`scrna_longformer.tl.baseline_compare` writes."""
    return _holds(record, "summary", "folds", "runs")


def is_curve(record: Any) -> bool:
    """Whether it is what :func:`scrna_longformer.tl.learning_curve` writes."""
    return _holds(record, "scores", "runs", "models")


def is_requirement(record: Any) -> bool:
    """Whether it is what :func:`scrna_longformer.tl.data_requirement` writes."""
    return _holds(record, "table", "sentence") and not is_recommendation(record)


def is_recommendation(record: Any) -> bool:
    """Whether it is what :func:`scrna_longformer.tl.recommend_architecture` writes."""
    return _holds(record, "table", "sentence", "rule_preset")


def is_attention(record: Any) -> bool:
    """Whether it is what :func:`scrna_longformer.tl.gene_attention` writes."""
    return _holds(record, "groups", "keys")


def check_free(
    uns: Mapping[str, Any], key_added: str, is_own: Callable[[Any], bool], *, caller: str
) -> None:
    """Raise where a result would replace what this call did not write.

    Raises
    ------
    ValueError
        ``uns[key_added]`` holds something else.

    Examples
    --------
    >>> check_free({"leiden": {"params": {}}}, "leiden", is_fit, caller="longformer_fit")
    Traceback (most recent call last):
    ...
    ValueError: longformer_fit: `key_added`='leiden' is taken: adata.uns['leiden'] holds ...
    """
    if key_added in uns and not is_own(uns[key_added]):
        msg = (
            f"{caller}: `key_added`={key_added!r} is taken: adata.uns[{key_added!r}] holds something "
            f"else than a result of this call. Choose another name, or remove that first: "
            f"del adata.uns[{key_added!r}]."
        )
        raise ValueError(msg)


def _holds(record: Any, *names: str) -> bool:
    return isinstance(record, Mapping) and set(names) <= set(record)
