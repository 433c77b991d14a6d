"""Save and load fitted models."""

from ._model import load_model, save_model

__all__ = ["load_model", "save_model"]
