"""The command line: parses, then calls the surface. Its help needs neither torch nor Scanpy."""

from __future__ import annotations

from pathlib import Path

import click

from ..datasets._registry import DATASETS

DEFAULT_DATASET = "pbmc68k_reduced"

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="scrna-longformer", prog_name="scrna-longformer")
def main() -> None:
    """Gene-token transformers for AnnData, compared honestly with simple models."""


@main.command()
@click.option(
    "--dataset",
    type=click.Choice(sorted(DATASETS)),
    metavar="NAME",
    default=DEFAULT_DATASET,
    show_default=True,
    help="One of scrna_longformer.datasets; the default is bundled, others are downloaded or read "
    "from the folder in SCRNA_LONGFORMER_DATA.",
)
@click.option(
    "--key",
    metavar="COLUMN",
    help="Column of obs with the labels; by default the one that the data set is known for.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Folder for the page, the figures and the table.",
)
def demo(dataset: str, key: str | None, output: Path) -> None:
    """Run the whole story on real cells: check, mask, fit, comparison, and a page that tells it."""
    from ._demo import run_demo

    run_demo(dataset, output, key=key)


@main.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def doctor(context: click.Context, file: Path | None) -> None:
    """Check the installation, and FILE (.h5ad) if given; say what to do about each fault.

    Ends with status 1 if there is a fault.
    """
    from ._doctor import examine

    if not examine(file):
        context.exit(1)
