"""Learning curves as tidy data frames, and as arrays for those who fit laws to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._keys import LEARNING_CURVE_RECORD

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from ..evaluation import CurveDraws, CurveErrors

# predictors that look at no gene
NO_SKILL_MODELS = ("majority", "depth_only", "stratified_random")
_FRAMES = ("scores", "laws", "curve", "extrapolation", "runs", "models")


@dataclass(frozen=True)
class LearningCurve:
    """Everything that a learning curve left behind.

    Attributes
    ----------
    scores
        Every score and cost: ``model``, ``seed``, ``n_cells`` (labelled training cells),
        ``metric``, ``value``.
    laws
        ``error = c + a * n**-b`` per model, with 90 % intervals: ``model``, ``a``, ``a_low``,
        ``a_high``, and so on; ``smallest``, the size from which the law was fitted; ``holds``,
        whether it agrees with the errors. Empty if too few
        sizes were run.
    curve
        The laws in units of the metric, up to ten times the measured sizes: ``model``, ``n_cells``,
        ``value``, ``low``, ``high``, ``measured``.
    extrapolation
        The largest sizes as predicted from the others: ``model``, ``n_cells``, ``predicted``,
        ``low``, ``high``, ``observed``, ``error`` (predicted less observed).
    runs
        What was run: ``model``, ``seed``, ``n_cells``, ``status``, ``n_test``.
    models
        The contestants: ``model``, ``description``, ``kind`` (``'simple'`` or ``'transformer'``),
        ``built_in`` (name of the built-in contestant that it is; empty for others),
        ``preset``, and of a hybrid ``gate_closed``, the share of the fits with the most cells whose gate
        was 0. If that is more than half, its scores are those of the simple model, and so is its kind.
    params
        How the curve was called, and on what.
    complete
        Whether all was run; ``False`` after an interrupt or time limit.
    """

    scores: pd.DataFrame
    laws: pd.DataFrame
    curve: pd.DataFrame
    extrapolation: pd.DataFrame
    runs: pd.DataFrame
    models: pd.DataFrame
    params: dict[str, Any]
    complete: bool

    @property
    def metric(self) -> str:
        """Score that the laws were fitted to."""
        return str(self.params["metric"])

    @property
    def table(self) -> pd.DataFrame:
        """Score per model (rows) and number of cells (columns), averaged over seeds."""
        chosen = self.scores[self.scores["metric"] == self.metric]
        return chosen.pivot_table(index="model", columns="n_cells", values="value", observed=True)

    def of_kind(self, kind: str) -> list[str]:
        """Names of the models of a kind, without those that use no gene."""
        rows = self.models[self.models["kind"] == kind]
        names = rows["model"].astype(str)
        # a built-in contestant may take part by another name; records of older versions do not tell
        are = (
            rows["built_in"].astype(str).where(rows["built_in"] != "", names)
            if "built_in" in rows
            else names
        )
        return [n for n, is_ in zip(names, are, strict=True) if is_ not in NO_SKILL_MODELS]


def learning_curve(adata: AnnData, key: str = LEARNING_CURVE_RECORD) -> LearningCurve:
    """Return the result of :func:`scrna_longformer.tl.learning_curve` as data frames.

    Parameters
    ----------
    adata
        Annotated data with a learning curve.
    key
        Its ``key_added``.

    Returns
    -------
    LearningCurve
        Long data frames ``scores``, ``laws``, ``curve``, ``extrapolation``, ``runs``, ``models``;
        ``params``; ``complete``; and the wide ``table``.

    Raises
    ------
    KeyError
        If there is no such curve.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> models = ["majority", "nearest_centroid"]
    >>> sl.tl.learning_curve(adata, "bulk_labels", models=models, sizes=[60, 120, 240, 480])
    >>> list(sl.get.learning_curve(adata).laws.columns[:4])
    ['model', 'a', 'a_low', 'a_high']
    """
    return read_curve(adata, key, caller="learning_curve")


def read_curve(adata: AnnData, key: str, *, caller: str) -> LearningCurve:
    """Read the record, or say which call writes it."""
    import pandas as pd

    record = adata.uns.get(key)
    if record is None or "scores" not in record:
        found = [name for name, r in adata.uns.items() if hasattr(r, "keys") and "scores" in r]
        msg = (
            f"{caller}: no learning curve in uns[{key!r}]; there are curves under "
            f"{found or 'no key'}. Call sl.tl.learning_curve(adata) first."
        )
        raise KeyError(msg)
    frames = {name: pd.DataFrame(record.get(name, {})).copy() for name in _FRAMES}
    return LearningCurve(**frames, params=dict(record["params"]), complete=bool(record["complete"]))


def curve_digest(scores: pd.DataFrame) -> str:
    """Fingerprint of the scores of a learning curve, to tell whether it is still the same."""
    import numpy as np

    from .._digest import digest_array, digest_names

    names = scores[["model", "metric"]].astype(str).agg("/".join, axis=1)
    numbers = scores[["seed", "n_cells", "value"]].to_numpy(dtype=np.float64)
    return digest_names([*names, digest_array(numbers)])


def read_draws(
    curve: LearningCurve, metric: str, *, random_state: int, caller: str
) -> tuple[CurveErrors, CurveDraws]:
    """Fit laws to any metric of a learning curve.

    Raises
    ------
    ValueError
        If the metric is unknown, or no model was run at three sizes.
    """
    from ..evaluation import METRICS, curve_errors

    if metric not in METRICS:
        msg = f"{caller}: `metric`={metric!r} is not one of {list(METRICS)}."
        raise ValueError(msg)
    errors = curve_errors(curve.scores, metric)
    if not errors.models:
        msg = (
            f"{caller}: no model was run at three sizes, so there is no law to read. Call "
            "sl.tl.learning_curve(adata) again, with smaller `sizes` or a larger `time_limit`."
        )
        raise ValueError(msg)
    share = float(curve.params["test_share"])
    return errors, errors.draws(test_share=share, random_state=random_state)
