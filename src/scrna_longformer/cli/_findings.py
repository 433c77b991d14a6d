"""One line of a report: how it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import click

Status = Literal["ok", "note", "fault"]
_COLOURS = {"ok": "green", "note": "yellow", "fault": "red"}


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and what mends it (empty where nothing needs to)."""

    status: Status
    what: str
    advice: str = ""

    def show(self) -> None:
        """Print it."""
        click.echo(f"  {click.style(f'{self.status:5}', fg=_COLOURS[self.status])} {self.what}")
        if self.advice:
            click.echo(f"        -> {self.advice}")


def show_all(title: str, findings: Iterable[Finding]) -> bool:
    """Print findings as they come, under a title; return whether none is a fault."""
    click.echo(click.style(title, bold=True))
    sound = True
    for finding in findings:
        finding.show()
        sound = sound and finding.status != "fault"
    return sound
