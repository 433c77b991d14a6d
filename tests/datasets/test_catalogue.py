from __future__ import annotations

from pathlib import Path

import pytest

import scrna_longformer as sl
from scrna_longformer.datasets._assemble import categories
from scrna_longformer.datasets._registry import DATASETS

NAMES = [
    "pbmc68k_reduced", "sorted_pbmc", "pbmc3k", "pbmc4k", "pbmc_donor_a", "kang_labelled",
    "kang_types", "cbmc_citeseq", "worm_l2", "worm_embryo", "mouse_bladder", "paul15",
    "sc_mixology", "simulate_interactions", "simulate_ratios", "simulate_hubs",
]  # fmt: skip


def test_available_lists_what_load_takes():
    table = sl.datasets.available()
    assert sorted(table["name"]) == sorted(NAMES)
    assert table["licence"].str.len().min() > 0
    assert table["note"].str.len().min() > 0
    for name in NAMES:
        assert callable(getattr(sl.datasets, name))


def test_an_unknown_name_lists_the_known():
    with pytest.raises(KeyError, match=r"'pbmc5k'.*sorted_pbmc"):
        sl.datasets.load("pbmc5k")


def test_an_unknown_protocol_lists_the_known():
    with pytest.raises(ValueError, match=r"`protocol` must be one of .*RNAmix_celseq2.*'smart'"):
        sl.datasets.sc_mixology("smart")


def test_label_kinds_are_from_a_short_list():
    kinds = {label.kind for about in DATASETS.values() for label in about.labels}
    assert kinds == {
        "sorted", "assigned", "clustered", "genotype", "proteins", "design", "estimated", "planted",
    }  # fmt: skip


def test_categories_are_in_natural_order_and_placeholders_missing():
    labels = categories(["c10", "c2", None, "Unknown", "c2"], missing=("Unknown",))
    assert labels.categories.tolist() == ["c2", "c10"]
    assert labels.codes.tolist() == [1, 0, -1, -1, 0]
    assert categories([10, 9, 10]).categories.tolist() == ["9", "10"]


def test_the_page_of_the_data_sets_says_what_the_registry_says():
    page = (Path(__file__).parents[2] / "docs" / "concepts" / "datasets.md").read_text()
    for name, about in DATASETS.items():
        assert f"`{name}(" in page
        assert about.note in page, f"run benchmarks/datasets_table.py --write: {name}"
        assert all(label.origin in page and f"| {label.kind} |" in page for label in about.labels)
