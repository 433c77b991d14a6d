"""Tools: fit the transformer, predict with it, look into it, compare it with simple models."""

from ._baseline_compare import baseline_compare
from ._count_parameters import count_parameters
from ._gene_attention import gene_attention
from ._longformer_fit import longformer_fit
from ._longformer_predict import longformer_predict

__all__ = [
    "baseline_compare",
    "count_parameters",
    "gene_attention",
    "longformer_fit",
    "longformer_predict",
]
