"""What learning curves answer: how many cells, and which model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._keys import DATA_REQUIREMENT_RECORD, RECOMMENDATION_RECORD
from ._records import is_recommendation, is_requirement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from anndata import AnnData


@dataclass(frozen=True, repr=False)
class DataRequirement:
    """How many labelled cells until a transformer is level with the best simple model.

    Attributes
    ----------
    table
        One row per transformer and ``goal``: ``'match'`` (no more than the margin behind) and
        ``'beat'``. ``n_cells`` is the estimate, ``low`` and ``high`` the ends of its interval (0:
        at the smallest size already; infinity: not within the horizon), ``status`` one of
        ``'measured'``, ``'extrapolated'``, ``'open'`` (not expected within the horizon, nor
        excluded) and ``'none in sight'``. ``gap`` with ``gap_low`` and ``gap_high`` is how far the
        model is behind at ``at_cells``, the largest size it was measured at (negative: ahead), and
        ``rival`` the best simple model there. ``n_parameters``, and ``rule_cells``: what 15 samples
        per parameter would have asked for.
    sentence
        The answer in words.
    params
        ``metric``, ``margin``, ``horizon`` (cells), ``level``.
    """

    table: pd.DataFrame
    sentence: str
    params: dict[str, Any]

    def __repr__(self) -> str:
        return self.sentence


@dataclass(frozen=True, repr=False)
class Recommendation:
    """Which model the measured curves support.

    Attributes
    ----------
    model
        Name of the contestant to use.
    preset
        Size of the transformer that the curves support: the smallest of those measured that is
        within the margin of the best transformer. Empty if none was measured.
    rule_preset
        Largest size that 15 samples per parameter would have allowed; empty for none.
    table
        One row per model, best first: ``model``, ``kind``, ``preset``, expected ``value`` with
        ``low`` and ``high``, ``gap`` (how far behind the best simple model; negative: ahead) with
        ``gap_low`` and ``gap_high``, ``n_parameters``, ``rule_cells``, ``fit_seconds``.
    sentence
        The answer in words.
    params
        ``metric``, ``margin``, ``level``, ``n_cells``.
    """

    model: str
    preset: str
    rule_preset: str
    table: pd.DataFrame
    sentence: str
    params: dict[str, Any]

    def __repr__(self) -> str:
        return self.sentence


def data_requirement(adata: AnnData, key: str = DATA_REQUIREMENT_RECORD) -> DataRequirement:
    """Return what :func:`scrna_longformer.tl.data_requirement` wrote.

    Parameters
    ----------
    adata
        Annotated data.
    key
        Its ``key_added``.

    Returns
    -------
    DataRequirement

    Raises
    ------
    KeyError
        If there is none.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.get.data_requirement(adata)
    Traceback (most recent call last):
        ...
    KeyError: ...
    """
    record = _record(adata, key, is_requirement, "data_requirement")
    return DataRequirement(record["table"].copy(), str(record["sentence"]), dict(record["params"]))


def recommend_architecture(adata: AnnData, key: str = RECOMMENDATION_RECORD) -> Recommendation:
    """Return what :func:`scrna_longformer.tl.recommend_architecture` wrote.

    Parameters
    ----------
    adata
        Annotated data.
    key
        Its ``key_added``.

    Returns
    -------
    Recommendation

    Raises
    ------
    KeyError
        If there is none.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.get.recommend_architecture(adata)
    Traceback (most recent call last):
        ...
    KeyError: ...
    """
    record = _record(adata, key, is_recommendation, "recommend_architecture")
    texts = {name: str(record[name]) for name in ("model", "preset", "rule_preset", "sentence")}
    return Recommendation(**texts, table=record["table"].copy(), params=dict(record["params"]))


def _record(
    adata: AnnData, key: str, is_own: Callable[[Any], bool], caller: str
) -> Mapping[str, Any]:
    record = adata.uns.get(key)
    if not is_own(record):
        msg = f"{caller}: nothing in uns[{key!r}]. Call sl.tl.{caller}(adata) first."
        raise KeyError(msg)
    return record
