"""How sure a mean over folds is."""

from __future__ import annotations

import numpy as np
from scipy import stats


def corrected_interval(
    values: np.ndarray, *, test_share: float, level: float = 0.95
) -> tuple[float, float]:
    """Interval of the mean over cross-validation folds, for scores or for paired differences.

    Folds share most of their training cells, so their scores are not independent, and the usual
    standard error is too small. The correction adds the ratio of test to training cells to 1 / n.

    Parameters
    ----------
    values
        One value per fold.
    test_share
        Number of test cells over number of training cells of a fold: 1/4 for five folds.
    level
        Wanted coverage.

    Returns
    -------
    Lower and upper end; NaN for fewer than two values.

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52.

    Examples
    --------
    >>> low, high = corrected_interval(np.array([0.70, 0.74, 0.72, 0.71, 0.73]), test_share=0.25)
    >>> round(low, 3), round(high, 3)
    (0.691, 0.749)
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    error = np.sqrt((1 / n + test_share) * values.var(ddof=1))
    reach = stats.t.ppf((1 + level) / 2, n - 1) * error
    return float(values.mean() - reach), float(values.mean() + reach)
