"""Training: configuration, the loop, and the transformer as a scikit-learn classifier."""

from ._classifier import LongformerClassifier
from ._config import TrainConfig
from ._files import load_folder, save_folder
from ._fitted import FittedLongformer
from ._predict import Prediction
from ._runner import FitResult
from ._token_count import linear_count, token_count

__all__ = [
    "FitResult",
    "FittedLongformer",
    "LongformerClassifier",
    "Prediction",
    "TrainConfig",
    "linear_count",
    "load_folder",
    "save_folder",
    "token_count",
]
