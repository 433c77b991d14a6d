"""Prediction sets and rejected cells, written beside a prediction."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anndata import AnnData

    from .._keys import LongformerKeys
    from ..train import FittedLongformer, Prediction

UNKNOWN = "unknown"


def check_alpha(fitted: FittedLongformer, alpha: float, *, caller: str) -> None:
    """Raise where sets cannot be had, and warn where they cannot say anything."""
    if not isinstance(alpha, Real) or not 0 < float(alpha) < 1:
        msg = (
            f"{caller}: `alpha` must lie between 0 and 1, not {alpha!r}: 0.1 for sets that hold the "
            "true label of 90 % of the cells."
        )
        raise ValueError(msg)
    if fitted.calibration is None:
        msg = (
            f"{caller}: `alpha` needs calibration scores, and the model has none: it was fitted "
            "before they were kept. Fit it again with sl.tl.longformer_fit, or leave `alpha` out."
        )
        raise ValueError(msg)
    if UNKNOWN in fitted.classes.astype(str):
        msg = (
            f"{caller}: the model has a class {UNKNOWN!r}, which is what rejected cells are called. "
            f"If it means that there is no label, fit with unlabeled={UNKNOWN!r}; else rename it."
        )
        raise ValueError(msg)
    n_cells = len(fitted.calibration.conformal.codes)
    if alpha < 1 / (n_cells + 1):
        msg = (
            f"{caller}: `alpha`={alpha} with {n_cells} calibration cells leaves every class in every "
            f"set and rejects no cell; at least {int(1 / alpha)} are needed. Raise `alpha`, or fit with "
            "more cells or a larger `validation_fraction`."
        )
        warnings.warn(msg, UserWarning, stacklevel=3)


def write_sets(
    adata: AnnData,
    keys: LongformerKeys,
    fitted: FittedLongformer,
    prediction: Prediction,
    alpha: float,
) -> dict[str, Any]:
    """Write the sets, the p-value of being of a known type, and the labels that are accepted.

    Returns
    -------
    What the record says of it.
    """
    import numpy as np
    import pandas as pd

    calibration = fitted.calibration
    assert calibration is not None  # check_alpha
    sets = calibration.sets(prediction, alpha=alpha)
    p_values = calibration.novelty_p_values(prediction)
    accepted = p_values > alpha
    names = fitted.classes.astype(str)
    codes = np.where(accepted, prediction.proba.argmax(axis=1), len(names))

    adata.obsm[keys.set] = sets
    adata.obs[keys.novelty] = p_values
    adata.obs[keys.accepted] = pd.Categorical(np.array([*names, UNKNOWN])[codes], [*names, UNKNOWN])
    own = calibration.conformal.own_classes(len(names), alpha=alpha)
    return {
        "alpha": alpha,
        "n_calibration": len(calibration.conformal.codes),
        "classes_with_own_quantile": names[own],
        "classes_per_set": float(sets.sum(axis=1).mean()),
        "share_empty": float((~sets.any(axis=1)).mean()),
        "share_unknown": float((~accepted).mean()),
    }
