"""Architecture of a gene-token transformer as a frozen record that validates itself."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any

import numpy as np

from .._fields import require_number
from ..attention import BACKENDS

TOKENS = ("multiplicative", "additive")
TOKEN_LISTS = ("all", "expressed")
POOLINGS = ("sum", "mean")
ATTENTIONS = ("knn", "random", "full", "self", "linear", "none")
ON_A_GRAPH = ("knn", "random", "self", "none")
WITH_PAIRS = ("knn", "random")
# Share of the genes that a cell is taken to express where sizes are planned.
PLANNED_SHARE = 1 / 8


@dataclass(frozen=True)
class LongformerConfig:
    """Architecture of :class:`GeneLongformer`; says nothing about training.

    Attributes
    ----------
    n_genes
        Number of gene tokens per cell.
    n_classes
        Number of classes of the head.
    d_model
        Width of a token. Multiples of 16 are served by the fast CPU kernel without padding.
    n_heads
        Attention heads; must divide `d_model`.
    n_layers
        Number of pre-norm blocks.
    mlp_ratio
        Hidden width of a block's feed-forward layer, in multiples of `d_model`.
    token
        How a value enters its gene's token: ``'multiplicative'`` (``b_g + x_g * E_g``) or
        ``'additive'`` (``E_g + x_g * w``, which pools to nearly one number per cell; kept as the
        control that shows why).
    tokens
        Which genes of a cell go through the blocks: ``'all'``, or the ``'expressed'`` ones alone
        (value above 0), at a tenth of the cost and less. The others enter the pooled vector as they
        are; see :class:`GeneLongformer`. Where values are Pearson residuals, above 0 means more than
        the cell's depth leads to expect. Needs attention on a graph.
    pooling
        ``'sum'`` (divided by the square root of the number of genes) or ``'mean'``.
    attention
        Which genes a gene attends to: ``'knn'`` (the graph), or a control: ``'random'`` (the graph
        with relabelled genes, so equal degrees), ``'full'``, ``'self'``, ``'linear'`` (all genes,
        kernelised) or ``'none'`` (no attention layer at all).
    attention_seed
        Decides how ``'random'`` relabels the genes.
    attention_gain
        How much larger the projections to queries and keys start than torch would have them. At 1
        attention starts even over the neighbours of a gene, and what the one neighbour says that
        matters is diluted by all others.
    attention_backend
        Name in the table of :func:`scrna_longformer.attention.knn_attention`, or ``'auto'``.
    dropout
        Dropout inside the feed-forward layers.
    attention_dropout
        Dropout on the attention weights.
    gene_dropout
        Share of genes per cell set to their training mean while training.
    product_dropout
        Dropout on the products of linked tokens (`n_pairs`). They are easy to learn, and without it
        leave attention nothing to learn from.
    init_scale
        Standard deviation of the initial gene embeddings.
    pool_norm
        Whether a layer norm follows the pooling. It takes the cell's magnitude away; kept for the
        prototype.
    zero_init
        Whether head and blocks add nothing at the start; else torch's random initialisation.
    residual_head
        Whether the model has a second head that corrects the logits of another model, given to it as
        an offset. It is zero at the start: the first corrected logits are the offset.
    n_linear
        Genes that enter the pooled vector by a linear map, without being tokens: values have
        ``n_genes`` columns of tokens, and then these. They cost next to nothing.
    n_pairs
        Pairs of linked tokens whose products enter the pooled vector by a linear map: none, or all
        that the graph of `attention` links (``'knn'`` or ``'random'``).

    Examples
    --------
    >>> config = LongformerConfig.from_preset("small", n_genes=500, n_classes=9)
    >>> LongformerConfig.from_json(config.to_json()) == config
    True
    """

    n_genes: int
    n_classes: int
    d_model: int = 16
    n_heads: int = 2
    n_layers: int = 1
    mlp_ratio: float = 2.0
    token: str = "multiplicative"
    tokens: str = "all"
    pooling: str = "sum"
    attention: str = "knn"
    attention_seed: int = 0
    attention_gain: float = 2.0
    attention_backend: str = "auto"
    dropout: float = 0.0
    attention_dropout: float = 0.0
    gene_dropout: float = 0.2
    product_dropout: float = 0.5
    init_scale: float = 0.3
    pool_norm: bool = False
    zero_init: bool = True
    residual_head: bool = False
    n_linear: int = 0
    n_pairs: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):  # a search hands over NumPy's numbers, which are not JSON
            if isinstance(value := getattr(self, field.name), np.generic):
                object.__setattr__(self, field.name, value.item())
        for name in ("n_genes", "n_classes", "d_model", "n_heads", "n_layers"):
            if not isinstance(value := getattr(self, name), int) or value < 1:
                msg = f"`{name}` must be an integer of at least 1, not {value!r}."
                raise ValueError(msg)
        for name in ("n_linear", "n_pairs", "attention_seed"):
            if not isinstance(value := getattr(self, name), int) or value < 0:
                msg = f"`{name}` must be an integer and not negative, not {value!r}."
                raise ValueError(msg)
        if self.d_model % self.n_heads:
            msg = f"`n_heads`={self.n_heads} must divide `d_model`={self.d_model}."
            raise ValueError(msg)
        for name in ("mlp_ratio", "attention_gain", "init_scale"):
            require_number(self, name, "be a positive number", lambda value: 0 < value < math.inf)
        for name in ("dropout", "attention_dropout", "gene_dropout", "product_dropout"):
            require_number(self, name, "be a number in [0, 1)", lambda value: 0 <= value < 1)
        for name in ("pool_norm", "zero_init", "residual_head"):
            if not isinstance(value := getattr(self, name), bool):
                msg = f"`{name}` must be True or False, not {value!r}."
                raise ValueError(msg)
        if self.d_hidden < 1:
            msg = (
                f"`mlp_ratio`={self.mlp_ratio!r} leaves no hidden unit at `d_model`={self.d_model}."
            )
            raise ValueError(msg)
        for name, known in (
            ("token", TOKENS),
            ("tokens", TOKEN_LISTS),
            ("pooling", POOLINGS),
            ("attention", ATTENTIONS),
            ("attention_backend", ("auto", *BACKENDS)),
        ):
            if getattr(self, name) not in known:
                msg = f"`{name}` must be one of {known}, not {getattr(self, name)!r}."
                raise ValueError(msg)
        if self.tokens == "expressed" and self.attention not in ON_A_GRAPH:
            msg = (
                f"`tokens`='expressed' needs attention on a graph, one of {ON_A_GRAPH}, not "
                f"{self.attention!r}."
            )
            raise ValueError(msg)
        if self.n_pairs and self.attention not in WITH_PAIRS:
            msg = (
                f"`n_pairs`={self.n_pairs} needs attention to other genes on a graph, one of "
                f"{WITH_PAIRS}, not {self.attention!r}."
            )
            raise ValueError(msg)

    @classmethod
    def from_preset(
        cls, preset: str, *, n_genes: int, n_classes: int, **changes: Any
    ) -> LongformerConfig:
        """Build the config of a preset for this many genes and classes.

        Parameters
        ----------
        preset
            A name in :data:`PRESETS`.
        n_genes, n_classes
            Sizes of the data.
        changes
            Fields that differ from the preset.

        Raises
        ------
        ValueError
            If the preset or a field is not known.
        """
        if preset not in PRESETS:
            msg = f"`preset` must be one of {tuple(PRESETS)}, not {preset!r}."
            raise ValueError(msg)
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(changes) - known):
            msg = f"LongformerConfig has no field {unknown}; its fields are {sorted(known)}."
            raise ValueError(msg)
        return cls(**{**PRESETS[preset], "n_genes": n_genes, "n_classes": n_classes, **changes})

    @property
    def d_hidden(self) -> int:
        """Hidden width of the feed-forward layers."""
        return round(self.d_model * self.mlp_ratio)

    @property
    def holds_linear_model(self) -> bool:
        """Whether a fresh model is linear in the z-scores, up to its rank."""
        return self.token == "multiplicative" and self.zero_init and not self.pool_norm

    @property
    def activations_per_cell(self) -> int:
        """Numbers in one layer's tokens of a cell; with expressed tokens those to plan for."""
        share = PLANNED_SHARE if self.tokens == "expressed" else 1
        return math.ceil(self.n_genes * share) * self.d_model

    def to_json(self) -> str:
        """Return the config as JSON text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> LongformerConfig:
        """Read a config back from :meth:`to_json`.

        Raises
        ------
        ValueError
            If the text is not JSON, lacks a size, or holds a field that this version does not know.
        """
        values = json.loads(text)
        known = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or (unknown := sorted(set(values) - known)):
            msg = (
                f"The model's config has fields this version does not know: {unknown}. "
                "It was probably written by a newer version; upgrade scrna-longformer."
                if isinstance(values, dict)
                else "The model's config is not a JSON object."
            )
            raise ValueError(msg)
        if absent := [name for name in ("n_genes", "n_classes") if name not in values]:
            msg = (
                f"The model's config lacks {absent}; it is incomplete. Fit or save the model again."
            )
            raise ValueError(msg)
        return cls(**values)


PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "tiny": {"d_model": 4, "n_heads": 1, "n_layers": 1, "mlp_ratio": 4.0},
        "small": {"d_model": 16, "n_heads": 2, "n_layers": 1, "mlp_ratio": 2.0},
        "base": {"d_model": 64, "n_heads": 4, "n_layers": 2, "mlp_ratio": 2.0},
        "large": {"d_model": 96, "n_heads": 8, "n_layers": 3, "mlp_ratio": 2.0},
        "prototype": {
            "d_model": 32,
            "n_heads": 2,
            "n_layers": 1,
            "mlp_ratio": 2.0,
            "token": "additive",
            "pooling": "mean",
            "attention_gain": 1.0,
            "dropout": 0.1,
            "attention_dropout": 0.1,
            "gene_dropout": 0.0,
            "init_scale": 1.0,
            "pool_norm": True,
            "zero_init": False,
        },
    }
)
"""Named sizes: about 4, 18, 130 and 320 thousand parameters at 500 genes and 9 classes.

``'prototype'`` is the design of an earlier prototype of this package (25 thousand parameters). It
pools to nearly one number per cell and is kept so that its failure can be shown: it is no choice for
an analysis.
"""
