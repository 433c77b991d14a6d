"""The verdict of a comparison: what its tables support, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._keys import COMPARISON_RECORD, DATA_REQUIREMENT_RECORD, LEARNING_CURVE_RECORD

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from anndata import AnnData


@dataclass(frozen=True, repr=False)
class Verdict:
    """Which model to use, how sure that is, what it costs, and what was found on the way.

    Attributes
    ----------
    sentences
        Three of them: what the ranking does not show, which model to use and how sure; what it costs
        and whether a transformer is needed; which checks fired and what more cells would change.
        Every number in them stands in a table of the comparison.
    headline
        The answer in a few words.
    model
        Contestant to use: the cheapest that is as good as the best. Empty if none may be named.
    best
        Contestant with the best score; empty if none may be named.
    reason
        Why none is named: ``'void'``, a check forbids it; ``'unchecked'``, the checks were not run;
        ``'nobody'``, no contestant is left to rank; ``'floor'``, none is clearly better than one that
        looks at no gene. Empty if one is.
    ranking
        One row per contestant, the best first
        (:func:`~scrna_longformer.evaluation.verdict.ranking_table`).
    transformers
        Every transformer against logistic regression and the best simple model, and the gates of
        hybrids (:func:`~scrna_longformer.evaluation.verdict.transformer_table`).
    """

    sentences: tuple[str, ...]
    headline: str
    model: str
    best: str
    reason: str
    ranking: pd.DataFrame
    transformers: pd.DataFrame

    @property
    def text(self) -> str:
        """The three sentences."""
        return " ".join(self.sentences)

    def __repr__(self) -> str:
        return self.text


def verdict(adata: AnnData, key: str = COMPARISON_RECORD, *, metric: str = "macro_f1") -> Verdict:
    """Conclude from a comparison which model to use, how sure that is, and at what cost.

    ``uns['baseline_compare']['verdict']`` is the one that was drawn when the comparison ended. This
    function draws it again, so that a learning curve measured since, or another metric, counts.

    Parameters
    ----------
    adata
        Annotated data with a comparison (:func:`~scrna_longformer.tl.baseline_compare`).
    key
        Its ``key_added``.
    metric
        Score to rank by.

    Returns
    -------
    Verdict
        Prints as three sentences.

    Raises
    ------
    KeyError
        If there is no such comparison.
    ValueError
        If the metric is no score of it.

    See Also
    --------
    scrna_longformer.tl.learning_curve : What more cells would change.

    Notes
    -----
    The rules are in :doc:`/concepts/verdict`.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> models = ["nearest_centroid", "knn_pca", "logistic_regression"]
    >>> sl.tl.baseline_compare(adata, "bulk_labels", models=models, n_splits=3)
    >>> verdict = sl.get.verdict(adata)
    >>> verdict.model, len(verdict.sentences)
    ('logistic_regression', 3)
    """
    from ..evaluation import METRICS
    from ._frames import baseline_compare

    if metric not in METRICS:
        msg = f"verdict: `metric`={metric!r} is no score of a comparison; it has {list(METRICS)}."
        raise ValueError(msg)
    baseline_compare(adata, key)  # or it says which comparisons there are
    return draw_verdict(adata, adata.uns[key], metric)


def draw_verdict(adata: AnnData, record: Mapping[str, Any], metric: str = "macro_f1") -> Verdict:
    """Decide, and put it into words."""
    from ..evaluation.verdict import decide, headline, sentences

    decision = decide(record, metric)
    curve, requirement = _curves(adata, record["params"])
    stale = curve is None and _is_of_the_name(adata, record["params"])
    texts = sentences(decision, record, curve=curve, requirement=requirement, stale=stale)
    return Verdict(
        sentences=tuple(texts),
        headline=headline(decision),
        model=decision.model,
        best=decision.best,
        reason=decision.reason,
        ranking=decision.ranking,
        transformers=decision.transformers,
    )


def verdict_record(verdict: Verdict) -> dict[str, Any]:
    """Turn a verdict into types that h5ad and zarr can store."""
    import numpy as np

    texts = ("model", "kind", "status", "floor", "counts_as", "rival")
    tables = {
        name: frame.astype({c: "category" for c in texts if c in frame})
        for name, frame in (("ranking", verdict.ranking), ("transformers", verdict.transformers))
    }
    return {
        "text": verdict.text,
        "sentences": np.array(verdict.sentences, dtype=str),
        "headline": verdict.headline,
        "model": verdict.model,
        "best": verdict.best,
        "reason": verdict.reason,
        **tables,
    }


def _curves(
    adata: AnnData, params: Mapping[str, Any]
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Learning curve for these labels, and what was concluded from it, where there are any."""
    import pandas as pd

    from ._frames_curve import curve_digest

    if not _is_of_the_name(adata, params):
        return None, None
    curve = adata.uns[LEARNING_CURVE_RECORD]
    # a column may have been given other labels since; records of older versions do not tell
    digests = [str(of.get("label_digest", "")) for of in (curve["params"], params)]
    if not digests[0] or digests[0] != digests[1]:
        return None, None
    requirement = adata.uns.get(DATA_REQUIREMENT_RECORD)
    if requirement is None or str(requirement["params"]["curve"]) != LEARNING_CURVE_RECORD:
        return curve, None
    if str(requirement["params"].get("curve_digest")) != curve_digest(
        pd.DataFrame(curve["scores"])
    ):
        return curve, None  # it is of a curve that has been measured anew since
    return curve, requirement


def _is_of_the_name(adata: AnnData, params: Mapping[str, Any]) -> bool:
    """Whether there is a learning curve of the same column, layer and groups."""
    curve = adata.uns.get(LEARNING_CURVE_RECORD)
    if curve is None or "scores" not in curve:
        return False
    # a curve within donors says nothing of other donors
    told = ("key", "layer", "group_key")
    return all(str(curve["params"][name]) == str(params[name]) for name in told)
