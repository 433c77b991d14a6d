from __future__ import annotations

import base64
from html.parser import HTMLParser
from pathlib import Path

import pytest

from scrna_longformer.cli import _report


def test_text_of_names_is_escaped():
    assert _report.text("<b>CD4+ & CD8+") == "&lt;b&gt;CD4+ &amp; CD8+"
    assert "&lt;i&gt;" in _report.table(["a"], [["<i>"]])
    assert "&lt;i&gt;" in _report.cards([("", "1", "<i>")])
    assert "&lt;i&gt;" in _report.bullets(["<i>"])


def test_figure_is_inside_the_page(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"picture")
    tag = _report.figure(tmp_path / "a.png", "caption", 'said "so"')
    assert base64.b64encode(b"picture").decode() in tag
    assert "said &quot;so&quot;" in tag


def test_page_wants_every_part():
    with pytest.raises(KeyError):
        _report.page({"title": "x"})


def test_rows_can_be_marked():
    found = _report.table(["a"], [["1"], ["2"]], row_classes=["", "transformer"])
    assert found.index('class="transformer"') < found.index("<td>2</td>")


class Loads(HTMLParser):
    """Collect what a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [v or "" for k, v in attrs if k in {"src", "href", "srcset", "data"}]


def test_template_fetches_nothing():
    template = Path(_report.__file__).with_name("page.html").read_text()
    loads = Loads()
    loads.feed(template)
    assert not loads.addresses
    assert "url(" not in template
    assert "@import" not in template
