"""What the classifier takes as cells and labels, where no AnnData was read before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data

from ..dataloaders._cells import Matrix


def checked_values(estimator: BaseEstimator, X: Any, *, fitting: bool = False) -> Matrix:
    """Return cells x genes as an array or CSR.

    Parameters
    ----------
    estimator
        Remembers the number and names of the genes where it is `fitting`, and else compares them.
    X
        Cells x genes in any form that scikit-learn takes.
    fitting
        Whether these cells are fitted.

    Raises
    ------
    ValueError
        It is no matrix of finite numbers, has no cells, or not the genes of the fit.
    """
    return validate_data(estimator, X, accept_sparse="csr", reset=fitting)


def checked_cells(
    estimator: BaseEstimator, X: Any, y: Any
) -> tuple[Matrix, np.ndarray, np.ndarray]:
    """Return cells x genes to fit, the classes, and the class of each cell as an index into them.

    Raises
    ------
    ValueError
        As :func:`checked_values`; or labels are missing, are measurements, are not as many as cells,
        or are all the same.

    Examples
    --------
    >>> checked_cells(BaseEstimator(), [[0.0], [1.0]], ["b", "a"])[1:]
    (array(['a', 'b'], dtype='<U1'), array([1, 0]))
    """
    X, y = checked_values(estimator, X, fitting=True), column_or_1d(y, warn=True)
    check_consistent_length(X, y)
    if n_missing := int(pd.isna(y).sum()):
        msg = f"`y` has {n_missing} missing labels. Leave these cells out of `X` and `y`."
        raise ValueError(msg)
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        msg = f"`y` holds one class ({classes.tolist()[0]!r}); a classifier needs at least two."
        raise ValueError(msg)
    return X, classes, codes
