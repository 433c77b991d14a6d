"""Bring the notebooks of the top-level ``tutorials`` folder, their only home, into the docs.

Sphinx reads only below ``docs``, so they are copied to ``docs/tutorials`` (ignored by git) when the
build starts, and copies whose original has gone are removed.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def copy_notebooks(app: Sphinx, _config: object = None) -> None:
    source = Path(app.srcdir).parent / "tutorials"
    target = Path(app.srcdir) / "tutorials"
    target.mkdir(exist_ok=True)
    wanted = {path.name: path for path in source.glob("*.ipynb")}
    for copy in target.glob("*.ipynb"):
        if copy.name not in wanted:
            copy.unlink()
    for name, path in wanted.items():
        copy = target / name
        if not copy.exists() or copy.read_bytes() != path.read_bytes():
            shutil.copyfile(path, copy)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", copy_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
