"""What a check found, to print or to read as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class CheckItem:
    """One line of a report.

    Attributes
    ----------
    name
        What was looked at.
    status
        ``'ok'``; ``'warn'``: works, but read on; ``'fail'``: the next calls will refuse it.
    message
        What was found.
    mend
        The call that mends it; empty where there is nothing to mend.
    """

    name: str
    status: Status
    message: str
    mend: str = ""


@dataclass(frozen=True, repr=False)
class CheckReport:
    """All lines of a report; printing it shows them aligned."""

    items: tuple[CheckItem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(item.status != "fail" for item in self.items)

    def to_df(self) -> pd.DataFrame:
        """One row per line: ``name``, ``status``, ``message``, ``mend``."""
        import pandas as pd

        columns = ["name", "status", "message", "mend"]
        rows = [[getattr(item, column) for column in columns] for item in self.items]
        return pd.DataFrame(rows, columns=columns)

    def __str__(self) -> str:
        width = max((len(item.name) for item in self.items), default=0)
        lines = []
        for item in self.items:
            lines.append(f"{item.status:4}  {item.name:{width}}  {item.message}")
            if item.mend:
                lines.append(f"{'':4}  {'':{width}}  -> {item.mend}")
        return "\n".join(lines)

    __repr__ = __str__
