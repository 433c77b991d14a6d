"""Input that was made by looking at all cells, held-out ones included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from ...features._counts import has_counts
from ...features._ranking import Matrix, is_sparse
from ...features._state import summarise_values
from ._result import CheckResult, fault, passed

NAME = "preprocessing"
LEAST_ZEROS = 0.02  # of values that are no scaled counts: smoothed matrices have hardly any


def preprocessing(X: Matrix, *, records: Sequence[str] = ()) -> CheckResult:
    """Look for scaled, corrected, smoothed or gene-selected input.

    Parameters
    ----------
    X
        Cells x genes, as given to the contestants.
    records
        What is known of the input from elsewhere, a sentence each, such as that its genes were
        selected on all cells.

    Returns
    -------
    CheckResult
        Severity ``'limits'``. Evidence: ``minimum``, ``zero_share``, ``is_counts`` (whether the
        values are counts after scaling and logarithm), ``n_records``.

    Notes
    -----
    Negative values were centred, and a mean was taken to do so. Positive values that are no
    logarithms of scaled counts, and of which (nearly) none is zero, were imputed or smoothed over
    cells.

    Examples
    --------
    >>> counts = np.random.default_rng(0).poisson(1.0, (50, 40)) + np.eye(50, 40)
    >>> X = np.log1p(counts / counts.sum(axis=1, keepdims=True))
    >>> preprocessing(X).fired, preprocessing(X - X.mean(axis=0)).fired
    (False, True)
    """
    minimum = summarise_values(X).minimum
    zeros = _zero_share(X)
    is_counts = minimum >= 0 and has_counts(X)
    found = list(records)
    if minimum < 0:
        found.insert(
            0, f"Values are negative (down to {minimum:.2f}): they were centred or corrected."
        )
    elif not is_counts and zeros < LEAST_ZEROS and X.shape[1] > _FEW_GENES:
        found.insert(
            0,
            f"Values are no scaled counts and {zeros:.1%} are zero: they were smoothed or imputed.",
        )
    evidence: dict[str, Any] = {
        "minimum": minimum,
        "zero_share": zeros,
        "is_counts": is_counts,
        "n_records": len(records),
    }
    if not found:
        return passed(NAME, "limits", "Nothing shows that the input saw all cells.", **evidence)
    return fault(
        NAME,
        "limits",
        " ".join(found),
        "The test cells took part in making the input, so scores do not show what new cells would "
        "get; they are optimistic by an unknown amount.",
        "give log values of all genes (sc.pp.normalize_total and sc.pp.log1p of the counts); genes, "
        "scale and components are then chosen on the training cells of each fold. If raw holds them: "
        "adata.raw.to_adata().",
        evidence=evidence,
    )


_FEW_GENES = 20  # a small panel can have no zeros by itself


def _zero_share(X: Matrix) -> float:
    stored = sparse.csr_array(X).count_nonzero() if is_sparse(X) else np.count_nonzero(X)
    return 1 - stored / max(np.prod(X.shape, dtype=float), 1)
