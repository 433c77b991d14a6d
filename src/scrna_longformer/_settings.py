"""What a user may set once per session: verbosity, progress bars, folders."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

DATA_VARIABLE = "SCRNA_LONGFORMER_DATA"

log = logging.getLogger("scrna_longformer")


class _StderrHandler(logging.StreamHandler):
    """Write to today's ``sys.stderr``, which notebooks and test runners replace."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self):  # type: ignore[no-untyped-def]
        return sys.stderr


log.addHandler(_StderrHandler())
log.setLevel(logging.INFO)
log.propagate = False


@dataclass
class Settings:
    """Session-wide settings, at ``sl.settings``.

    Attributes
    ----------
    progress_bar
        Whether long work shows a progress bar.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> sl.settings.verbosity = "warning"
    >>> sl.settings.verbosity
    'warning'
    >>> sl.settings.verbosity = "info"
    """

    progress_bar: bool = True

    @property
    def verbosity(self) -> str:
        """Level of the log, ``'debug'``, ``'info'`` (default), ``'warning'`` or ``'error'``."""
        return logging.getLevelName(log.level).lower()

    @verbosity.setter
    def verbosity(self, level: str) -> None:
        known = ("debug", "info", "warning", "error")
        if level not in known:
            msg = f"`verbosity` must be one of {known}, not {level!r}."
            raise ValueError(msg)
        log.setLevel(level.upper())

    @property
    def data_dir(self) -> Path | None:
        """Folder of data sets named by the variable ``SCRNA_LONGFORMER_DATA``, if it is set."""
        folder = os.environ.get(DATA_VARIABLE)
        return Path(folder).expanduser() if folder else None


settings = Settings()
