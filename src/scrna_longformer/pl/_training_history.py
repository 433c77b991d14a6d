"""The course of a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._docs import with_shared_parts
from ._canvas import INK, LONGFORMER, NO_SKILL, SIMPLE, axes_for, finish, quieten

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes


@with_shared_parts
def training_history(
    adata: AnnData,
    *,
    key: str = "longformer",
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw the losses of a fit, beside what a model without input would pay.

    Training and stopping loss that fall together and level off are a sound fit. A stopping loss
    that turns and climbs is over-fitting (the weights of its lowest point are kept). Both staying
    at the dotted line is a model that learned nothing. The transformer starts from a linear model
    of its tokens, so its first loss, before any update, may already be low.

    Parameters
    ----------
    adata
        Annotated data with a fit (:func:`~scrna_longformer.tl.longformer_fit`).
    key
        Which fit: the `key_added` of ``longformer_fit``.
    {ax_show_save}

    Returns
    -------
    {returns_axes}

    See Also
    --------
    scrna_longformer.get.training_history : The numbers behind it.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.pp.gene_knn_mask(adata)
    >>> sl.tl.longformer_fit(adata, "bulk_labels", preset="tiny", max_steps=300)
    >>> sl.pl.training_history(adata, show=False).get_ylabel()
    'cross-entropy (nats)'
    """
    from ..get._frames_fit import training_history as read

    history = read(adata, key=key)
    prior, best = history.attrs["prior_loss"], history.attrs["best_step"]
    own_figure = ax is None
    ax = axes_for(ax, size=(6.4, 3.8))

    # the cells set aside were scored before the first update too
    steps = [0, *history["step"]]
    stopping = [history.attrs["initial_loss"], *history["stopping_loss"]]
    ax.plot(history["step"], history["train_loss"], color=SIMPLE, lw=1.8, label="training cells")
    label = "cells set aside to choose the weights"
    ax.plot(steps, stopping, color=LONGFORMER, lw=1.8, label=label)
    ax.axhline(prior, color=NO_SKILL, ls=(0, (1, 2)), lw=1.4)
    ax.plot(
        *([best], [stopping[steps.index(best)]]),
        "o",
        color=LONGFORMER,
        mec="white",
        ms=8,
        zorder=4,
        clip_on=False,
        label=f"weights kept (update {best:,})",
    )

    # one evaluation is a dot, not a line: give it an axis around it
    ax.set_xlim(0, max(float(history["step"].max()) * 1.03, 1))
    highest = max(prior, float(history["train_loss"].max()), *stopping)
    ax.set_ylim(0, highest * 1.15)
    ax.annotate(
        "always predicting the class shares",
        xy=(1, prior),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 3),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize="small",
        color=NO_SKILL,
    )
    ax.set_xlabel("updates")
    ax.set_ylabel("cross-entropy (nats)")
    ax.legend(
        frameon=False, labelcolor=INK, fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.86)
    )
    quieten(ax, grid="y")
    return finish(ax, own_figure=own_figure, show=show, save=save)
