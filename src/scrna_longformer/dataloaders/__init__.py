"""From expression matrices to batches."""

from ._batches import BatchSchedule
from ._cells import CellMatrix

__all__ = ["BatchSchedule", "CellMatrix"]
