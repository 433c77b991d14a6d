from __future__ import annotations

import re
from pathlib import Path

import scrna_longformer as sl

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "model.md"


def test_the_table_of_sizes_in_the_documentation() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([\d,]+) \|$", PAGE.read_text(), flags=re.MULTILINE)
    told = {preset: int(number.replace(",", "")) for preset, number in rows}
    counted = {p: sl.tl.count_parameters(p, n_tokens=500, n_classes=9) for p in told}
    assert counted == told
    assert len(told) == 4
