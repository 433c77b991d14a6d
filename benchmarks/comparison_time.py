"""How long a comparison with the defaults takes, and who takes it: PBMC3k, all genes, one thread.

    OMP_NUM_THREADS=1 python benchmarks/comparison_time.py
    OMP_NUM_THREADS=1 python benchmarks/comparison_time.py --fits

Prints markdown: wall time of the whole call, and mean seconds per fit of each contestant; or the wall
time of `sl.tl.longformer_fit` with 256 and with 2,000 tokens.
"""

from __future__ import annotations

import argparse
import os
import platform
import time

import scanpy as sc
from anndata import AnnData

import scrna_longformer as sl


def load() -> AnnData:
    """Labelled cells, log-normalised, all genes."""
    adata = sl.datasets.pbmc3k()
    adata = adata[adata.obs["cell_type"].notna().to_numpy()].copy()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    return adata


def print_fits(adata: AnnData) -> None:
    """Fit with few and with many tokens, after the mask."""
    sl.pp.gene_knn_mask(adata)
    print("| tokens | `longformer_fit`, s | updates |\n|---|---|---|")
    for n_tokens in (256, 2000):
        started = time.perf_counter()
        sl.tl.longformer_fit(adata, "cell_type", n_tokens=n_tokens, accelerator="cpu")
        seconds = time.perf_counter() - started
        n_steps = int(adata.uns["longformer"]["training"]["n_steps"])
        print(f"| {n_tokens:,} | {seconds:.0f} | {n_steps:,} |")


def print_comparison(adata: AnnData) -> None:
    """Compare once and print who took how long."""
    started = time.perf_counter()
    sl.tl.baseline_compare(adata, "cell_type")
    seconds = time.perf_counter() - started
    table = sl.get.baseline_compare(adata).table.sort_values("fit_seconds", ascending=False)
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(
        f"{adata.n_obs:,} cells, {adata.n_vars:,} genes, five folds, {threads} thread(s), "
        f"{platform.machine()}: {seconds:.0f} s.\n"
    )
    print("| contestant | one fit, s | macro-F1 | log-loss |\n|---|---|---|---|")
    for name, row in table.iterrows():
        print(
            f"| `{name}` | {row['fit_seconds']:.1f} | {row['macro_f1']:.3f} | {row['log_loss']:.3f} |"
        )


def main() -> None:
    """Print one of the two."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fits", action="store_true", help="time the fit, not the comparison")
    sl.settings.verbosity = "error"
    (print_fits if parser.parse_args().fits else print_comparison)(load())


if __name__ == "__main__":
    main()
