"""What the documentation says is so: its examples run, its commands and names exist."""

from __future__ import annotations

import doctest
import importlib
import json
import re
from pathlib import Path

import pytest

import scrna_longformer as sl

ROOT = Path(__file__).parents[1]
SOURCE = Path(sl.__file__).parent
MODULES = sorted(
    ".".join(("scrna_longformer", *path.relative_to(SOURCE).with_suffix("").parts))
    for path in SOURCE.rglob("*.py")
    if path.name != "__init__.py"
)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTEBOOKS = sorted((ROOT / "tutorials").glob("*.ipynb"))
CORE = ("graph", "features", "attention", "nn", "dataloaders", "train", "evaluation")


def examples(module: str) -> list[doctest.DocTest]:
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module))
    return [test for test in found if test.examples]


@pytest.mark.filterwarnings("ignore::UserWarning")  # real cells have small classes, and we say so
@pytest.mark.parametrize("module", MODULES)
def test_examples_of_docstrings_run(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # an example may write files
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    report: list[str] = []
    for test in examples(module):
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_commands_exist(page: Path):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_subcommands_exist(page: Path):
    from scrna_longformer.cli import main

    named = re.findall(r"(?:^|`)scrna-longformer ([a-z]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= set(main.commands)


def test_readme_has_the_two_commands():
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme
    assert "pip install scrna-longformer" in readme


@pytest.mark.parametrize("package", ["pp", "tl", "pl", "get", "datasets", "io", *CORE])
def test_api_pages_list_what_is_exported(package: str):
    text = (ROOT / "docs" / "api" / f"{'core' if package in CORE else package}.md").read_text()
    own = text.split(f".. module:: scrna_longformer.{package}\n")[1]
    own = own.split(".. module::")[0]
    listed = re.findall(r"^ {3}(\w+)$|^.. py:data:: (\w+)$", own, re.MULTILINE)
    exported = importlib.import_module(f"scrna_longformer.{package}").__all__
    assert {name for pair in listed for name in pair if name} == set(exported)


@pytest.mark.parametrize(
    "notebook", sorted((ROOT / "tutorials").glob("*.ipynb")), ids=lambda p: p.name
)
def test_notebooks_are_committed_without_outputs(notebook: Path):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_changelog_has_this_version_or_unreleased():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## (Unreleased|\[?{re.escape(sl.__version__)})", changelog, re.MULTILINE)


def test_citation_names_this_version():
    assert f"\nversion: {sl.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_links_between_pages_resolve():
    broken = [
        (page.name, target)
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())
        if not (page.parent / target).exists() and not target.startswith("tutorials/")
    ]
    assert not broken


def test_examples_of_exported_functions_are_collected():
    """They are not defined where they are exported: the finder must look inside."""
    names = [test.name for test in examples("scrna_longformer.pp._gene_knn_mask")]
    assert "scrna_longformer.pp._gene_knn_mask.gene_knn_mask" in names
