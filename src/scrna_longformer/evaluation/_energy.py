"""How much energy a piece of work took, where the extra ``energy`` is installed."""

from __future__ import annotations

import logging
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Self


class EnergyMeter:
    """Ask CodeCarbon for the energy of the machine between two moments.

    Without CodeCarbon (``pip install 'scrna-longformer[energy]'``) the answer is NaN. CodeCarbon reads
    counters of GPUs and, where it may, of the processor; otherwise it *estimates* the processor from
    its nominal power and load. It counts the whole machine, so that whatever else runs there counts.

    Attributes
    ----------
    watt_hours
        Energy between the start and the end of the block.

    Examples
    --------
    >>> with EnergyMeter() as meter:
    ...     total = sum(range(1000))
    >>> meter.watt_hours >= 0 or meter.watt_hours != meter.watt_hours
    True
    """

    def __enter__(self) -> Self:
        self.watt_hours = float("nan")
        self._tracker = _tracker() if find_spec("codecarbon") else None
        if self._tracker is not None:
            self._tracker.start_task()
        return self

    def __exit__(self, *_: object) -> None:
        if self._tracker is not None:
            self.watt_hours = 1e3 * float(self._tracker.stop_task().energy_consumed)


@cache
def _tracker() -> Any:
    """One per process: it looks for the hardware when it is made. It writes no file and asks no network."""
    codecarbon = import_module("codecarbon")
    # it sets its level when imported, and greets before it reads the one below
    logging.getLogger("codecarbon").setLevel(logging.ERROR)
    return codecarbon.OfflineEmissionsTracker(
        country_iso_code="USA",  # for emissions, which are not asked for
        save_to_file=False,
        log_level="error",
        allow_multiple_runs=True,
    )
