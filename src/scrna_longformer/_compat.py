"""Optional dependencies: import them, or raise an error that names the extra to install."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def optional_import(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional dependency.

    Parameters
    ----------
    module
        Name to import.
    extra
        Extra of this package that installs it.
    purpose
        What it is needed for, for the message.

    Raises
    ------
    ImportError
        If it is not installed, with the install line.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise  # the optional package is there; something it needs is broken: say that instead
        msg = (
            f"{purpose} needs the package {module!r}, which is not installed. "
            f"Install it with: pip install 'scrna-longformer[{extra}]'"
        )
        raise ImportError(msg) from error
