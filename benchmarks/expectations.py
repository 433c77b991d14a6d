"""The default comparison on real cells, as one table per data set.

    python benchmarks/expectations.py                # the bundled set
    python benchmarks/expectations.py sorted_pbmc pbmc3k

Labels, provenance and values come from ``sl.datasets``; sets of raw counts go through
``sl.pp.recipe_longformer`` first. Every contestant sees the same five folds.
"""

from __future__ import annotations

import sys
import warnings

import scrna_longformer as sl


def main(names: list[str]) -> None:
    """Print one Markdown table per data set."""
    sl.settings.progress_bar = False
    sl.settings.verbosity = "warning"
    for name in names:
        adata = sl.datasets.load(name)
        record = adata.uns["dataset"]
        key = str(record["label_columns"][0])
        origin = str(record["label_origins"][0])
        if str(record["values"]) == "counts":
            sl.pp.recipe_longformer(adata)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Classes in fewer cells")  # printed below
            sl.tl.baseline_compare(adata, key)
        result = sl.get.baseline_compare(adata)
        sizes = adata.obs[key].value_counts()
        print(f"### {name}\n")
        print(
            f"{sizes.sum():,} labelled cells, {adata.n_vars:,} genes, {len(sizes)} classes of `{key}` "
            f"({sizes.min()} to {sizes.max()} cells). Labels: {origin}\n"
        )
        print(table(result), end="\n\n", flush=True)


def table(result: object) -> str:
    """Mean over folds, and the standard deviation of macro-F1, best first."""
    summary = result.summary.set_index(["metric", "model"])  # type: ignore[attr-defined]
    lines = [
        "| model | macro-F1 | accuracy | log-loss | fit, s |",
        "| --- | --- | --- | --- | --- |",
    ]
    for model, row in result.table.iterrows():  # type: ignore[attr-defined]
        spread = summary.loc[("macro_f1", model), "sd"]
        lines.append(
            f"| {model} | {row['macro_f1']:.3f} ± {spread:.3f} | {row['accuracy']:.3f} | "
            f"{row['log_loss']:.3f} | {row['fit_seconds']:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:] or ["pbmc68k_reduced"])
