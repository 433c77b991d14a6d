"""Print the lines of a report as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..pp._check_report import CheckItem

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def show_lines(title: str, items: Iterable[CheckItem]) -> bool:
    """Print items under a title, one by one; return whether none failed."""
    click.echo(click.style(title, bold=True))
    sound = True
    for item in items:
        status = click.style(f"{item.status:4}", fg=_COLOURS[item.status])
        click.echo(f"  {status}  {item.name}: {item.message}")
        if item.mend:
            click.echo(f"        -> {item.mend}")
        sound = sound and item.status != "fail"
    return sound
