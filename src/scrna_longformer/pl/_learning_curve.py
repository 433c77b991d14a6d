"""Learning curves, what lies beyond them, and where the transformer breaks even."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._docs import with_shared_parts
from ._canvas import BLUES, INK, NO_SKILL, ORANGES, axes_for, finish, quieten, spread
from ._contestants import label_of, metric_name
from ._roles import roles_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

    from ..get import LearningCurve

_MARKERS = "osD^vPX*"  # besides colours: no curve is told by hue alone


@with_shared_parts
def learning_curve(
    adata: AnnData,
    *,
    key: str = "learning_curve",
    models: str | Sequence[str] | None = None,
    break_even: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw the score of every model against the number of labelled training cells.

    Dots are means over seeds with their 90 % interval, lines the fitted power laws. Right of the
    grey line nothing was measured: laws go on dashed, with a 90 % band for the best simple model
    and the transformers. The bar at the bottom is where the transformer is level with the best
    simple model (dot: estimate; arrow: the interval goes on). The transformer is orange, simple
    models are blue, models without genes grey.

    Parameters
    ----------
    adata
        Annotated data with learning curves (:func:`~scrna_longformer.tl.learning_curve`).
    key
        Which curves: the `key_added` of ``learning_curve``.
    models
        Models to draw; by default all.
    break_even
        Whether to mark where the best transformer is level with the best simple model.
    {ax_show_save}

    Returns
    -------
    {returns_axes}

    Raises
    ------
    KeyError
        There are no learning curves under `key`.
    ValueError
        `models` has one that was not measured.

    See Also
    --------
    scrna_longformer.tl.data_requirement : The break-even in words.
    scrna_longformer.get.learning_curve : The numbers behind it.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> models = ["majority", "nearest_centroid"]
    >>> sl.tl.learning_curve(adata, "bulk_labels", models=models, sizes=[60, 120, 240, 480])
    >>> sl.pl.learning_curve(adata, show=False).get_xlabel()
    'labelled training cells'
    """
    from ..get._frames_curve import read_curve

    curve = read_curve(adata, key, caller="learning_curve")
    styles = _styles(curve, models)
    own_figure = ax is None
    ax = axes_for(ax, size=(7.2, 4.4))
    ax.set_xscale("log")

    points = _points(curve)
    measured = points["n_cells"].max()
    banded = _banded(curve, list(styles))
    for name, style in styles.items():
        _draw_points(ax, points[points["model"] == name], style)
        law = curve.curve[curve.curve["model"] == name] if len(curve.curve) else curve.curve
        if len(law):
            _draw_law(ax, law, style, band=name in banded)
    _label_ends(ax, curve, points, styles)
    ax.axvline(measured, color=NO_SKILL, lw=0.9, zorder=0)
    ax.annotate(
        "measured \N{LEFTWARDS ARROW}  \N{RIGHTWARDS ARROW} extrapolated",
        xy=(measured, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        fontsize="small",
        color=NO_SKILL,
    )
    metric = curve.metric
    ax.set_xlabel("labelled training cells")
    ax.set_ylabel(f"{metric_name(metric)} on held-out cells")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.minorticks_off()
    if break_even and len(curve.curve):
        _mark_break_even(ax, curve, list(styles))
    quieten(ax, grid="y")
    return finish(ax, own_figure=own_figure, show=show, save=save)


def _styles(curve: LearningCurve, models: str | Sequence[str] | None) -> dict[str, dict[str, Any]]:
    """Colour and marker of each model; the best of a kind has the strongest colour."""
    table = curve.table
    largest = table.ffill(axis=1).iloc[:, -1]
    from ..evaluation import LOWER_IS_BETTER

    best_first = largest.sort_values(ascending=curve.metric in LOWER_IS_BETTER).index.astype(str)
    known = list(best_first)
    roles = roles_of(curve.models, known)
    wanted = {models} if isinstance(models, str) else set(known if models is None else models)
    if unknown := sorted(wanted - set(known)):
        msg = f"learning_curve: `models` has {unknown}, which were not measured; there are {known}."
        raise ValueError(msg)
    chosen = [name for name in known if name in wanted]
    styles: dict[str, dict[str, Any]] = {}
    seen = {"simple": 0, "transformer": 0}
    for name in chosen:
        if name in roles.floors:
            styles[name] = {"color": NO_SKILL, "marker": "x"}
            continue
        kind = "transformer" if name in roles.transformers - roles.closed else "simple"
        palette = BLUES if kind == "simple" else ORANGES
        number = seen[kind]
        seen[kind] += 1
        marker = _MARKERS[(number + 4 * (kind == "transformer")) % len(_MARKERS)]
        styles[name] = {"color": palette[number % len(palette)], "marker": marker}
    return styles


def _banded(curve: LearningCurve, names: list[str]) -> list[str]:
    """Models whose band is drawn: the transformers and the best simple model; more is a blur."""
    simple = [name for name in names if name in curve.of_kind("simple")]
    return [*simple[:1], *(name for name in names if name in curve.of_kind("transformer"))]


def _points(curve: LearningCurve) -> pd.DataFrame:
    """Mean over seeds and the ends of its interval, per model and size."""
    import numpy as np
    import pandas as pd

    from ..evaluation import within_range
    from ..evaluation._interval import corrected_interval

    scores = curve.scores[curve.scores["metric"] == curve.metric]
    share = float(curve.params["test_share"])
    rows = []
    for (model, n_cells), group in scores.groupby(["model", "n_cells"], observed=True):
        values = group["value"].to_numpy()
        ends = np.array(corrected_interval(values, test_share=share, level=0.9))
        low, high = within_range(ends, curve.metric)
        rows.append((str(model), n_cells, values.mean(), low, high))
    return pd.DataFrame(rows, columns=["model", "n_cells", "mean", "low", "high"])


def _draw_points(ax: Axes, points: pd.DataFrame, style: dict[str, Any]) -> None:
    ax.vlines(
        points["n_cells"], points["low"], points["high"], color=style["color"], lw=1.1, alpha=0.7
    )
    hollow: dict[str, Any] = {} if style["marker"] == "x" else {"mec": "white", "mew": 0.8}
    ax.plot(points["n_cells"], points["mean"], ls="", ms=6, zorder=4, **style, **hollow)


def _draw_law(ax: Axes, law: pd.DataFrame, style: dict[str, Any], *, band: bool) -> None:
    inside = law["measured"].to_numpy(dtype=bool)
    beyond = ~inside
    beyond[max(inside.sum() - 1, 0)] = True  # the two parts meet
    colour = style["color"]
    ax.plot(law["n_cells"][inside], law["value"][inside], color=colour, lw=1.6)
    ax.plot(law["n_cells"][beyond], law["value"][beyond], color=colour, lw=1.3, ls=(0, (4, 2)))
    if band:
        part = law[beyond]
        ax.fill_between(part["n_cells"], part["low"], part["high"], color=colour, alpha=0.14, lw=0)


def _label_ends(
    ax: Axes, curve: LearningCurve, points: pd.DataFrame, styles: dict[str, dict[str, Any]]
) -> None:
    """Name the curves at their right ends, moved apart."""
    roles = roles_of(curve.models, styles)
    ends = {}
    for name in styles:
        law = curve.curve[curve.curve["model"] == name] if len(curve.curve) else curve.curve
        own = points.loc[points["model"] == name, "mean"]
        ends[name] = float(law["value"].iloc[-1]) if len(law) else float(own.iloc[-1])
    bottom, top = ax.get_ylim()
    names = sorted(ends, key=lambda name: ends[name])
    places = spread(
        [ends[name] for name in names], gap=0.055 * (top - bottom), low=bottom, high=top
    )
    for name, place in zip(names, places, strict=True):
        ax.annotate(
            roles.label_of(name),
            xy=(1, place),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            color=styles[name]["color"],
        )


def _mark_break_even(ax: Axes, curve: LearningCurve, names: list[str]) -> None:
    """Draw the interval of the break-even along the bottom, with its estimate."""
    from ..evaluation import break_even
    from ..get._frames_curve import read_draws

    transformers = [name for name in names if name in curve.of_kind("transformer")]
    simple = curve.of_kind("simple")
    errors, draws = read_draws(curve, curve.metric, random_state=0, caller="learning_curve")
    transformers = [name for name in transformers if name in errors.models]
    rivals = [errors.models.index(name) for name in simple if name in errors.models]
    if not transformers or not rivals:
        return
    model = transformers[0]  # the best
    found = break_even(draws, errors.models.index(model), rivals)
    left, right = float(draws.sizes.min()), found.horizon
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom - 0.1 * (top - bottom), top)  # room for the bar
    place: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "clip_on": False, "zorder": 5}
    y = 0.04
    name = label_of(model)
    if found.low == float("inf"):
        text = f"{name} level with the best simple model: none in sight up to {right:,.0f} cells"
    elif found.low == 0 and found.high == float("inf"):
        text = f"{name} level with the best simple model: cannot be told from these curves"
    else:
        low, high = max(found.low, left), min(found.high, right)
        ax.plot([low, high], [y, y], color=INK, lw=2.2, solid_capstyle="butt", **place)
        if found.high > right:
            ax.plot(right, y, ">", color=INK, ms=7, mew=0, **place)
        if found.low == 0:
            ax.plot(left, y, "<", color=INK, ms=7, mew=0, **place)
        if found.n_cells <= right:
            ax.axvline(found.n_cells, color=INK, lw=0.9, ls=(0, (1, 2)), zorder=1)
            ax.plot(found.n_cells, y, "o", color=INK, mec="white", ms=8, **place)
        text = f"{name} level with the best simple model (90 % interval)"
    ax.annotate(
        text,
        xy=(0.01, y),
        xycoords="axes fraction",
        xytext=(0, 9),
        textcoords="offset points",
        fontsize="small",
        color=INK,
        bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 1},
    )
