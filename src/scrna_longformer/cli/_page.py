"""Figures, table and page of a story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _report as html
from . import _words as words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..get import Verdict
    from ..get._frames_scores import Scores
    from ._demo import Story

METRIC = "macro_f1"
COLUMNS = ("model", "macro-F1", "95 % interval", "accuracy", "fit (s)", "predict (ms/cell)")


def write_page(story: Story, folder: Path) -> Path:
    """Write figures, ``scores.csv`` and ``index.html`` into a folder; return the page's path."""
    from .. import get

    figures = draw(story, folder)
    get.baseline_compare(story.adata).summary.to_csv(folder / "scores.csv", index=False)
    path = folder / "index.html"
    path.write_text(html.page(_parts(story, figures)), encoding="utf-8")
    return path


def score_rows(story: Story) -> list[list[str]]:
    """One row of texts per model, best first: what is printed and what is on the page."""
    scores, accuracy = _scores(story, METRIC), _scores(story, "accuracy").mean
    fit, predict = (_scores(story, cost).mean for cost in ("fit_seconds", "predict_ms_per_cell"))
    return [
        [
            _model_label(model),
            f"{scores.mean[model]:.3f}",
            f"{scores.low[model]:.3f} to {scores.high[model]:.3f}",
            f"{accuracy[model]:.3f}",
            f"{fit[model]:.2f}",
            f"{predict[model]:.3f}",
        ]
        for model in scores.models
    ]


