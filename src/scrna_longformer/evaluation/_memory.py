"""How much memory a piece of work needed on top of what was there before."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Self

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")
_PEAK = "5"  # what the kernel takes as: forget the highest resident size so far


class PeakMemory:
    """Watch the resident memory of this process.

    The kernel keeps the highest resident size by itself, so that watching costs nothing and misses
    nothing, whichever library allocates. Only Linux can be asked for it; elsewhere the answer is NaN.
    Memory of other processes, and of an accelerator, is not counted.

    Attributes
    ----------
    megabytes
        Highest resident size inside the block less the one at its start, in MB (10^6 bytes).

    Examples
    --------
    >>> with PeakMemory() as peak:
    ...     block = b"x" * 5_000_000
    >>> peak.megabytes >= 4 or peak.megabytes != peak.megabytes
    True
    """

    def __enter__(self) -> Self:
        self.megabytes = float("nan")
        self._before = float("nan")
        _give_back()
        try:
            _RESET.write_text(_PEAK, encoding="ascii")
        except OSError:  # another system, or not allowed to
            return self
        self._before = _resident("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        if self._before == self._before:
            self.megabytes = max(0.0, _resident("VmHWM") - self._before)


def _resident(field: str) -> float:
    """A line of the status, in MB."""
    lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    found = [line.split()[1] for line in lines if line.startswith(field)]
    return 1024 * float(found[0]) / 1e6 if found else float("nan")


def _give_back() -> None:
    """Let the C library return what is free: memory that is only kept would hide a need for it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if _RESET.exists() else None
    if trim is not None:
        trim(0)
