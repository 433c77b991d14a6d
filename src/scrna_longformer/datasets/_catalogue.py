"""The data sets by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._blood import pbmc3k, pbmc68k_reduced, pbmc_donor_a, sorted_pbmc
from ._hubs import simulate_hubs
from ._marrow import paul15
from ._mixology import sc_mixology
from ._ratios import simulate_ratios
from ._registry import DATASETS
from ._simulate import simulate_interactions
from ._stimulation import kang_labelled, kang_types
from ._unnamed import cbmc_citeseq, mouse_bladder, pbmc4k
from ._worm import worm_embryo, worm_l2

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

_LOADERS = {
    loader.__name__: loader
    for loader in (
        pbmc68k_reduced,
        sorted_pbmc,
        pbmc3k,
        pbmc4k,
        pbmc_donor_a,
        kang_labelled,
        kang_types,
        cbmc_citeseq,
        worm_l2,
        worm_embryo,
        mouse_bladder,
        paul15,
        sc_mixology,
        simulate_interactions,
        simulate_ratios,
        simulate_hubs,
    )
}


def available() -> pd.DataFrame:
    """List the data sets.

    Returns
    -------
    DataFrame
        One row per name that :func:`load` takes: ``name``, ``title``, ``organism``, ``values``
        (of X: counts or log), ``labels`` (columns, each with the kind of its origin; the first is
        the one to classify), ``licence`` and ``note`` (what the set cannot show).

    Notes
    -----
    The same facts are in ``uns['dataset']`` of a loaded set, with ``source`` (addresses of its
    files) and the parallel arrays ``label_columns``, ``label_kinds`` and ``label_origins``.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> sl.datasets.available().set_index("name").loc["sorted_pbmc", "labels"]
    'cell_type (sorted)'
    """
    import pandas as pd

    return pd.DataFrame(
        {
            "name": name,
            "title": about.title,
            "organism": about.organism,
            "values": about.values,
            "labels": ", ".join(f"{label.column} ({label.kind})" for label in about.labels),
            "licence": about.licence,
            "note": about.note,
        }
        for name, about in DATASETS.items()
    )


def load(name: str) -> AnnData:
    """Load a data set by name, with the defaults of its function.

    Parameters
    ----------
    name
        One of ``available()['name']``.

    Returns
    -------
    AnnData
        What the function of that name returns.

    Raises
    ------
    KeyError
        If there is no such data set.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> sl.datasets.load("pbmc68k_reduced").n_obs
    700
    """
    if name not in _LOADERS:
        msg = f"There is no data set `name`={name!r}. There are: {', '.join(_LOADERS)}."
        raise KeyError(msg)
    return _LOADERS[name]()
