"""Two independent halves of the same counts: cluster on one, compare on the other."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from .._arguments import check_random_state
from .._keys import COUNTS_LAYER, CountSplitKeys
from .._random import generator
from .._settings import log

if TYPE_CHECKING:
    from anndata import AnnData

CALLER = "count_split"
MOST_CORRELATION = 0.1


def count_split(
    adata: AnnData,
    *,
    layer: str | None = None,
    share: float = 0.5,
    random_state: int = 0,
    copy: bool = False,
) -> AnnData | None:
    """Thin raw counts into two halves that share no molecule.

    Labels that were clustered from a matrix are predicted well from the same matrix, noise
    included. Cluster one half and compare models on the other: the noise of the first is then not
    in the second.

    Parameters
    ----------
    adata
        Annotated data with raw counts.
    layer
        Layer with the counts; by default ``layers['counts']``, or ``X`` where there is none.
    share
        Share of the molecules that go to the first half.
    random_state
        Seed of the coin.
    copy
        Return a changed copy instead of changing `adata`.

    Returns
    -------
    ``None``, or the changed copy. Slots written:

    ``layers['counts_a']``, ``layers['counts_b']`` : :class:`scipy.sparse.csr_matrix`, float32
        The halves; they add up to the counts.
    ``uns['count_split']`` : dict
        ``params``, and the test of the assumption: ``correlation`` (median over the genes of most
        counts of the correlation between the halves within groups of like cells) and ``n_genes``.

    Raises
    ------
    KeyError
        There is no such layer.
    TypeError
        `adata` is no AnnData.
    ValueError
        The values are no raw counts, `share` does not lie between 0 and 1, or `random_state` is no
        seed.

    Warns
    -----
    UserWarning
        The halves correlate by more than 0.1 within groups of like cells: then the counts vary more
        than Poisson counts, and labels clustered on one half remain somewhat circular on the other.

    See Also
    --------
    scrna_longformer.tl.baseline_compare : Tells circular labels.

    Notes
    -----
    Each molecule goes to the first half with probability `share`. *If a cell's counts are Poisson
    given its true expression, the halves are independent given that expression.* Counts of unique
    molecules are close to it; counts of reads, and genes that burst, vary more, and their halves
    correlate. That is tested on the cells: within groups of about 30 cells that are alike in the
    first half, the halves should not correlate. Groups that still mix types correlate too, so the
    test errs on the side of a warning.

    References
    ----------
    Neufeld, Gao, Popp, Battle and Witten (2024), Inference after latent variable estimation for
    single-cell RNA sequencing data, Biostatistics 25, 270-287.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.simulate_interactions(200, kind="mean", dispersion=1e6)
    >>> sl.pp.count_split(adata)
    >>> both = adata.layers["counts_a"] + adata.layers["counts_b"]
    >>> bool((both != adata.X).nnz == 0)
    True
    """
    from ..features import half_correlation, thin_counts
    from ..get._expression import check_anndata, make_actual, read_expression

    if not 0 < share < 1:
        msg = f"{CALLER}: `share` must lie between 0 and 1, not {share!r}."
        raise ValueError(msg)
    check_random_state(random_state, caller=CALLER)
    check_anndata(adata, caller=CALLER)
    if layer is None and COUNTS_LAYER in adata.layers:
        layer = COUNTS_LAYER
    counts = read_expression(adata, layer, state="counts", caller=CALLER)
    keys = CountSplitKeys()
    a, b = thin_counts(counts, share, generator(random_state, 0))
    independence = half_correlation(a, b, generator(random_state, 1))
    if independence.correlation > MOST_CORRELATION:
        msg = (
            f"{CALLER}: within groups of like cells the halves correlate by "
            f"{independence.correlation:.2f} (median of {independence.n_genes} genes), so the counts "
            "vary more than Poisson counts, or types are still mixed in the groups. Labels clustered "
            "on one half remain somewhat circular on the other."
        )
        warnings.warn(msg, UserWarning, stacklevel=2)

    adata = adata.copy() if copy else adata
    make_actual(adata, caller=CALLER)
    adata.layers[keys.first], adata.layers[keys.second] = a, b
    adata.uns[keys.record] = {
        "params": {"layer": layer or "", "share": float(share), "random_state": random_state},
        "correlation": independence.correlation,
        "n_genes": independence.n_genes,
    }
    log.info(
        "%s: wrote layers[%r] and layers[%r] (correlation within groups of like cells %.3f). "
        "Cluster on the first, normalise and compare on the second.",
        *(CALLER, keys.first, keys.second, independence.correlation),
    )
    return adata if copy else None
