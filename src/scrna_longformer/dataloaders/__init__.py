"""From expression matrices to batches."""

from ._batches import BatchSchedule
from ._cells import CellMatrix
from ._joined_cells import JoinedCells
from ._moments import Cells
from ._resident import ResidentCells, resident
from ._residual_cells import ResidualCells
from ._views import model_cells

__all__ = [
    "BatchSchedule",
    "CellMatrix",
    "Cells",
    "JoinedCells",
    "ResidentCells",
    "ResidualCells",
    "model_cells",
    "resident",
]
