"""How many genes become tokens, and how many enter linearly."""

from __future__ import annotations

from numbers import Integral

ALL_UP_TO = 512
BEST = 256
N_LINEAR = 1000  # genes that need not be tokens, as many as the simple models read


def token_count(n_tokens: int | str, n_genes: int) -> int:
    """Return the number of tokens that a choice means for so many genes.

    ``'auto'`` chooses no genes where there are at most 512: markers are ranked one by one, and genes
    that tell classes apart only together have no rank. Of more genes it takes the 256 best: time grows
    with every token, and what more genes say one by one the model reads linearly.

    Parameters
    ----------
    n_tokens
        ``'auto'``, ``'all'`` or a number.
    n_genes
        How many genes there are.

    Raises
    ------
    ValueError
        If `n_tokens` is none of these.

    Examples
    --------
    >>> token_count("auto", 500), token_count("auto", 2000), token_count("all", 2000)
    (500, 256, 2000)
    >>> token_count(1000, 765)
    765
    """
    if n_tokens == "all":
        return n_genes
    if n_tokens == "auto":
        return n_genes if n_genes <= ALL_UP_TO else BEST
    if not isinstance(n_tokens, Integral) or n_tokens < 1:
        msg = f"`n_tokens` must be 'auto', 'all' or an integer of at least 1, not {n_tokens!r}."
        raise ValueError(msg)
    return min(int(n_tokens), n_genes)


def linear_count(n_tokens: int, n_genes: int) -> int:
    """Return the number of genes that enter linearly beside so many tokens: none beside all genes.

    Examples
    --------
    >>> linear_count(256, 765), linear_count(256, 20_000), linear_count(500, 500)
    (765, 1000, 0)
    """
    return min(N_LINEAR, n_genes) if n_tokens < n_genes else 0
