"""The whole story once, with a small plan."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pandas as pd
import pytest

import scrna_longformer as sl
from scrna_longformer.cli._demo import Plan, Story, label_column, run_demo

PLAN = Plan(
    models=("majority", "nearest_centroid", "longformer"),
    n_splits=2,
    n_jobs=1,
    fit_options={"preset": "tiny", "n_tokens": 24, "max_steps": 40},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "made" / "here"


@pytest.fixture(scope="module")
def story(folder: Path) -> Story:
    verbosity = sl.settings.verbosity
    story = run_demo("pbmc68k_reduced", folder, plan=PLAN)
    assert sl.settings.verbosity == verbosity
    return story


@pytest.fixture(scope="module")
def page(story: Story, folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def test_figures_table_and_page_are_written(story: Story, folder: Path):
    names = {"comparison", "embeddings", "mask_blocks", "mask_degree", "training"}
    assert {path.stem for path in folder.glob("*.png")} == names
    assert {path.name for path in folder.iterdir() if path.suffix != ".png"} == {
        "index.html",
        "scores.csv",
    }


def test_numbers_of_the_page_are_those_of_the_comparison(story: Story, page: str):
    table = sl.get.baseline_compare(story.adata).table
    for model in ("majority", "nearest_centroid", "longformer"):
        row = re.search(rf"<tr[^>]*><td>{model.replace('_', ' ')}</td>(.*?)</tr>", page)
        cells = re.findall(r"<td>(.*?)</td>", row[1])
        assert cells[0] == f"{table.loc[model, 'macro_f1']:.3f}"
        assert cells[2] == f"{table.loc[model, 'accuracy']:.3f}"


def test_difference_on_the_page_is_the_difference_of_the_folds(story: Story, page: str):
    folds = sl.get.baseline_compare(story.adata).folds.query("metric == 'macro_f1'")
    wide = folds.pivot(index="fold", columns="model", values="value")
    difference = (wide["longformer"] - wide["nearest_centroid"]).mean()
    assert f"<b>{difference:+.3f}</b>" in page


def test_the_page_tells_the_verdict(story: Story, page: str):
    verdict = sl.get.verdict(story.adata)
    assert f"<h1>{html.escape(verdict.headline)}</h1>" in page
    for sentence in verdict.sentences:
        assert html.escape(sentence) in page


def test_table_on_disk_is_the_summary(story: Story, folder: Path):
    summary = sl.get.baseline_compare(story.adata).summary
    written = pd.read_csv(folder / "scores.csv")
    assert written["mean"].tolist() == pytest.approx(summary["mean"].tolist(), nan_ok=True)


def test_page_is_self_contained(page: str):
    sources = re.findall(r'src="([^"]{0,30})', page)
    assert len(sources) == 5
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "http" not in re.sub(r'src="[^"]*"', "", page)


def test_page_says_where_labels_come_from_and_what_the_checks_found(story: Story, page: str):
    assert "assigned by similarity of expression" in page
    assert "fewer than 10 cells" in page
    assert "CD4+/CD45RA+/CD25- Naive T" in page


def test_code_on_the_page_is_the_code_that_was_run(page: str):
    code = re.search(r"<pre><code>(.*?)</code></pre>", page, re.DOTALL)[1]
    calls = re.findall(r"sl\.(\w+)\.(\w+)\(", code)
    assert all(hasattr(getattr(sl, package), name) for package, name in calls)
    assert ("tl", "longformer_fit") in calls


def test_held_out_cells_alone_are_scored(story: Story):
    split = story.adata.obs["longformer_split"]
    n_held_out = int((split == "validation").sum())
    for score in story.neighbour_scores.values():
        assert (score * n_held_out) == pytest.approx(round(score * n_held_out))


def test_table_is_printed_with_every_model(folder: Path, story: Story):
    from scrna_longformer.cli._page import score_table

    lines = score_table(story).splitlines()
    assert len(lines) == 2 + 3
    assert len({len(line) for line in lines}) == 1


def test_data_set_without_labels_is_refused(story: Story):
    import click

    adata = story.adata[:3].copy()
    adata.uns["dataset"]["label_columns"] = adata.uns["dataset"]["label_columns"][:0]
    with pytest.raises(click.UsageError, match="no labels to learn"):
        label_column(adata)
