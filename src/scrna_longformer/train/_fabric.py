"""Lightning Fabric on one device, leaving the session and the cluster as they are."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

_format = warnings.formatwarning

from lightning.fabric import Fabric  # noqa: E402
from lightning.fabric.plugins.environments import LightningEnvironment  # noqa: E402

if TYPE_CHECKING:
    from ._config import Precision

# Lightning formats every warning of the session its own way from its import on
warnings.formatwarning = _format


def one_device(accelerator: str, precision: Precision = "32-true") -> Fabric:
    """Return Fabric in this process, whatever a cluster says of tasks.

    A job with several tasks (SLURM) means other things by them than a distributed training.
    """
    return Fabric(
        accelerator=accelerator,
        devices=1,
        precision=precision,
        plugins=[LightningEnvironment()],
    )
