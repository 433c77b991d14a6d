"""From the tokens of a cell to one vector: a sum over genes, scaled."""

from __future__ import annotations


def pool_scale(pooling: str, n_genes: int) -> float:
    """Return what the sum over `n_genes` tokens is multiplied with.

    ``'sum'`` divides by the square root of the number of genes: independent tokens then give a
    vector of the same scale for any number of genes, and no normalisation follows that would take
    the cell's magnitude away. ``'mean'`` divides by the number of genes.

    Examples
    --------
    >>> pool_scale("sum", 400), pool_scale("mean", 400)
    (0.05, 0.0025)
    """
    return {"sum": n_genes**-0.5, "mean": 1 / n_genes}[pooling]
