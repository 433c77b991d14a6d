"""The figure of the suite: how far the transformers are from the best simple model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...pl._canvas import INK, LONGFORMER, quieten
from ._plan import HYBRID, PURE

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.axes import Axes

_PANELS = {
    "macro_f1": "macro-F1, difference to the best simple model",
    "log_loss": "log-loss, difference to the best simple model",
}
_BETTER = {"macro_f1": "better →", "log_loss": "← better"}
_FIELD = "#EFEFEF"  # behind labels that were made from expression
_APART = 0.16  # the two transformers of a contest, in rows


def draw_differences(standing: pd.DataFrame, save: Path) -> None:
    """Draw both transformers minus the best simple model, with intervals, one row per contest."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    contests = standing.drop_duplicates("contest")
    figure, axes = plt.subplots(
        1, 2, figsize=(9.6, 1.4 + 0.34 * len(contests)), sharey=True, layout="constrained"
    )
    for ax, (metric, title) in zip(axes, _PANELS.items(), strict=True):
        _panel(ax, standing[standing["metric"] == metric])
        ax.set_xlabel(f"{title}\n{_BETTER[metric]}", color=INK)
    labels = [
        f"{row.set}" if row.regime == "folds" else f"{row.set}, {row.regime}"
        for row in contests.itertuples()
    ]
    axes[0].set_yticks(range(len(labels)), labels)
    axes[0].set_ylim(len(labels) - 0.5, -0.5)
    handles = [
        plt.Line2D([], [], color=LONGFORMER, marker="o", ms=6, label="longformer"),
        plt.Line2D([], [], color=INK, marker="D", ms=5, mfc="white", label="the transformer alone"),
        plt.Rectangle((0, 0), 1, 1, fc=_FIELD, label="labels made from expression"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3, frameon=False, labelcolor=INK)
    figure.savefig(save, dpi=110, facecolor="white")
    plt.close(figure)


def _panel(ax: Axes, rows: pd.DataFrame) -> None:
    for contest, kind in rows.drop_duplicates("contest")[["contest", "kind"]].itertuples(
        index=False
    ):
        if kind in ("clustered", "assigned"):
            ax.axhspan(contest - 0.5, contest + 0.5, color=_FIELD, lw=0, zorder=0)
    for model, colour, marker, inside, shift in (
        (HYBRID, LONGFORMER, "o", LONGFORMER, -_APART),
        (PURE, INK, "D", "white", _APART),
    ):
        of_model = rows[rows["model"] == model]
        y = of_model["contest"] + shift
        ax.hlines(y, of_model["low"], of_model["high"], color=colour, lw=1.6)
        ax.plot(of_model["difference"], y, ls="", color=colour, marker=marker, ms=5, mfc=inside)
    ax.axvline(0, color=INK, lw=1, zorder=1)
    quieten(ax, grid="x")
    ax.tick_params(axis="y", length=0)
    ax.locator_params(axis="x", nbins=5)  # more would touch
