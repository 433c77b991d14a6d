"""What the classifier takes as cells and labels, where no AnnData was read before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d

from ..dataloaders._cells import Matrix


def checked_values(X: Any) -> Matrix:
    """Return cells x genes as an array or CSR.

    Raises
    ------
    ValueError
        It is no matrix of finite numbers, or has no cells.
    """
    return check_array(X, accept_sparse="csr", input_name="X")


def checked_cells(X: Any, y: Any) -> tuple[Matrix, np.ndarray, np.ndarray]:
    """Return cells x genes, the classes, and the class of each cell as an index into them.

    Raises
    ------
    ValueError
        As :func:`checked_values`; or labels are missing, are measurements, are not as many as cells,
        or are all the same.

    Examples
    --------
    >>> checked_cells([[0.0], [1.0]], ["b", "a"])[1:]
    (array(['a', 'b'], dtype='<U1'), array([1, 0]))
    """
    X, y = checked_values(X), column_or_1d(y)
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
