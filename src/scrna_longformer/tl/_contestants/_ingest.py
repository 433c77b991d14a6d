"""Label transfer by ``scanpy.tl.ingest`` as a classifier of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ...evaluation._cell_classifier import CellClassifier
from ...evaluation._inner_folds import inner_folds
from ...features._checked import checked_values
from ...features._transform import GeneScaler, GeneSelector

if TYPE_CHECKING:
    from anndata import AnnData

    from ...features._ranking import Matrix

_LABEL = "label"


def ingest_obstacle() -> str:
    """Say why ``ingest`` cannot run with the installed versions; empty if it can.

    It reads the number of search trees of a neighbour index, which pynndescent 0.7 leaves open.
    """
    from importlib.metadata import version

    from packaging.version import Version

    found = version("pynndescent")
    if Version(found) < Version("0.7"):
        return ""
    return (
        f"scanpy.tl.ingest raises a TypeError with pynndescent {found}; "
        "pip install 'pynndescent<0.7'."
    )


class IngestClassifier(CellClassifier):
    """Map cells into the principal components of the training cells and take their neighbours' label.

    ``ingest`` gives a label and no probability. So the probabilities of a cell are those with which
    cells of inner folds that were given its label had each true class, with one cell of each class
    added beforehand.

    Parameters
    ----------
    n_genes
        Number of most variable genes.
    n_components
        Number of principal components.
    n_neighbors
        Number of neighbours.
    n_inner
        Number of inner folds.
    random_state
        Seed.
    """

    calibrated_inside = True

    def __init__(
        self,
        n_genes: int = 2000,
        n_components: int = 50,
        n_neighbors: int = 15,
        n_inner: int = 3,
        random_state: int = 0,
    ) -> None:
        self.n_genes = n_genes
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.n_inner = n_inner
        self.random_state = random_state

    def _fit(self, X: Matrix, codes: np.ndarray) -> None:
        n_classes = len(self.classes_)
        counts = np.zeros((n_classes, n_classes))  # given x true
        for train, test in inner_folds(codes, self.n_inner, self.random_state):
            given = self._given(self._reference(X[train], codes[train]), X[test])
            np.add.at(counts, (given, codes[test]), 1)
        # every label at least once with its own class: ingest is better than nothing
        counts += 1 / n_classes + np.eye(n_classes)
        self.proba_of_label_ = counts / counts.sum(axis=1, keepdims=True)
        self.reference_ = self._reference(X, codes)

    def _proba(self, X: Matrix) -> np.ndarray:
        return self.proba_of_label_[self._given(self.reference_, X)]

    def predict(self, X: Matrix) -> np.ndarray:
        """Return the label that ``ingest`` gives."""
        check_is_fitted(self)
        return self.classes_[self._given(self.reference_, checked_values(self, X))]

    def _reference(self, X: Matrix, codes: np.ndarray) -> tuple[Any, AnnData]:
        import pandas as pd
        import scanpy as sc
        from anndata import AnnData
        from sklearn.pipeline import make_pipeline

        inputs = make_pipeline(GeneSelector("variance", self.n_genes), GeneScaler())
        reference = AnnData(inputs.fit_transform(X))
        reference.obs_names = reference.obs_names + "-reference"
        reference.obs[_LABEL] = pd.Categorical(codes)
        n_components = min(self.n_components, min(reference.shape) - 1)
        sc.pp.pca(reference, n_comps=n_components, random_state=self.random_state)
        sc.pp.neighbors(
            reference,
            n_neighbors=min(self.n_neighbors, reference.n_obs - 1),
            random_state=self.random_state,
        )
        return inputs, reference

    def _given(self, fitted: tuple[Any, AnnData], X: Matrix) -> np.ndarray:
        import scanpy as sc
        from anndata import AnnData

        inputs, reference = fitted
        query = AnnData(inputs.transform(X))
        sc.tl.ingest(query, reference, obs=_LABEL, embedding_method="pca")
        return query.obs[_LABEL].to_numpy().astype(np.int64)
