"""CellTypist trained on the training cells, as a classifier of arrays."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from ..._compat import optional_import
from ...evaluation._cell_classifier import CellClassifier
from ...features._transform import GeneSelector

if TYPE_CHECKING:
    from types import ModuleType

    from ...features._ranking import Matrix

_CLIP = 10.0  # CellTypist's own, after scaling


def require_celltypist() -> ModuleType:
    """Import CellTypist, or say how to install it; undo what it does to the root logger."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    package = optional_import(
        "celltypist", extra="baselines", purpose="The contestant 'celltypist'"
    )
    root.handlers[:], root.level = handlers, level
    logging.getLogger("celltypist").setLevel(logging.ERROR)
    return package


class CellTypistClassifier(CellClassifier):
    """CellTypist's logistic regression by stochastic gradient descent, on the best genes.

    Its standard training passes ``multi_class`` to scikit-learn's ``LogisticRegression``, an argument
    that scikit-learn 1.8 no longer has: there CellTypist 1.7.1 raises ``TypeError``. What works with
    every version is its ``use_SGD=True``, which it recommends for large data anyway. Majority voting
    among clusters of the query is left out: other contestants see cells one by one, too.

    One class is told from the rest at a time; the probabilities of a cell are divided by their sum.

    Parameters
    ----------
    n_genes
        Number of genes, by F test.
    random_state
        Seed.

    References
    ----------
    Dominguez Conde et al. (2022), Cross-tissue immune cell analysis reveals tissue-specific features
    in humans, Science 376, eabl5197.
    """

    def __init__(self, n_genes: int = 3000, random_state: int = 0) -> None:
        self.n_genes = n_genes
        self.random_state = random_state

    def _fit(self, X: Matrix, codes: np.ndarray) -> None:
        self.selector_ = GeneSelector("f_test", self.n_genes).fit(X, codes)
        kept = self._dense(X)
        self.expressed_ = kept.any(axis=0)  # CellTypist drops the others
        self.model_ = require_celltypist().train(
            kept[:, self.expressed_],
            labels=codes,
            genes=np.flatnonzero(self.expressed_).astype(str),
            check_expression=False,
            use_SGD=True,
            class_weight="balanced",
            random_state=self.random_state,
        )

    def _proba(self, X: Matrix) -> np.ndarray:
        scaled = self.model_.scaler.transform(self._dense(X)[:, self.expressed_])
        proba = self.model_.predict_labels_and_prob(np.minimum(scaled, _CLIP))[1]
        proba = np.maximum(proba, 1e-9)
        return proba / proba.sum(axis=1, keepdims=True)

    def _dense(self, X: Matrix) -> np.ndarray:
        kept = self.selector_.transform(X)
        return np.asarray(kept.toarray() if hasattr(kept, "toarray") else kept, dtype=np.float32)
