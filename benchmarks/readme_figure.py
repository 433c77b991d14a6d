"""Draw the figure of the README from a run of the demo's steps on the bundled blood cells.

Usage: python benchmarks/readme_figure.py [docs/_static/readme.png]
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

import scrna_longformer as sl
from scrna_longformer.cli._demo import Plan, tell
from scrna_longformer.cli._figures import draw_embedding

LARGEST = 200_000  # bytes: the README should load quickly


def main(path: Path) -> None:
    story = tell("pbmc68k_reduced", None, Plan())
    adata = story.adata
    held_out = (adata.obs["longformer_split"] == "validation").to_numpy()

    figure, axes = plt.subplots(
        1, 3, figsize=(13.2, 4), layout="constrained", width_ratios=[1.12, 1.2, 1]
    )
    sl.pl.gene_knn_block(adata, ax=axes[0])
    sl.pl.baseline_compare(adata, ax=axes[1])
    names = draw_embedding(axes[2], adata.obsm["X_umap_longformer"], adata.obs[story.key], held_out)
    titles = (
        "Which gene may look at which",
        "All models on the same folds",
        f"{len(names)} cell types, rings held out",
    )
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, loc="left", fontsize="medium", fontweight="bold")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, facecolor="white")
    size = path.stat().st_size
    if size > LARGEST:
        msg = f"{path} has {size:,} bytes, more than {LARGEST:,}: lower the dpi."
        raise SystemExit(msg)
    print(f"{path}: {size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/_static/readme.png"))
