"""What a check found: plain values that can be printed, tabulated and stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

Severity = Literal["void", "exclude", "limits"]
Evidence = Mapping[str, float | int | str | bool]

SEVERITIES: tuple[Severity, ...] = ("void", "exclude", "limits")


@dataclass(frozen=True)
class CheckResult:
    """One answer of one check.

    Attributes
    ----------
    name
        The check: the name of its function.
    severity
        What follows if it fired. ``'void'``: no winner is named; ``'exclude'``: the contestant
        `subject` leaves the ranking; ``'limits'``: the ranking stands, and `why` says what it does
        not show.
    fired
        Whether there is a fault.
    what
        What was found, in numbers; also said where nothing is wrong.
    why
        Why it matters: with ``'limits'``, what the ranking does not show. Empty unless fired.
    mend
        How to mend it. Empty unless fired.
    subject
        The contestant it is about; empty where it is about the data.
    evidence
        The numbers behind `what`, by name.
    """

    name: str
    severity: Severity
    fired: bool
    what: str
    why: str = ""
    mend: str = ""
    subject: str = ""
    evidence: Evidence = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What, why, and how to mend it, in one paragraph."""
        mend = f"Mend: {self.mend}" if self.mend else ""
        return " ".join(part for part in (self.what, self.why, mend) if part)


def passed(
    name: str, severity: Severity, what: str, *, subject: str = "", **evidence: float | str | bool
) -> CheckResult:
    """Return the result of a check that found no fault."""
    return CheckResult(name, severity, fired=False, what=what, subject=subject, evidence=evidence)


def fault(
    name: str,
    severity: Severity,
    what: str,
    why: str,
    mend: str,
    *,
    evidence: Evidence,
    subject: str = "",
) -> CheckResult:
    """Return the result of a check that fired."""
    return CheckResult(name, severity, True, what, why, mend, subject, evidence)  # noqa: FBT003


def is_void(results: Iterable[CheckResult]) -> bool:
    """Whether a fault was found that forbids to name a winner."""
    return any(r.fired and r.severity == "void" for r in results)


def excluded(results: Iterable[CheckResult]) -> list[str]:
    """Contestants that leave the ranking, each once."""
    return list(dict.fromkeys(r.subject for r in results if r.fired and r.severity == "exclude"))


def caveats(results: Iterable[CheckResult]) -> list[str]:
    """What the ranking does not show, a sentence for each limit that was found."""
    return list(dict.fromkeys(r.why for r in results if r.fired and r.severity == "limits"))


def check_table(results: Iterable[CheckResult]) -> pd.DataFrame:
    """Tabulate results, those that fired first, the gravest of them on top.

    Returns
    -------
    Columns ``check``, ``severity``, ``subject``, ``fired``, ``what``, ``why``, ``mend`` and
    ``evidence`` (JSON). Texts are categories, so that the table can be stored in any AnnData.
    """
    ordered = sorted(results, key=lambda r: (not r.fired, SEVERITIES.index(r.severity)))
    rows = [
        (r.name, r.severity, r.subject, r.fired, r.what, r.why, r.mend, json.dumps(_plain(r)))
        for r in ordered
    ]
    columns = ["check", "severity", "subject", "fired", "what", "why", "mend", "evidence"]
    frame = pd.DataFrame(rows, columns=columns).astype({"fired": bool})
    texts = [column for column in columns if column != "fired"]
    return frame.astype(dict.fromkeys(texts, "category"))


def _plain(result: CheckResult) -> dict[str, float | int | str | bool]:
    """Evidence with NumPy scalars turned into Python's, floats at four digits."""
    plain = {}
    for name, value in result.evidence.items():
        value = value.item() if hasattr(value, "item") else value
        plain[name] = float(f"{value:.4g}") if isinstance(value, float) else value
    return plain