def score_table(story: Story) -> str:
    """Return the table as aligned text."""
    rows = [list(COLUMNS), *score_rows(story)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def draw(story: Story, folder: Path) -> dict[str, Path]:
    """Draw every figure into a folder."""
    from matplotlib import pyplot as plt

    from .. import pl
    from ._figures import embeddings

    adata = story.adata
    names = ("comparison", "embeddings", "mask_degree", "mask_blocks", "training")
    paths = {name: folder / f"{name}.png" for name in names}
    pl.baseline_compare(adata, metric=METRIC, show=False, save=paths["comparison"])
    pl.gene_knn_degree(adata, show=False, save=paths["mask_degree"])
    pl.gene_knn_block(adata, show=False, save=paths["mask_blocks"])
    pl.training_history(adata, show=False, save=paths["training"])
    plt.close("all")
    embeddings(
        adata,
        {"Principal components": "X_umap_pca", "Transformer": "X_umap_longformer"},
        key=story.key,
        held_out=(adata.obs["longformer_split"] == "validation").to_numpy(),
        save=paths["embeddings"],
    )
    return paths


def comparison_sentences(story: Story, verdict: Verdict) -> list[str]:
    """The verdict, where no skill would get, and what the transformer began with."""
    scores = _scores(story, METRIC)
    sentences = list(verdict.sentences)
    if start := words.start_sentence(story.adata.uns["longformer"]["training"]):
        sentences.append(start)
    if "majority" in scores.models:
        model = transformer_of(verdict)
        sentences.append(words.skill_sentence(scores.folds, METRIC, model))
    return sentences


def transformer_of(verdict: Verdict) -> str:
    """Name the transformer to speak of: the best that is one, not a hybrid with its gate closed."""
    table = verdict.transformers
    true = table[table["counts_as"] == "transformer"]
    names = [str(name) for name in (true if len(true) else table)["model"]]
    return names[0] if names else "longformer"


def _parts(story: Story, figures: dict[str, Path]) -> dict[str, str]:
    from .. import get

    adata, key = story.adata, story.key
    fit = adata.uns["longformer"]
    verdict = get.verdict(adata)
    scores = _scores(story, METRIC)
    n_held_out = int(fit["training"]["n_validation"])
    n_labelled = int(adata.obs[key].notna().sum())
    graph = adata.uns["gene_knn"]["params"]
    shown = _figure_parts(figures)
    return shown | {
        "title": html.text(f"scrna-longformer on {story.dataset}"),
        "headline": html.text(verdict.headline),
        "dataset": html.text(_dataset_sentence(story)),
        "cards": html.cards(_cards(scores, verdict)),
        "comparison": html.paragraphs(comparison_sentences(story, verdict)),
        "comparison_table": html.table(
            COLUMNS,
            score_rows(story),
            row_classes=[
                "transformer" if m.startswith("longformer") else "" for m in scores.models
            ],
        ),
        "comparison_note": html.text(
            "Macro-F1 is the mean over classes of the F1 score: 1 is perfect, and a rare class counts "
            f"as much as a common one. {len(scores.folds)} folds, the same for all models; genes, scaling, components and "
            "mask were fitted again on the training cells of each fold, each fit on one core. Intervals are 95 % of the "
            "expected score at this number of training cells."
        ),
        "labels": html.paragraphs([words.label_sentence(adata.uns["dataset"], key)]),
        "checks": html.table(
            ("", "looked at", "found", "what to do"),
            [(item.status, item.name, item.message, item.mend) for item in story.checks.items],
            row_classes=[item.status for item in story.checks.items],
            kind="lines",
        ),
        "embedding": html.paragraphs(
            [words.neighbour_sentence(story.neighbour_scores, n_held_out, story.n_neighbors)]
        ),
        "mask": html.paragraphs(
            [words.mask_sentence(get.gene_degrees(adata), int(graph["n_neighbors"]))]
        ),
        "fit": html.paragraphs([words.fit_sentence(fit["training"], get.training_history(adata))]),
        "advice": html.bullets(
            words.advice(verdict.headline, n_labelled, int(adata.obs[key].dropna().nunique()))
        ),
        "code": html.text(_code(story)),
        "details": html.table(("step", "seconds"), _seconds(story), kind="small")
        + html.paragraphs([_versions(fit["versions"])]),
    }


def _figure_parts(figures: dict[str, Path]) -> dict[str, str]:
    captions = {
        "comparison": (
            "Small dots are folds, large dots their means, bars 95 % intervals. Orange: the "
            "transformer; blue: simple models; grey and dotted: no skill."
        ),
        "embeddings": (
            "UMAP of the same cells. Pale dots were used in the fit; ringed dots were held out. "
            "Only ringed dots say how the model does on new cells, and a UMAP is a picture, not a "
            "measurement."
        ),
        "mask_degree": "How many neighbours genes have; orange dots are the top 1 %.",
        "mask_blocks": "The mask itself. Orange squares are modules of genes that go together.",
        "training": "Loss while training.",
    }
    tags = {
        name: html.figure(path, captions[name], f"Figure: {captions[name]}")
        for name, path in figures.items()
    }
    return {
        "comparison_figure": tags["comparison"],
        "embedding_figure": tags["embeddings"],
        "mask_figure": tags["mask_degree"] + tags["mask_blocks"],
        "fit_figure": tags["training"],
    }


def _cards(scores: Scores, verdict: Verdict) -> Iterable[tuple[str, str, str]]:
    def spread(model: str) -> str:
        return f"macro-F1, 95 % interval {scores.low[model]:.3f} to {scores.high[model]:.3f}"

    table, model = verdict.transformers, transformer_of(verdict)
    yield "transformer", f"{scores.mean[model]:.3f}", f"{words.name_of(model)}: {spread(model)}"
    # of several rivals the first is the best simple model
    for row in table[table["model"] == model].head(1).to_dict("records"):
        rival, ends = str(row["rival"]), f"{row['gain_low']:+.3f} to {row['gain_high']:+.3f}"
        yield "simple", f"{scores.mean[rival]:.3f}", f"{words.name_of(rival)}: {spread(rival)}"
        yield "", f"{row['gain']:+.3f}", f"difference, 95 % interval {ends}"
    if "majority" in scores.models:
        yield "", f"{scores.mean['majority']:.3f}", "always predicting the largest class"


def _dataset_sentence(story: Story) -> str:
    adata = story.adata
    about = adata.uns["dataset"]
    n_classes = adata.obs[story.key].dropna().nunique()
    return (
        f"{about['title']}: {adata.n_obs:,} cells, {adata.n_vars:,} genes, {n_classes} classes in "
        f"{story.key!r}. {about['note']}"
    )


def _scores(story: Story, metric: str) -> Scores:
    from ..get._frames_scores import read_scores

    return read_scores(story.adata, metric, caller="demo")


def _model_label(model: str) -> str:
    from ..pl._contestants import label_of

    return label_of(model)


def _seconds(story: Story) -> list[tuple[str, str]]:
    return [(step, f"{seconds:.1f}") for step, seconds in story.seconds.items()]


def _versions(versions: Any) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _code(story: Story) -> str:
    counts = str(story.adata.uns["dataset"]["values"]) == "counts"
    recipe = "sl.pp.recipe_longformer(adata)\n" if counts else ""
    mask = 'adata, mask_var="highly_variable"' if counts else "adata"
    return (
        "import scanpy as sc\nimport scrna_longformer as sl\n\n"
        f"adata = sl.datasets.{story.dataset}()\n{recipe}"
        f"sl.pp.gene_knn_mask({mask})\n"
        f'sl.tl.longformer_fit(adata, "{story.key}")\n'
        "sl.tl.baseline_compare(adata)\n"
        "sl.pl.baseline_compare(adata)\n\n"
        'sc.pp.neighbors(adata, use_rep="X_longformer")\n'
        "sc.tl.umap(adata)\n"
        f'sc.pl.umap(adata, color=["{story.key}", "longformer_pred"])'
    )
