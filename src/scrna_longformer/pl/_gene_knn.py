"""The gene mask: how many neighbours genes have, and who is whose neighbour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._docs import with_shared_parts
from ._canvas import INK, LONGFORMER, NO_SKILL, SIMPLE, axes_for, finish, quieten, spread

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes


@with_shared_parts
def gene_knn_degree(
    adata: AnnData,
    *,
    mask_key: str = "gene_knn",
    n_named: int = 8,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw how many neighbours the genes have, with the hubs named.

    Hubs are genes that very many others count among their nearest. A few are expected; a gene that
    neighbours a quarter of all genes says that the mask measured expression level rather than
    co-expression.

    Parameters
    ----------
    adata
        Annotated data with a mask (:func:`~scrna_longformer.pp.gene_knn_mask`).
    mask_key
        Which mask: the `key_added` of ``gene_knn_mask``.
    n_named
        How many of the most connected genes to name.
    {ax_show_save}

    Returns
    -------
    {returns_axes}

    See Also
    --------
    scrna_longformer.get.gene_degrees : The numbers behind it.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.pp.gene_knn_mask(adata)
    >>> sl.pl.gene_knn_degree(adata, show=False).get_xlabel()
    'neighbours of a gene'
    """
    import numpy as np

    from ..get._frames_fit import gene_degrees

    degrees = gene_degrees(adata, mask_key=mask_key)
    own_figure = ax is None
    ax = axes_for(ax, size=(6.4, 3.8))

    highest = int(degrees["degree"].max())
    width = max(1, int(np.ceil((highest + 1) / 60)))
    bins = np.arange(0, highest + width + 1, width) - 0.5
    heights, _ = np.histogram(degrees["degree"], bins=bins)
    ax.bar(bins[:-1], heights, width, align="edge", color=SIMPLE, edgecolor="white", linewidth=0.4)
    ax.set_xlim(-0.5, bins[-1] * 1.06)
    ax.set_ylim(0, heights.max() * 1.08)
    _name_hubs(ax, degrees, n_named)
    ax.set_xlabel("neighbours of a gene")
    ax.set_ylabel("genes" if width == 1 else f"genes per {width} neighbours")
    ax.set_title(_degree_title(degrees), loc="left", fontsize="medium", color=INK)
    quieten(ax, grid="y")
    return finish(ax, own_figure=own_figure, show=show, save=save)


@with_shared_parts
def gene_knn_block(
    adata: AnnData,
    *,
    mask_key: str = "gene_knn",
    n_blocks: int = 200,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw the mask as a picture, with genes ordered by module.

    Modules of the gene graph (Leiden, seeded) are ordered by size, and genes inside a module by
    their number of neighbours. Blocks on the diagonal are modules; what lies off the diagonal
    connects them; a cross is a hub.

    Parameters
    ----------
    adata
        Annotated data with a mask (:func:`~scrna_longformer.pp.gene_knn_mask`).
    mask_key
        Which mask: the `key_added` of ``gene_knn_mask``.
    n_blocks
        Pixels along each side. With more genes than pixels, a pixel shows which share of its pairs
        of genes are neighbours; every gene is in the picture.
    {ax_show_save}

    Returns
    -------
    {returns_axes}

    See Also
    --------
    scrna_longformer.pl.gene_knn_degree : How many neighbours the genes have.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.pp.gene_knn_mask(adata)
    >>> sl.pl.gene_knn_block(adata, show=False).get_xlabel()  # doctest: +ELLIPSIS
    '765 genes in the order of ... modules'
    """
    import numpy as np
    from matplotlib.colors import PowerNorm

    from ..get._graph import read_gene_knn
    from ..get._modules import block_shares, modules_of

    if n_blocks < 1:
        msg = f"gene_knn_block: `n_blocks` must be at least 1, not {n_blocks!r}."
        raise ValueError(msg)
    graph = read_gene_knn(adata, mask_key, caller="gene_knn_block")
    mask = graph.mask[graph.members][:, graph.members]
    n_genes = mask.shape[0]
    modules = modules_of(mask)
    order = np.lexsort([-np.diff(mask.indptr), modules])
    shares = block_shares(mask, order, min(n_blocks, n_genes))

    own_figure = ax is None
    ax = axes_for(ax, size=(5.2, 4.6))
    # a square root, because whole modules are much sparser than the pairs at their core
    norm = PowerNorm(0.5, vmin=0, vmax=max(float(shares.max()), 1e-12))
    extent = (0, n_genes, n_genes, 0)
    image = ax.imshow(shares, cmap="Blues", norm=norm, interpolation="nearest", extent=extent)
    _outline_modules(ax, modules)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.85, pad=0.02, format="{x:.0%}")
    bar.set_label("pairs of genes that are neighbours")
    bar.outline.set_visible(False)
    named = int((np.bincount(modules) > 1).sum())
    ax.set_xlabel(f"{n_genes:,} genes in the order of {named} modules")
    ax.set_ylabel("the same genes")
    ax.set_xticks([0, n_genes])
    ax.set_yticks([0, n_genes])
    ax.tick_params(length=0, colors=INK)
    ax.spines[:].set_color(NO_SKILL)
    return finish(ax, own_figure=own_figure, show=show, save=save)


def _degree_title(degrees: pd.DataFrame) -> str:
    n_hubs = int(degrees["is_hub"].sum())
    hubs = "the top gene" if n_hubs == 1 else f"the top {n_hubs} genes"
    return (
        f"{len(degrees):,} genes, median degree {degrees['degree'].median():.0f}; "
        f"{degrees.attrs['hub_share']:.0%} of the links touch {hubs}"
    )


def _name_hubs(ax: Axes, degrees: pd.DataFrame, n_named: int) -> None:
    """Mark hubs on the axis, where bars of height one cannot be seen, and name the largest."""
    hubs = degrees[degrees["is_hub"]]
    _, top = ax.get_ylim()
    ax.plot(hubs["degree"], [0] * len(hubs), "o", color=LONGFORMER, ms=4, clip_on=False, zorder=4)
    named = degrees.head(n_named).iloc[::-1]
    left, right = ax.get_xlim()
    room = (right - left) * 0.035
    at = spread(named["degree"].tolist(), gap=room, low=left, high=right - room / 2)
    for x, (gene, degree) in zip(
        at, named[["gene", "degree"]].itertuples(index=False), strict=True
    ):
        ax.annotate(
            gene,
            xy=(degree, 0),
            xytext=(x, 0.2 * top),
            rotation=90,
            ha="center",
            va="bottom",
            fontsize="small",
            color=INK,
            arrowprops={
                "arrowstyle": "-",
                "color": NO_SKILL,
                "lw": 0.6,
                "shrinkB": 3,
                "relpos": (0.5, 0),
            },
        )


def _outline_modules(ax: Axes, modules: np.ndarray) -> None:
    import numpy as np
    from matplotlib.patches import Rectangle

    start = 0
    for size in np.bincount(modules):
        if size > 1:
            ax.add_patch(
                Rectangle((start, start), size, size, fill=False, edgecolor=LONGFORMER, lw=0.8)
            )
        start += int(size)
