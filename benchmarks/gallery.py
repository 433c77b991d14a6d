"""Draw the figures of docs/gallery.md from a comparison and a learning curve on bundled blood cells.

    python benchmarks/gallery.py            # about five minutes on one core
    python benchmarks/gallery.py --kept cells.h5ad    # keeps both there; the next run draws only

Every figure is written to docs/_static/gallery as a PNG of notebook size.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import anndata as ad
import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

import scrna_longformer as sl

KEY = "bulk_labels"  # ten names of up to 28 characters, 8 to 240 cells
MODELS = (
    "majority",
    "depth_only",
    "nearest_centroid",
    "knn_pca",
    "logistic_regression",
    "simple_mean",
    "random_forest",
    "mlp",
    "longformer",
    "longformer_pure",
)
CURVE = ("majority", "nearest_centroid", "logistic_regression", "simple_mean", "longformer_pure")
SIZES = (60, 120, 240, 480)
FIGURES = (
    *("baseline_compare", "pairwise", "confusion", "class_f1", "reliability", "cost"),
    "learning_curve",
)
FOLDER = Path(__file__).parents[1] / "docs" / "_static" / "gallery"


def measured(kept: Path | None) -> ad.AnnData:
    """Run the comparison and the curve, or read them."""
    if kept is not None and kept.is_file():
        return ad.read_h5ad(kept)
    adata = sl.datasets.pbmc68k_reduced()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes smaller than the folds
        sl.tl.baseline_compare(adata, KEY, models=list(MODELS))
        sl.tl.learning_curve(adata, KEY, models=list(CURVE), sizes=SIZES, n_seeds=3)
    sl.tl.data_requirement(adata)
    if kept is not None:
        adata.write_h5ad(kept)
    return adata


def draw(adata: ad.AnnData, folder: Path) -> None:
    """Write every figure."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FIGURES:
        ax = getattr(sl.pl, name)(adata, show=False)
        path = folder / f"{name}.png"
        ax.figure.savefig(path, dpi=110, bbox_inches="tight", facecolor="white")
        plt.close(ax.figure)
        print(f"{path.name}: {path.stat().st_size:,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kept", type=Path, help="file to keep the comparison and the curve in")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the figures go")
    options = parser.parse_args()
    sl.settings.progress_bar = False
    sl.settings.verbosity = "warning"
    adata = measured(options.kept)
    draw(adata, options.folder)
    print(f"\n{sl.get.verdict(adata)}")


if __name__ == "__main__":
    main()
