"""The whole story on one data set: check, mask, fit, comparison, and a page that tells it."""

from __future__ import annotations

import os
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from .._settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anndata import AnnData

N_NEIGHBORS = 15  # of a held-out cell among training cells
MOST_WORKERS = 4  # each one loads torch


# from the floors to the model to beat, and the transformer with and without it
MODELS = (
    "majority",
    "depth_only",
    "knn_pca",
    "logistic_regression",
    "simple_mean",
    "random_forest",
    "longformer",
    "longformer_pure",
)


@dataclass(frozen=True)
class Plan:
    """How much to compute. The defaults keep the bundled set under three minutes on two cores."""

    models: tuple[str, ...] | str = MODELS
    n_splits: int = 3
    n_jobs: int = field(default_factory=lambda: min(usable_cores(), MOST_WORKERS))
    # half of the full schedule: enough to tell the story, not to squeeze out the last point
    fit_options: dict[str, Any] = field(default_factory=lambda: {"max_steps": 1000})


@dataclass
class Story:
    """What a run leaves behind, for the table, the figures and the page."""

    dataset: str
    key: str
    adata: AnnData
    checks: Any
    neighbour_scores: dict[str, float]
    n_neighbors: int
    seconds: dict[str, float]


def run_demo(
    dataset: str, output: Path, *, key: str | None = None, plan: Plan | None = None
) -> Story:
    """Run everything, print the table, and write figures, table and page into `output`."""
    from .. import get
    from ._page import score_table, write_page

    plan = plan or Plan()
    started = time.perf_counter()
    with plain_warnings():
        story = tell(dataset, key, plan)
    click.echo()
    click.echo(score_table(story))
    click.echo(f"\n{get.verdict(story.adata)}")
    output.mkdir(parents=True, exist_ok=True)
    story.seconds["everything"] = time.perf_counter() - started
    written = write_page(story, output)
    click.echo(f"\n{time.perf_counter() - started:.0f} s. Open {written} in a browser.")
    return story


def tell(dataset: str, key: str | None, plan: Plan) -> Story:
    """Compute every chapter of the story."""
    from .. import datasets, pp, tl

    seconds: dict[str, float] = {}
    with chapter(f"Load {dataset}", seconds):
        adata = datasets.load(dataset)
        key = key or label_column(adata)
        check_key(adata, key)
    variable = None
    if holds_counts(adata):
        with chapter("Prepare the raw counts", seconds):
            pp.recipe_longformer(adata)
        variable = "highly_variable"
    with chapter("Check the data", seconds):
        checks = pp.check(adata, key)
        click.echo(str(checks))
    with chapter("Gene mask", seconds):
        pp.gene_knn_mask(adata, mask_var=variable)
    with chapter("Fit", seconds):
        tl.longformer_fit(adata, key, **plan.fit_options)
    with chapter("Comparison", seconds), own_table():
        models = plan.models if isinstance(plan.models, str) else list(plan.models)
        tl.baseline_compare(adata, key, models=models, n_splits=plan.n_splits, n_jobs=plan.n_jobs)
    with chapter("Maps of the cells", seconds):
        add_maps(adata)
        scores = neighbour_scores(adata, key)
    return Story(dataset, key, adata, checks, scores, N_NEIGHBORS, seconds)


@contextmanager
def chapter(title: str, seconds: dict[str, float]) -> Iterator[None]:
    """Announce a step and note how long it took."""
    click.echo(click.style(f"\n{title}", bold=True))
    started = time.perf_counter()
    yield
    seconds[title] = time.perf_counter() - started


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Print warnings as notes, without the line of code that raised them."""

    def note(message: Warning | str, category: type[Warning], *_: object) -> None:
        if issubclass(category, UserWarning):
            click.echo(f"{click.style('note', fg='yellow')}  {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = note  # type: ignore[assignment]
        yield


def usable_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def own_table() -> Iterator[None]:
    """Keep the log to warnings: the comparison's table is printed at the end, with intervals."""
    before = settings.verbosity
    settings.verbosity = "warning"
    try:
        yield
    finally:
        settings.verbosity = before


def label_column(adata: AnnData) -> str:
    """Return the column that a data set is known for."""
    columns = list(adata.uns["dataset"]["label_columns"])
    if not columns:
        msg = (
            f"Data set {adata.uns['dataset']['name']!r} has no labels to learn. Choose another "
            "--dataset, or give a --key such as leiden."
        )
        raise click.UsageError(msg)
    return str(columns[0])


def check_key(adata: AnnData, key: str) -> None:
    """Refuse a column that is none of labels, before minutes are spent on the way to the fit."""
    from ..get._labels import read_labels

    if key == "leiden" and holds_counts(adata):  # the recipe is about to make it
        return
    try:
        read_labels(adata, key, caller="--key")
    except (KeyError, TypeError, ValueError) as error:
        or_clusters = " Or cluster these cells: --key leiden." if holds_counts(adata) else ""
        msg = f"{error.args[0]}{or_clusters}"
        raise click.UsageError(msg) from error


def holds_counts(adata: AnnData) -> bool:
    """Whether a data set is one of raw counts, by its record."""
    return str(adata.uns["dataset"]["values"]) == "counts"


def add_maps(adata: AnnData) -> None:
    """UMAP of the principal components and of the embedding, in slots of their own."""
    import scanpy as sc

    if "X_pca" not in adata.obsm:
        sc.pp.pca(adata, random_state=0)
    for name, slot in (("pca", "X_pca"), ("longformer", "X_longformer")):
        sc.pp.neighbors(adata, use_rep=slot, key_added=f"neighbors_{name}", random_state=0)
        neighbors = f"neighbors_{name}"
        sc.tl.umap(adata, neighbors_key=neighbors, key_added=f"X_umap_{name}", random_state=0)


def neighbour_scores(adata: AnnData, key: str) -> dict[str, float]:
    """Share of held-out cells whose nearest training cells are mostly of their class."""
    from sklearn.neighbors import KNeighborsClassifier

    split, truth = adata.obs["longformer_split"], adata.obs[key].astype(str).to_numpy()
    train, held_out = (split == "train").to_numpy(), (split == "validation").to_numpy()
    scores = {}
    for name in ("pca", "longformer"):
        X = adata.obsm[f"X_{name}"]
        voters = KNeighborsClassifier(N_NEIGHBORS).fit(X[train], truth[train])
        scores[name] = float((voters.predict(X[held_out]) == truth[held_out]).mean())
    return scores
