"""Tools: fit the transformer, predict with it, compare it with simple models."""

from ._baseline_compare import baseline_compare
from ._count_parameters import count_parameters
from ._longformer_fit import longformer_fit
from ._longformer_predict import longformer_predict

__all__ = ["baseline_compare", "count_parameters", "longformer_fit", "longformer_predict"]
