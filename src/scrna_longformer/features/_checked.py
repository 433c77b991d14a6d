"""What every estimator takes as cells: numbers, finite, of the genes of the fit."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import get_tags
from sklearn.utils.validation import validate_data

from ._ranking import Matrix


class CellTransformer(TransformerMixin, BaseEstimator):
    """A transformer of scikit-learn that takes cells x genes dense or sparse.

    What its ``fit`` and ``transform`` are given is checked by scikit-learn's validation: finite numbers,
    of as many genes (and in data frames of the same names) as those it was fitted to.
    """

    def __sklearn_tags__(self) -> Any:
        """Say that sparse values are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def checked_values(
    estimator: BaseEstimator, X: Any, *, fitting: bool = False, finite: bool = True
) -> Matrix:
    """Return cells x genes as an array, or as CSR where the estimator takes that.

    Parameters
    ----------
    estimator
        Remembers the number and names of the genes where it is `fitting`, and else compares them.
    X
        Cells x genes in any form that scikit-learn takes.
    fitting
        Whether these cells are fitted.
    finite
        Whether numbers must be finite; if not, an estimator inside has the last word.

    Raises
    ------
    ValueError
        It is no matrix of finite numbers, has no cells, or not the genes of the fit.
    """
    sparse = "csr" if get_tags(estimator).input_tags.sparse else False
    return validate_data(
        estimator, X, accept_sparse=sparse, ensure_all_finite=finite, reset=fitting
    )
