"""Two uses of scvi-tools as classifiers of arrays: scANVI, and logistic regression on scVI."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from ..._compat import optional_import
from ...evaluation._cell_classifier import CellClassifier
from ...features._counts import recover_counts
from ...features._residuals import PearsonResiduals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from anndata import AnnData

    from ...features._ranking import Matrix

_LABEL, _UNKNOWN = "label", "unknown"


def require_scvi() -> ModuleType:
    """Import scvi-tools, or say how to install it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports
        package = optional_import(
            "scvi", extra="baselines", purpose="The contestants 'scanvi' and 'scvi_lr'"
        )
    package.settings.verbosity = logging.ERROR
    return package


class _OnCounts(BaseEstimator):
    """What both share: which genes, their counts, and quiet, seeded training."""

    n_genes: int
    random_state: int

    def _choose_genes(self, X: Matrix) -> None:
        self.genes_ = PearsonResiduals(self.n_genes).fit(X).genes_

    def _counts(self, X: Matrix) -> AnnData:
        from anndata import AnnData
        from scipy import sparse

        # an empty cell has no library size, whose logarithm the model takes
        counts = recover_counts(X)[:, self.genes_]
        empty = np.asarray(counts.sum(axis=1)).ravel() == 0
        ones: Any = (
            np.ones(empty.sum()),
            (np.flatnonzero(empty), np.zeros(empty.sum(), dtype=int)),
        )
        filled = counts + sparse.csr_array(ones, shape=counts.shape, dtype=counts.dtype)
        return AnnData(sparse.csr_matrix(filled))

    @contextmanager
    def _quietly(self) -> Iterator[ModuleType]:
        import torch

        scvi = require_scvi()
        lightning = logging.getLogger("lightning.pytorch")
        level = lightning.level
        lightning.setLevel(logging.ERROR)
        with torch.random.fork_rng(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on workers, devices and logging, of its trainer
            seed_before = scvi.settings.seed
            scvi.settings.seed = self.random_state % 2**32
            try:
                yield scvi
            finally:
                scvi.settings.seed = seed_before
                lightning.setLevel(level)

    def _train(self, model: Any, epochs: int) -> None:
        model.train(
            max_epochs=epochs,
            accelerator="auto",
            enable_progress_bar=False,
            logger=False,
            enable_checkpointing=False,
            batch_size=128,
        )


class ScviEmbedding(TransformerMixin, _OnCounts):
    """Latent representation of scVI, trained on the training cells without their labels.

    Parameters
    ----------
    n_genes
        Number of genes, by variance of Pearson residuals.
    n_latent
        Number of latent dimensions.
    max_epochs
        Passes over the training cells.
    random_state
        Seed.

    References
    ----------
    Lopez et al. (2018), Deep generative modeling for single-cell transcriptomics, Nature Methods 15,
    1053-1058.
    """

    def __init__(
        self,
        n_genes: int = 2000,
        n_latent: int = 20,
        max_epochs: int = 100,
        random_state: int = 0,
    ) -> None:
        self.n_genes = n_genes
        self.n_latent = n_latent
        self.max_epochs = max_epochs
        self.random_state = random_state

    def fit(self, X: Matrix, y: object = None) -> Self:
        """Train on cells x genes log values of counts; ``y`` is ignored."""
        self._choose_genes(X)
        with self._quietly() as scvi:
            cells = self._counts(X)
            scvi.model.SCVI.setup_anndata(cells)
            self.model_ = scvi.model.SCVI(cells, n_latent=self.n_latent)
            self._train(self.model_, self.max_epochs)
        return self

    def transform(self, X: Matrix) -> np.ndarray:
        """Return cells x latent dimensions, the means of the posterior."""
        with self._quietly():
            return self.model_.get_latent_representation(self._counts(X))


class ScanviClassifier(CellClassifier, _OnCounts):
    """scANVI: scVI, then its semi-supervised extension on the labels.

    Parameters
    ----------
    n_genes
        Number of genes, by variance of Pearson residuals.
    n_latent
        Number of latent dimensions.
    max_epochs
        Passes over the training cells without labels; a fifth as many follow with them.
    random_state
        Seed.

    References
    ----------
    Xu et al. (2021), Probabilistic harmonization and annotation of single-cell transcriptomics data
    with deep generative models, Molecular Systems Biology 17, e9620.
    """

    def __init__(
        self,
        n_genes: int = 2000,
        n_latent: int = 20,
        max_epochs: int = 100,
        random_state: int = 0,
    ) -> None:
        self.n_genes = n_genes
        self.n_latent = n_latent
        self.max_epochs = max_epochs
        self.random_state = random_state

    def _fit(self, X: Matrix, codes: np.ndarray) -> None:
        import pandas as pd

        self._choose_genes(X)
        names = [str(k) for k in range(len(self.classes_))]
        with self._quietly() as scvi:
            cells = self._counts(X)
            cells.obs[_LABEL] = pd.Categorical(np.asarray(names)[codes], names)
            scvi.model.SCVI.setup_anndata(cells, labels_key=_LABEL)
            unsupervised = scvi.model.SCVI(cells, n_latent=self.n_latent)
            self._train(unsupervised, self.max_epochs)
            self.model_ = scvi.model.SCANVI.from_scvi_model(unsupervised, _UNKNOWN)
            self._train(self.model_, max(self.max_epochs // 5, 1))

    def _proba(self, X: Matrix) -> np.ndarray:
        cells = self._counts(X)
        cells.obs[_LABEL] = _UNKNOWN
        with self._quietly():
            proba = self.model_.predict(cells, soft=True)
        ordered = proba[[str(k) for k in range(len(self.classes_))]].to_numpy()
        return ordered / ordered.sum(axis=1, keepdims=True)
