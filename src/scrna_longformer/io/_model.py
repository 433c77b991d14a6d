"""Save a fitted model to a folder, and load it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .._settings import log

if TYPE_CHECKING:
    from anndata import AnnData

    from ..train import FittedLongformer

LARGE_BYTES = 50 * 2**20


def save_model(adata: AnnData, path: str | Path, *, key: str = "longformer") -> None:
    """Save the model of a fitted AnnData as a folder with weights (safetensors) and JSON.

    Parameters
    ----------
    adata
        Annotated data after :func:`scrna_longformer.tl.longformer_fit`.
    path
        Folder to write; made if missing. A model that is there is replaced once the new one is on disk.
    key
        Where the model is in ``uns``: the `key_added` of the fit.

    Raises
    ------
    KeyError
        If `adata` has no model under `key`.
    TypeError
        If `adata` is no AnnData.
    ValueError
        If `path` is a file.

    See Also
    --------
    scrna_longformer.io.load_model : Read it back.

    Examples
    --------
    >>> import tempfile
    >>> import scrna_longformer as sl
    >>> adata = sl.datasets.pbmc68k_reduced()
    >>> sl.pp.gene_knn_mask(adata)
    >>> sl.tl.longformer_fit(adata, "bulk_labels", preset="tiny", max_steps=300)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sl.io.save_model(adata, folder)
    ...     model = sl.io.load_model(folder)
    >>> len(model.token_genes)
    256
    """
    from ..get._model import read_fitted
    from ..train import save_folder

    size = save_folder(read_fitted(adata, key, caller="save_model"), Path(path).expanduser())
    hint = (
        "; that is large: fewer tokens (n_tokens) or a smaller preset make it small"
        if size > LARGE_BYTES
        else ""
    )
    log.info("save_model: wrote %.1f MB to %s%s", size / 2**20, path, hint)


def load_model(path: str | Path) -> FittedLongformer:
    """Load a model written by :func:`save_model`.

    Parameters
    ----------
    path
        The folder.

    Returns
    -------
    The model, to be given to :func:`scrna_longformer.tl.longformer_predict`.

    Raises
    ------
    FileNotFoundError
        If the folder or one of its files is missing.
    ValueError
        If a file is truncated, was changed, or is no model.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> sl.io.load_model("no/such/folder")
    Traceback (most recent call last):
    ...
    FileNotFoundError: 'no/such/folder' is not a saved model: ...
    """
    from ..train import load_folder

    return load_folder(Path(path).expanduser())
