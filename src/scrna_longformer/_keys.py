"""Every AnnData slot name that the package reads or writes, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GeneKnnKeys:
    """Slots of :func:`scrna_longformer.pp.gene_knn_mask`."""

    key_added: str | None = None

    @property
    def record(self) -> str:
        """``uns``: keys, parameters, digest of the gene names, hub statistics."""
        return self.key_added or "gene_knn"

    @property
    def mask(self) -> str:
        """``varp``: sparse boolean mask."""
        return f"{self.record}_mask"

    @property
    def similarities(self) -> str:
        """``varp``: sparse float32 similarities."""
        return f"{self.record}_similarities"


@dataclass(frozen=True)
class LongformerKeys:
    """Slots of :func:`scrna_longformer.tl.longformer_fit` and ``longformer_predict``."""

    key_added: str = "longformer"

    @property
    def embedding(self) -> str:
        """``obsm``: pooled representation, cells x d_model."""
        return f"X_{self.key_added}"

    @property
    def proba(self) -> str:
        """``obsm``: class probabilities, columns in the order of ``uns[record]['classes']``."""
        return f"{self.key_added}_proba"

    @property
    def prediction(self) -> str:
        """``obs``: predicted category."""
        return f"{self.key_added}_pred"

    @property
    def confidence(self) -> str:
        """``obs``: probability of the predicted category."""
        return f"{self.key_added}_confidence"

    @property
    def set(self) -> str:
        """``obsm``: which classes are in the prediction set of each cell, boolean."""
        return f"{self.key_added}_set"

    @property
    def accepted(self) -> str:
        """``obs``: predicted category, or ``'unknown'``."""
        return f"{self.key_added}_accepted"

    @property
    def novelty(self) -> str:
        """``obs``: p-value of being of a type that the model knows."""
        return f"{self.key_added}_novelty_p"

    @property
    def split(self) -> str:
        """``obs``: train, validation or unlabelled."""
        return f"{self.key_added}_split"

    @property
    def token(self) -> str:
        """``var``: whether the gene is a token of the model."""
        return f"{self.key_added}_token"

    @property
    def record(self) -> str:
        """``uns``: parameters, history, metrics and the model itself."""
        return self.key_added

    @property
    def predict_record(self) -> str:
        """``uns`` of a query: where its predictions came from."""
        return f"{self.key_added}_predict"


@dataclass(frozen=True)
class GeneAttentionKeys:
    """Slots of :func:`scrna_longformer.tl.gene_attention`."""

    key_added: str = "gene_attention"

    @property
    def record(self) -> str:
        """``uns``: parameters, groups and the keys of their matrices."""
        return self.key_added

    @property
    def attention(self) -> str:
        """``varp``: sparse mean attention of all cells."""
        return self.key_added

    def group(self, number: int) -> str:
        """``varp``: sparse mean attention of one group; its name may hold any character."""
        return f"{self.key_added}_{number}"


@dataclass(frozen=True)
class CountSplitKeys:
    """Slots of :func:`scrna_longformer.pp.count_split`."""

    first: str = "counts_a"
    second: str = "counts_b"
    record: str = "count_split"


COUNTS_LAYER = "counts"
SCALED_LAYER = "scaled"
DATASET_RECORD = "dataset"
COMPARISON_RECORD = "baseline_compare"
LEARNING_CURVE_RECORD = "learning_curve"
DATA_REQUIREMENT_RECORD = "data_requirement"
RECOMMENDATION_RECORD = "recommend_architecture"
