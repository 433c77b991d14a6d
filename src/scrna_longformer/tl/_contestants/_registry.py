"""The contestants that need AnnData, by name."""

from __future__ import annotations

from sklearn.pipeline import Pipeline, make_pipeline

from ...evaluation._baselines import COMPONENT_PENALTIES, FOUR_PENALTIES, Factory
from ...evaluation._penalised import TunedLogisticRegression
from ...evaluation._steps import UnitScale
from ...evaluation._terms import terms
from ._celltypist import CellTypistClassifier, require_celltypist
from ._ingest import IngestClassifier, ingest_obstacle
from ._scvi import ScanviClassifier, ScviEmbedding, require_scvi


@terms(
    "50 PCs of the 2,000 most variable genes, standardised",
    class_weights="none: labels of 15 neighbours",
    tuning="probabilities from 3 inner folds",
    obstacle=ingest_obstacle,
)
def ingest(random_state: int) -> IngestClassifier:
    """Label transfer by ``sc.tl.ingest``."""
    if why := ingest_obstacle():
        msg = f"The contestant 'ingest' cannot run: {why}"
        raise ImportError(msg)
    return IngestClassifier(random_state=random_state)


@terms("3,000 genes by F test", class_weights="balanced", tuning="none", package="celltypist")
def celltypist(random_state: int) -> CellTypistClassifier:
    """CellTypist, trained by stochastic gradient descent."""
    require_celltypist()
    return CellTypistClassifier(random_state=random_state)


@terms(
    "counts of 2,000 genes by variance of Pearson residuals",
    class_weights="none: as published",
    tuning="none",
    needs_counts=True,
    package="scvi",
)
def scanvi(random_state: int) -> ScanviClassifier:
    """Single-cell annotation by scANVI of scvi-tools: a variational autoencoder that sees labels."""
    require_scvi()
    return ScanviClassifier(random_state=random_state)


@terms(
    "20 latent dimensions of scVI, from counts of 2,000 genes",
    class_weights="balanced",
    tuning=FOUR_PENALTIES,
    needs_counts=True,
    package="scvi",
)
def scvi_lr(random_state: int) -> Pipeline:
    """L2 logistic regression on the latent space of scVI, which is learned without labels."""
    require_scvi()
    return make_pipeline(
        ScviEmbedding(random_state=random_state),
        TunedLogisticRegression(
            penalties=COMPONENT_PENALTIES, random_state=random_state, inputs=UnitScale()
        ),
    )


CONTESTANTS: dict[str, Factory] = {f.__name__: f for f in (ingest, celltypist, scanvi, scvi_lr)}
