"""Tables as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def markdown(frame: pd.DataFrame) -> str:
    """Return the rows of a frame, numbers to three digits, NaN as nothing."""
    lines = ["| " + " | ".join(frame) + " |", "| " + " | ".join(["---"] * frame.shape[1]) + " |"]
    for row in frame.itertuples(index=False):
        lines.append("| " + " | ".join(_shown(value) for value in row) + " |")
    return "\n".join(lines)


def _shown(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return "" if np.isnan(value) else f"{value:.3f}"
