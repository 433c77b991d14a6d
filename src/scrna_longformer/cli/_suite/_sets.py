"""What the suite is run on: data sets, their labels, and which cells are held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...evaluation import Split, holdout, make_splits
from ...tl._compare_inputs import Inputs, read_inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData

FOLDS = "folds"
_STREAM = 11  # seed of the draw of cells, where a set is cut to a number of them

# sorted_pbmc and pbmc3k name types at different depths; these five are in both
_FROM_SORTED = {
    "bcells": "B",
    "nk": "NK",
    "monocytes": "monocyte",
    **dict.fromkeys(("cytotoxict", "naivecytotoxic"), "CD8 T"),
    **dict.fromkeys(("naivet", "memoryt", "thelper", "regulatoryt"), "CD4 T"),
}
_FROM_PBMC3K = {
    "B": "B",
    "NK": "NK",
    "CD8 T": "CD8 T",
    **dict.fromkeys(("CD14+ Mono", "FCGR3A+ Mono"), "monocyte"),
    **dict.fromkeys(("Naive CD4 T", "Memory CD4 T"), "CD4 T"),
}


@dataclass(frozen=True)
class Contest:
    """One data set, one column of labels, one way to hold cells out.

    Attributes
    ----------
    name
        Of the data set, for the tables.
    load
        Returns it with log values.
    key
        Column of ``obs`` with the labels.
    regime
        ``'folds'``, or what is held out, in words.
    group_key
        Column of ``obs`` whose groups are held out whole, one at a time; empty for folds.
    tested
        The only group that is held out; empty for each in turn.
    most_cells
        Cells to draw, stratified by label; 0 for all.
    kind
        Of the labels, where the data set alone does not tell it.
    """

    name: str
    load: Callable[[], AnnData]
    key: str
    regime: str = FOLDS
    group_key: str = ""
    tested: str = ""
    most_cells: int = 0
    kind: str = ""

    @property
    def title(self) -> str:
        """Data set and regime."""
        return f"{self.name}, {self.regime}"


@dataclass(frozen=True)
class Arena:
    """A contest with its cells in memory."""

    contest: Contest
    inputs: Inputs
    kind: str

    def splits(self, repeat: int, *, n_splits: int, random_state: int) -> list[Split]:
        """Folds of one repeat. Held-out groups are the same in every repeat: seeds differ."""
        codes, groups, names = self.inputs.codes, self.inputs.groups, list(self.inputs.labels.names)
        if groups is None:
            drawn = make_splits(
                codes,
                n_splits=n_splits,
                n_repeats=repeat + 1,
                class_names=names,
                random_state=random_state,
            )
            return [split for split in drawn if split.repeat == repeat]
        drawn = make_splits(codes, split="leave_one_group_out", groups=groups, class_names=names)
        return [split for split in drawn if self.contest.tested in ("", split.group)]


def enter(contest: Contest) -> Arena:
    """Load the cells of a contest and draw as many of them as it allows."""
    adata = contest.load()
    inputs = read_inputs(
        adata, contest.key, group_key=contest.group_key or None, layer=None, caller="benchmark"
    )
    kind = contest.kind or inputs.provenance.kind
    n_cells = len(inputs.codes)
    if 0 < contest.most_cells < n_cells:
        _, rows = holdout(inputs.codes, contest.most_cells / n_cells, random_state=_STREAM)
        inputs = replace(
            inputs,
            X=inputs.X[rows],
            codes=inputs.codes[rows],
            names=inputs.names[rows],
            groups=None if inputs.groups is None else inputs.groups[rows],
        )
    return Arena(contest, inputs, kind)


def _named(name: str) -> Callable[[], AnnData]:
    """Loader of a set of ``sl.datasets``, with log values."""

    def load() -> AnnData:
        from ... import datasets

        return log_values(datasets.load(name))

    return load


def log_values(adata: AnnData) -> AnnData:
    """Turn counts into log1p of counts per 10,000: nothing is learned, no gene is chosen."""
    import scanpy as sc

    if str(adata.uns["dataset"]["values"]) == "counts":
        sc.pp.normalize_total(adata, target_sum=1e4)
        sc.pp.log1p(adata)
    return adata


def _protocols(*names: str) -> Callable[[], AnnData]:
    """Loader of several protocols of sc_mixology, on the genes that all of them have."""

    def load() -> AnnData:
        from ... import datasets

        parts = {name: log_values(datasets.sc_mixology(name)) for name in names}
        return _together(parts, "protocol")

    return load


def _sorted_and_pbmc3k() -> AnnData:
    """Both sets on their common genes and the five types that both of them name."""
    from ... import datasets

    renamed = {"sorted_pbmc": _FROM_SORTED, "pbmc3k": _FROM_PBMC3K}
    parts = {name: log_values(datasets.load(name)) for name in renamed}
    for name, names in renamed.items():
        # types without a counterpart (dendritic cells, platelets) lose their label
        parts[name].obs["cell_type"] = parts[name].obs["cell_type"].astype(object).map(names)
    return _together(parts, "study")


def _together(parts: dict[str, AnnData], label: str) -> AnnData:
    """Join sets by gene name, keeping what the first one says of its labels."""
    import anndata as ad

    joined = ad.concat(parts, label=label, join="inner", index_unique="-")
    joined.uns["dataset"] = next(iter(parts.values())).uns["dataset"]
    return joined


def _interactions() -> AnnData:
    from ... import datasets

    return log_values(datasets.simulate_interactions(120, kind="mean"))


def _kang(regime: str, group_key: str, tested: str) -> Contest:
    return Contest("kang_labelled", _named("kang_labelled"), "cell_type", regime, group_key, tested)


# Cells of the largest sets are drawn, so that one repeat of everything fits the hours.
REAL = (
    Contest("sorted_pbmc", _named("sorted_pbmc"), "cell_type"),
    Contest("pbmc68k_reduced", _named("pbmc68k_reduced"), "bulk_labels"),
    Contest("cbmc_citeseq", _named("cbmc_citeseq"), "protein_cluster", most_cells=1500),
    Contest("kang_labelled", _named("kang_labelled"), "cell_type"),
    _kang("donor 101 to 107", "donor", "107"),
    _kang("donor 107 to 101", "donor", "101"),
    _kang("ctrl to stim", "condition", "stim"),
    _kang("stim to ctrl", "condition", "ctrl"),
    Contest("pbmc3k", _named("pbmc3k"), "cell_type", most_cells=1500),
    Contest("pbmc4k", _named("pbmc4k"), "cluster", most_cells=1500),
    Contest("worm_l2", _named("worm_l2"), "cell_type", most_cells=1500),
    Contest("mouse_bladder", _named("mouse_bladder"), "cluster", most_cells=1500),
    Contest("paul15", _named("paul15"), "paul15_clusters", most_cells=1500),
    Contest(
        *("sc_mixology", _protocols("celseq2", "dropseq", "10x"), "cell_line"),
        *("each protocol left out", "protocol"),
    ),
    Contest("RNAmix", _protocols("RNAmix_celseq2"), "mixture"),
    Contest(
        *("RNAmix", _protocols("RNAmix_celseq2", "RNAmix_sortseq"), "mixture"),
        *("each protocol left out", "protocol"),
    ),
    Contest(
        *("sorted_pbmc", _sorted_and_pbmc3k, "cell_type", "to pbmc3k", "study", "pbmc3k"),
        kind="sorted, tested on clustered",
    ),
)
# neither needs a download
QUICK = (
    Contest("pbmc68k_reduced", _named("pbmc68k_reduced"), "bulk_labels", most_cells=200),
    Contest("simulate_interactions", _interactions, "mean_type"),
)
