"""Find a data file: in the folder the user named, in the cache, or at its pinned address."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .._settings import DATA_VARIABLE, settings
from ._registry import DATASETS

if TYPE_CHECKING:
    from pooch import Pooch


def shelf() -> Pooch:
    """Return the pooch of all registered files, which caches in the user's cache folder."""
    import pooch

    shelf = pooch.create(path=pooch.os_cache("scrna_longformer"), base_url="")
    shelf.load_registry(Path(__file__).with_name("registry.txt"))
    return shelf


def fetch(name: str, file: str) -> Path:
    """Return the local path of ``file`` of data set ``name``, downloading it if need be.

    Raises
    ------
    NotADirectoryError
        If ``SCRNA_LONGFORMER_DATA`` names something that is not a folder.
    ValueError
        If the file in that folder is not the pinned one.
    ConnectionError
        If the file is neither there nor in the cache and cannot be downloaded.
    """
    folder = settings.data_dir
    if folder is not None:
        if not folder.is_dir():
            msg = f"{DATA_VARIABLE}={str(folder)!r} is not a folder: correct or unset the variable."
            raise NotADirectoryError(msg)
        if (folder / file).is_file():
            return _verified(folder / file, shelf().registry[file])
    return _download(name, file)


def _verified(path: Path, expected: str) -> Path:
    import pooch

    found = pooch.file_hash(str(path), alg="sha256")
    if found != expected:
        msg = (
            f"The file {str(path)!r} is not the registered one: expected sha256 {expected}, "
            f"found {found}. Replace it, or unset {DATA_VARIABLE} to download the registered file."
        )
        raise ValueError(msg)
    return path


def _download(name: str, file: str) -> Path:
    files = shelf()
    try:
        return Path(files.fetch(file))
    except OSError as error:
        if error.errno is not None:
            raise  # the disk (permissions, space), not the network: requests sets no errno
        alternative = DATASETS[name].alternative
        msg = (
            f"Data set {name!r} needs the file {file!r}, which could not be downloaded from "
            f"{files.get_url(file)} ({error}). With no network, fetch it elsewhere, keep it as "
            f"{file!r} below some folder, and set {DATA_VARIABLE} to that folder."
            + (f" Or: {alternative}." if alternative else "")
        )
        raise ConnectionError(msg) from error
