"""The command line: parses, then calls the surface. Its help needs neither torch nor Scanpy."""

from __future__ import annotations

from pathlib import Path

import click

from .._arguments import LARGEST_SEED
from ..datasets._registry import DATASETS

DEFAULT_DATASET = "pbmc68k_reduced"

__all__ = ["main"]


def _not_zero(_context: click.Context, _parameter: click.Parameter, jobs: int) -> int:
    """Refuse no worker at all, which would silently be one."""
    if jobs == 0:
        msg = "0 processes run nothing: give 1 or more, or -1 to use all cores."
        raise click.BadParameter(msg)
    return jobs


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


@main.command()
@click.option(
    "--suite",
    type=click.Choice(["real"]),
    default="real",
    show_default=True,
    help="real: all labelled public sets (downloaded, or read from SCRNA_LONGFORMER_DATA).",
)
@click.option(
    "--out",
    "output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("benchmark"),
    show_default=True,
    help="Folder for tables, manifest and finished folds. The same call goes on where it stopped.",
)
@click.option("--sets", metavar="NAME", multiple=True, help="Only this set; may be repeated.")
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Repeats of logistic regression, simple_mean and the transformers; others get two.",
)
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    default=3.0,
    show_default=True,
    help="Begin no further fold after so many hours; the same call goes on.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=-1),
    callback=_not_zero,
    default=1,
    show_default=True,
    help="Worker processes; -1 uses all cores.",
)
@click.option(
    "--random-state",
    type=click.IntRange(0, LARGEST_SEED),
    default=0,
    show_default=True,
    help="Seed.",
)
@click.option("--quick", is_flag=True, help="Only show that it runs: two small sets, no result.")
@click.option(
    "--report",
    "figures",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Run nothing: print the tables of what is in --out, and draw its figures into FOLDER.",
)
def benchmark(
    suite: str,
    output: Path,
    sets: tuple[str, ...],
    repeats: int,
    hours: float,
    jobs: int,
    random_state: int,
    quick: bool,  # noqa: FBT001
    figures: Path | None,
) -> None:
    """Run fourteen contestants on ten labelled real sets, or print what an earlier run found.

    One fold of every set comes before the second of any, so that a run may be stopped at any time. Transformer and simple models see the same folds. It takes some hours on one core.
    """
    if figures is not None:
        from ._suite._report import report

        report(output, figures)
        return
    from ._suite._plan import make_plan
    from ._suite._run import run_suite

    plan = make_plan(sets, quick=quick, n_repeats=repeats, random_state=random_state)
    run_suite(plan, output, hours=hours, n_jobs=jobs)
