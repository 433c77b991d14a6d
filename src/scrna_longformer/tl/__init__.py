"""Tools: fit the transformer, predict with it, look into it, compare it with simple models."""

from ._baseline_compare import baseline_compare
from ._count_parameters import count_parameters
from ._data_requirement import data_requirement
from ._gene_attention import gene_attention
from ._learning_curve import learning_curve
from ._longformer_fit import longformer_fit
from ._longformer_predict import longformer_predict
from ._recommend_architecture import recommend_architecture

__all__ = [
    "baseline_compare",
    "count_parameters",
    "data_requirement",
    "gene_attention",
    "learning_curve",
    "longformer_fit",
    "longformer_predict",
    "recommend_architecture",
]
