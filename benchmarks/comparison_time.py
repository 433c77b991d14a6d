"""How long a comparison with the defaults takes, and who takes it: PBMC3k, all genes, one thread.

    OMP_NUM_THREADS=1 python benchmarks/comparison_time.py

Prints markdown: wall time of the whole call, and mean seconds per fit of each contestant.
"""

from __future__ import annotations

import os
import platform
import time

import scanpy as sc

import scrna_longformer as sl


def main() -> None:
    """Compare once and print the table."""
    sl.settings.verbosity = "error"
    adata = sl.datasets.pbmc3k()
    adata = adata[adata.obs["cell_type"].notna().to_numpy()].copy()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
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


if __name__ == "__main__":
    main()
