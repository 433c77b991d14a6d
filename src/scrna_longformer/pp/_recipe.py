"""From raw counts to everything that the three calls need."""

from __future__ import annotations

from numbers import Integral
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from .._arguments import check_random_state
from .._compat import optional_import
from .._keys import COUNTS_LAYER, SCALED_LAYER
from .._settings import log

if TYPE_CHECKING:
    import numpy as np
    import scipy.sparse as sp
    from anndata import AnnData

CALLER = "recipe_longformer"

MIN_GENES = 10  # detected in a cell that is kept
MIN_CELLS = 3  # with a gene that is kept
TARGET_SUM = 1e4
MAX_SCALED = 10.0
N_PCS = 50
N_NEIGHBORS = 15

HVG_FLAVORS = ("seurat", "cell_ranger", "seurat_v3")
LEIDEN_FLAVORS = ("igraph", "leidenalg")


def recipe_longformer(
    adata: AnnData,
    *,
    n_top_genes: int = 2000,
    hvg_flavor: Literal["seurat", "cell_ranger", "seurat_v3"] = "seurat",
    subset: bool = False,
    scale: bool = False,
    leiden_flavor: Literal["igraph", "leidenalg"] = "igraph",
    random_state: int = 0,
    copy: bool = False,
) -> AnnData | None:
    """Prepare raw counts in the usual way of Scanpy.

    Filter, normalise, choose highly variable genes, reduce, build the neighbour graph, cluster.

    Parameters
    ----------
    adata
        Annotated data with raw counts in ``X``. Cells and genes that fail the filters are removed.
    n_top_genes
        Number of highly variable genes; all genes where there are fewer.
    hvg_flavor
        How they are chosen (:func:`scanpy.pp.highly_variable_genes`). ``'seurat_v3'`` reads the
        counts and needs scikit-misc: ``pip install 'scrna-longformer[seurat]'``.
    subset
        Keep only the highly variable genes.
    scale
        Also write ``layers['scaled']``, a dense matrix of all genes that are kept.
    leiden_flavor
        Implementation of the clustering. They give different clusters.
    random_state
        Seed of reduction, neighbour graph and clustering.
    copy
        Return a copy instead of changing `adata`.

    Returns
    -------
    None, or the copy. Changes and writes:

    ``X`` : float32, :class:`scipy.sparse.csr_matrix` or :class:`numpy.ndarray`
        log1p of counts per 10,000.
    ``layers['counts']`` : likewise
        The counts after the filters.
    ``layers['scaled']`` : :class:`numpy.ndarray`, float32, if `scale`
        Mean 0 and variance 1 per gene over all cells, at most 10 in size.
    ``obs['n_genes']``, ``var['n_cells']`` : int
        What the filters counted.
    ``var['highly_variable']`` : bool
        And the statistics that Scanpy adds.
    ``obsm['X_pca']``, ``varm['PCs']``, ``obsp['connectivities']``, ``obsp['distances']``
        Up to 50 components of the highly variable genes and a graph of 15 neighbours.
    ``obs['leiden']`` : categorical
        Clusters of this very matrix: good to demonstrate with, circular to evaluate on.
    ``uns['log1p']``, ``uns['hvg']``, ``uns['pca']``, ``uns['neighbors']``, ``uns['leiden']``
        Scanpy's records.

    Raises
    ------
    ImportError
        `hvg_flavor` is ``'seurat_v3'`` and scikit-misc is not installed.
    TypeError
        `adata` is no AnnData.
    ValueError
        ``X`` is not raw counts, with what it is; or nothing is left after the filters; or no
        genes can be chosen; or an argument is not valid. Whatever fails, `adata` is left as it was.

    See Also
    --------
    scrna_longformer.pp.check : Look at data before and after.
    scrna_longformer.pp.gene_knn_mask : The next call.

    Notes
    -----
    The filters remove only what nothing can be learned from: genes in fewer than 3 cells, then
    cells with fewer than 10 detected genes (a tenth of the genes, where these are fewer than 100).
    Judge damaged cells and doublets before, as with ``sc.pp.filter_cells(adata, min_genes=200)`` on
    a whole transcriptome. Highly variable genes and scaling look at all cells; ``longformer_fit``
    and ``baseline_compare`` choose their genes again on training cells.

    Examples
    --------
    >>> import numpy as np
    >>> from anndata import AnnData
    >>> import scrna_longformer as sl
    >>> counts = np.random.default_rng(0).poisson(2.0, size=(60, 80)).astype("float32")
    >>> adata = AnnData(counts)
    >>> sl.pp.recipe_longformer(adata, n_top_genes=40)
    >>> int(adata.var["highly_variable"].sum()), "counts" in adata.layers
    (40, True)
    """
    from ..get._expression import make_actual

    _check_arguments(n_top_genes, hvg_flavor, leiden_flavor, random_state)
    started = perf_counter()
    counts, min_genes = _read_counts(adata)
    trial = _tried(
        counts,
        min_genes,
        n_top_genes=n_top_genes,
        hvg_flavor=hvg_flavor,
        subset=subset,
        scale=scale,
        leiden_flavor=leiden_flavor,
        random_state=random_state,
    )

    adata = adata.copy() if copy else adata
    make_actual(adata, caller=CALLER)
    n_before = adata.shape
    adata.X = counts
    _filter(adata, min_genes)
    _normalise(adata)
    _choose_genes(adata, n_top_genes, hvg_flavor, subset=subset)
    _adopt(adata, trial)
    log.info(
        "%s: kept %d of %d cells and %d of %d genes, %d highly variable; %d leiden clusters "
        "(%.1f s). X is log1p of counts per 10,000, counts are in layers[%r].",
        *(CALLER, adata.n_obs, n_before[0], adata.n_vars, n_before[1]),
        *(adata.var["highly_variable"].sum(), adata.obs["leiden"].nunique()),
        *(perf_counter() - started, COUNTS_LAYER),
    )
    return adata if copy else None


