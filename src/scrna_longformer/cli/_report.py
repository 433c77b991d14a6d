"""Put words, tables and figures into one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import html
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def page(parts: Mapping[str, str]) -> str:
    """Fill the template; each part is HTML."""
    template = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(parts)


def text(words: str) -> str:
    """Escape what is not markup: names of genes and classes may hold ``<`` or ``&``."""
    return html.escape(words)


def paragraphs(sentences: Iterable[str]) -> str:
    """One paragraph per entry."""
    return "\n".join(f"<p>{text(sentence)}</p>" for sentence in sentences)


def bullets(sentences: Iterable[str]) -> str:
    """A list."""
    return "<ul>" + "".join(f"<li>{text(sentence)}</li>" for sentence in sentences) + "</ul>"


def figure(path: Path, caption: str, description: str) -> str:
    """A picture, inside the page itself."""
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><img alt="{text(description)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def cards(entries: Iterable[tuple[str, str, str]]) -> str:
    """Numbers to see first: (class, number, what it is)."""
    inner = "".join(
        f'<div class="card {kind}"><b>{text(number)}</b><span>{text(what)}</span></div>'
        for kind, number, what in entries
    )
    return f'<div class="cards">{inner}</div>'


def table(
    header: Iterable[str],
    rows: Iterable[Iterable[str]],
    *,
    row_classes: Iterable[str] | None = None,
    kind: str = "",
) -> str:
    """A table of texts; `row_classes` marks rows."""
    rows = [list(row) for row in rows]
    classes = list(row_classes) if row_classes is not None else [""] * len(rows)
    head = "".join(f"<th>{text(cell)}</th>" for cell in header)
    body = "".join(
        f'<tr class="{name}">' + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>"
        for name, row in zip(classes, rows, strict=True)
    )
    return f'<div class="wide"><table class="{kind}"><tr>{head}</tr>{body}</table></div>'
