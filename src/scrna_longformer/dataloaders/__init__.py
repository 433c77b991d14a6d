"""From expression matrices to batches."""

from ._batches import BatchSchedule
from ._cells import CellMatrix
from ._moments import Cells
from ._residual_cells import ResidualCells

__all__ = ["BatchSchedule", "CellMatrix", "Cells", "ResidualCells"]