def _check_arguments(
    n_top_genes: int, hvg_flavor: str, leiden_flavor: str, random_state: int
) -> None:
    """Refuse arguments that say nothing."""
    check_random_state(random_state, caller=CALLER)
    if not isinstance(n_top_genes, Integral) or isinstance(n_top_genes, bool) or n_top_genes < 2:
        msg = f"{CALLER}: `n_top_genes` must be an integer of at least 2, not {n_top_genes!r}."
        raise ValueError(msg)
    for name, value, known in (
        ("hvg_flavor", hvg_flavor, HVG_FLAVORS),
        ("leiden_flavor", leiden_flavor, LEIDEN_FLAVORS),
    ):
        if value not in known:
            msg = f"{CALLER}: `{name}` must be one of {known}, not {value!r}."
            raise ValueError(msg)
    if hvg_flavor == "seurat_v3":
        purpose = f"{CALLER}: `hvg_flavor`='seurat_v3'"
        optional_import("skmisc.loess", extra="seurat", purpose=purpose)


def _read_counts(adata: AnnData) -> tuple[sp.csr_matrix | np.ndarray, int]:
    """Read the counts and the filter on cells, after making sure that the filters leave enough."""
    import scipy.sparse as sp

    from ..get._expression import read_expression

    counts = read_expression(adata, state="counts", caller=CALLER)
    detected = sp.csr_matrix(counts)
    min_genes = min(MIN_GENES, max(1, adata.n_vars // 10))
    genes = detected.getnnz(axis=0) >= MIN_CELLS
    cells = detected[:, genes].getnnz(axis=1) >= min_genes
    if cells.sum() < 3 or genes.sum() < 2:
        msg = (
            f"{CALLER}: the filters leave {cells.sum()} of {adata.n_obs} cells (at least "
            f"{min_genes} genes detected) and {genes.sum()} of {adata.n_vars} genes (in at least "
            f"{MIN_CELLS} cells): too little to continue. Look at adata.X.sum(axis=1)."
        )
        raise ValueError(msg)
    return counts, min_genes


def _tried(
    counts: sp.csr_matrix | np.ndarray,
    min_genes: int,
    *,
    n_top_genes: int,
    hvg_flavor: str,
    subset: bool,
    scale: bool,
    leiden_flavor: str,
    random_state: int,
) -> AnnData:
    """Take every step on the counts alone, so that one that fails leaves the data as they were.

    Its matrices are not kept: to filter and normalise again is cheap, and they are large.
    """
    from anndata import AnnData

    trial = AnnData(counts.copy())
    _filter(trial, min_genes)
    _normalise(trial)
    _try_gene_choice(trial, n_top_genes, hvg_flavor, subset=subset)
    if scale:
        trial.layers[SCALED_LAYER] = _scaled(trial.X)
    _cluster(trial, leiden_flavor, random_state)
    trial.X = None
    del trial.layers[COUNTS_LAYER]
    return trial


def _try_gene_choice(trial: AnnData, n_top_genes: int, flavor: str, *, subset: bool) -> None:
    """Explain why Scanpy cannot choose genes: it fails on few or uniform cells."""
    other = "" if flavor == "seurat" else "; use hvg_flavor='seurat'"
    why = f"They are too few, or too alike{other}."
    try:
        _choose_genes(trial, n_top_genes, flavor, subset=subset)
    except (ValueError, IndexError) as error:
        msg = (
            f"{CALLER}: Scanpy cannot choose genes of these cells with `hvg_flavor`={flavor!r} "
            f"({error}). {why}"
        )
        raise ValueError(msg) from error
    found = int(trial.var["highly_variable"].sum())
    if found < 2:
        msg = (
            f"{CALLER}: with `hvg_flavor`={flavor!r} {found} gene(s) of these cells vary enough to "
            f"be chosen, and components need at least 2. {why}"
        )
        raise ValueError(msg)


def _adopt(adata: AnnData, trial: AnnData) -> None:
    """Write what was computed beside the matrices: layer, components, graph and clusters."""
    for slot in ("layers", "obsm", "varm", "obsp", "uns"):
        target = getattr(adata, slot)
        for name, value in getattr(trial, slot).items():
            if name is not None:  # from 0.13 on AnnData lists X among the layers, under None
                target[name] = value
    adata.obs["leiden"] = trial.obs["leiden"].array


def _filter(adata: AnnData, min_genes: int) -> None:
    import scanpy as sc

    sc.pp.filter_genes(adata, min_cells=MIN_CELLS)
    sc.pp.filter_cells(adata, min_genes=min_genes)  # after: no cell is left without counts


def _normalise(adata: AnnData) -> None:
    """Keep the counts in their layer and turn ``X`` into log values."""
    import scanpy as sc

    adata.layers[COUNTS_LAYER] = adata.X
    adata.X = adata.X.copy()  # Scanpy works in place
    sc.pp.normalize_total(adata, target_sum=TARGET_SUM)
    adata.uns.pop("log1p", None)  # a record of other values: Scanpy would warn of it
    sc.pp.log1p(adata)


def _choose_genes(adata: AnnData, n_top_genes: int, flavor: str, *, subset: bool) -> None:
    """Flag the highly variable genes."""
    import warnings

    import scanpy as sc

    with warnings.catch_warnings():
        # genes that do not vary have no dispersion: then fewer are flagged, and the log says so
        warnings.filterwarnings("ignore", "`n_top_genes` > number of normalized", UserWarning)
        sc.pp.highly_variable_genes(
            adata,
            n_top_genes=min(n_top_genes, adata.n_vars),
            flavor=flavor,
            layer=COUNTS_LAYER if flavor == "seurat_v3" else None,
            subset=subset,
        )


def _scaled(X: Any) -> Any:
    """Scale log values densely, leaving the matrix itself as it is."""
    import scanpy as sc

    dense = X.copy() if not hasattr(X, "toarray") else X.toarray()
    return sc.pp.scale(dense, max_value=MAX_SCALED)


def _cluster(adata: AnnData, leiden_flavor: str, random_state: int) -> None:
    """Reduce, find neighbours, cluster."""
    import warnings

    import scanpy as sc

    largest = min(adata.n_obs, int(adata.var["highly_variable"].sum())) - 1
    sc.pp.pca(
        adata,
        n_comps=min(N_PCS, largest),
        mask_var="highly_variable",
        random_state=random_state,
    )
    n_neighbors = min(N_NEIGHBORS, adata.n_obs - 1)
    sc.pp.neighbors(adata, n_neighbors, random_state=random_state)
    with warnings.catch_warnings():
        # Scanpy announces another default even to those who choose
        warnings.filterwarnings("ignore", "In the future, the default backend", FutureWarning)
        sc.tl.leiden(
            adata,
            flavor=leiden_flavor,
            directed=False,
            n_iterations=2,
            random_state=random_state,
        )
