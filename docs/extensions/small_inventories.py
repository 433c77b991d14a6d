"""Intersphinx from short readable lists, for builds without a network.

Each ``docs/inventories/<project>.txt`` starts with the address of the project's documentation and
then names what we link to, one ``role name address`` per line; an address that ends in ``$`` ends
in the name, as in Sphinx's own inventories. The lists are compiled when the build starts, so a
link to a name that is on no list is an error, as it is with the whole inventories.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config


def compile_inventory(text: str, name: str) -> tuple[str, bytes]:
    """Return the address of the documentation and the inventory in Sphinx's format, version 2."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    url, entries = lines[0], [line.split() for line in lines[1:]]
    header = f"# Sphinx inventory version 2\n# Project: {name}\n# Version: \n"
    header += "# The remainder of this file is compressed using zlib.\n"
    # priority 1 and "-" (display name = name) are what Sphinx writes for API objects
    body = "".join(f"{target} {role} 1 {address} -\n" for role, target, address in entries)
    return url, header.encode() + zlib.compress(body.encode())


def add_mapping(app: Sphinx, config: Config) -> None:
    compiled = Path(app.doctreedir).parent / "inventories"
    compiled.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for path in sorted((Path(app.srcdir) / "inventories").glob("*.txt")):
        url, inventory = compile_inventory(path.read_text(encoding="utf-8"), path.stem)
        target = compiled / f"{path.stem}.inv"
        target.write_bytes(inventory)
        mapping[path.stem] = (url, None if config.small_inventories_online else str(target))
    config.intersphinx_mapping = mapping


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("small_inventories_online", default=False, rebuild="env")
    # before intersphinx checks the mapping, which it does at the default priority 500
    app.connect("config-inited", add_mapping, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
