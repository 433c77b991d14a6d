"""The gene-token transformer: its configuration and modules."""

from ._attention import LocalGraphAttention
from ._config import PRESETS, LongformerConfig
from ._longformer import GeneLongformer, LongformerOutput, count_parameters

__all__ = [
    "PRESETS",
    "GeneLongformer",
    "LocalGraphAttention",
    "LongformerConfig",
    "LongformerOutput",
    "count_parameters",
]
