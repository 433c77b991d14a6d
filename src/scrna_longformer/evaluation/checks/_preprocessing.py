"""Input that was made by looking at all cells, held-out ones included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from ...features._counts import has_counts
from ...features._ranking import Matrix, class_moments, is_sparse, rank_variance
from ...features._state import summarise_values
from ._duplicates import n_dimensions
from ._result import CheckResult, fault, passed

NAME = "preprocessing"
LEAST_ZEROS = 0.02  # of values that are no scaled counts: smoothed matrices have hardly any
MOST_DIMENSIONS = 12.0  # of smoothed cells; noise of its own in each gene makes far more
GENES_PER_DIMENSION = 8  # at least: a panel has few dimensions by itself
ALIKE = 0.95  # share of the genes with one spread, or one maximum


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
        values are counts after scaling and logarithm), ``genes_scaled``, ``n_records``.

    Notes
    -----
    Negative values were centred, and a mean was taken to do so. Positive values that are no
    logarithms of scaled counts, of which (nearly) none is zero, and which vary in few dimensions
    around a cell, were imputed or smoothed over cells; noise that is measured gene by gene has many
    dimensions. Where genes share one standard deviation, or one maximum that a single cell has, each
    was divided by what was learned from all cells.

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
    genes_scaled = False
    if minimum >= 0 and not is_counts and X.shape[1] > _FEW_GENES:
        genes_scaled = _genes_scaled(X)
        if genes_scaled:
            found.insert(
                0, "Genes share one spread or maximum: every gene was scaled over all cells."
            )
        if zeros < LEAST_ZEROS and _dimensions(X) < _most_dimensions(X):
            found.insert(
                0,
                f"Values are no scaled counts, {zeros:.1%} are zero and cells vary in few "
                "dimensions: they were smoothed or imputed.",
            )
    evidence: dict[str, Any] = {
        "minimum": minimum,
        "zero_share": zeros,
        "is_counts": is_counts,
        "genes_scaled": genes_scaled,
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
_MOST_CELLS, _MOST_ASKED, _MOST_GENES = 20_000, 300, 1000  # that dimensions are measured with
_LEAST_CELLS = 50  # of fewer, neither spread nor dimensions are known


def _zero_share(X: Matrix) -> float:
    stored = sparse.csr_array(X).count_nonzero() if is_sparse(X) else np.count_nonzero(X)
    return 1 - stored / max(np.prod(X.shape, dtype=float), 1)


def _genes_scaled(X: Matrix) -> bool:
    """Whether genes share one standard deviation, or one maximum, as independent ones never do."""
    n_cells = X.shape[0]
    spread = np.sqrt(class_moments(X, np.zeros(n_cells, dtype=np.int64), 1).variances[0])
    varies = spread > 0
    if n_cells < _LEAST_CELLS or varies.sum() <= _FEW_GENES:
        return False
    top = X.max(axis=0)
    top = np.asarray(top.toarray() if is_sparse(top) else top, dtype=np.float64).ravel()[varies]
    spread = spread[varies]
    # nearer than genes of one true spread would come by chance
    near = min(0.01, 0.2 / np.sqrt(n_cells))
    free = top < top.max()  # clipped genes have lost their spread
    if free.mean() > 0.5 and _share_alike(spread[free], near) >= ALIKE:
        return True
    if _share_alike(top, 1e-5) < ALIKE:
        return False
    # where many cells have the maximum it is a bound of the values, as of methylation or splicing
    least = float(np.median(top)) * (1 - 1e-5)
    n_at_top = np.asarray((least <= X).sum(axis=0)).ravel()[varies]
    return bool(np.median(n_at_top) <= 1)


def _share_alike(values: np.ndarray, tolerance: float) -> float:
    middle = np.median(values)
    return float(np.mean(np.abs(values - middle) <= tolerance * middle))


def _dimensions(X: Matrix) -> float:
    """Dimensions in which cells vary around a cell; infinite where there are too few to tell."""
    n_cells = X.shape[0]
    if n_cells < _LEAST_CELLS:
        return float("inf")
    rows = np.linspace(0, n_cells - 1, min(n_cells, _MOST_CELLS)).astype(int)
    values = X[rows][:, np.sort(rank_variance(X)[:_MOST_GENES])]
    values = np.asarray(values.toarray() if is_sparse(values) else values, dtype=np.float64)
    asked = values[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ASKED)).astype(int)]
    # the first is the cell itself
    distance = NearestNeighbors(n_neighbors=13).fit(values).kneighbors(asked)[0]
    return n_dimensions(distance[:, 6], distance[:, 12])


def _most_dimensions(X: Matrix) -> float:
    return min(MOST_DIMENSIONS, X.shape[1] / GENES_PER_DIMENSION)
