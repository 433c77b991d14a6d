"""Time and memory of the exact search for gene neighbours, on simulated cells.

    python benchmarks/gene_knn.py --cells 100000 --threads 2

Genes differ in how many cells express them and cells in their depth, as in real data; the mean
density is that asked for. Some genes are compared with a plain product in float64, so that a fast
wrong answer would show.
"""

from __future__ import annotations

import argparse
import os
import resource
import time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--cells", type=int, nargs="+", default=[3_000, 20_000])
    parser.add_argument("--density", type=float, default=0.08)
    parser.add_argument("--neighbors", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    # numba and BLAS read these when they are first imported
    for variable in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)

    print(f"{arguments.genes} genes, {arguments.threads} threads, k = {arguments.neighbors}")
    print(
        f"{'cells':>8} {'density':>8} {'matrix GB':>10} {'wall s':>8} {'cpu s':>8} "
        f"{'peak GB':>8} {'edges':>9} {'checked genes that agree':>25}"
    )
    for n_cells in sorted(arguments.cells):  # the peak of the process only ever rises
        print(measure(n_cells, arguments.genes, arguments.density, arguments.neighbors), flush=True)


def measure(n_cells: int, n_genes: int, density: float, k: int) -> str:
    from scrna_longformer.graph import gene_knn

    gene_knn(simulate(50, 100, 0.1), 3)  # compile
    X = simulate(n_cells, n_genes, density)
    wall, cpu = time.perf_counter(), time.process_time()
    mask, _ = gene_knn(X, k)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    size = (X.data.nbytes + X.indices.nbytes + X.indptr.nbytes) / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    right, checked = compare(X, mask, k)
    return (
        f"{n_cells:8} {X.nnz / n_cells / n_genes:8.3f} {size:10.2f} {wall:8.1f} {cpu:8.1f} "
        f"{peak:8.2f} {(mask.nnz - n_genes) // 2:9} {right:15} of {checked}"
    )


def simulate(n_cells: int, n_genes: int, density: float):
    """Log values with uneven genes and cells and 200 modules of genes, as canonical CSR."""
    import numpy as np
    import scipy.sparse as sp

    rng = np.random.default_rng(0)
    rate = rng.lognormal(sigma=1.5, size=n_genes)
    module = rng.integers(200, size=n_genes)
    step = max(1, 20_000_000 // n_genes)
    # exponential waiting: P(detected) = 1 - exp(-rate x depth x activity), scaled to the density
    scale, sample = 1.0, rng.lognormal(sigma=0.3, size=(2000, 1))
    for _ in range(30):
        scale *= density / (1 - np.exp(-scale * rate * sample)).mean()
    room = int(1.1 * density * n_cells * n_genes) + 1000
    indices, values = np.empty(room, np.int32), np.empty(room, np.float32)
    indptr, end = np.zeros(n_cells + 1, np.int64), 0
    for start in range(0, n_cells, step):
        n = min(step, n_cells - start)
        depth = rng.lognormal(sigma=0.3, size=(n, 1)).astype(np.float32)
        activity = rng.lognormal(sigma=0.4, size=(n, 200)).astype(np.float32)[:, module]
        expected = (scale * rate).astype(np.float32) * depth * activity
        found = rng.random((n, n_genes), dtype=np.float32) < -np.expm1(-expected)
        rows, columns = np.nonzero(found)
        last = end + len(columns)
        indices[end:last] = columns
        values[end:last] = np.log1p(rng.exponential(1 + expected[rows, columns]))
        indptr[start + 1 : start + n + 1] = end + np.cumsum(found.sum(axis=1))
        end = last
    return sp.csr_matrix((values[:end], indices[:end], indptr), shape=(n_cells, n_genes))


def compare(X, mask, k: int, n_checked: int = 20) -> tuple[int, int]:
    """Count the checked genes whose own k neighbours, found by a plain product, are all there."""
    import numpy as np

    rng = np.random.default_rng(1)
    sums = np.zeros(X.shape[1])
    squares = np.zeros(X.shape[1])
    for start in range(0, X.shape[0], 5000):
        block = X[start : start + 5000].astype(np.float64)
        sums += np.asarray(block.sum(axis=0)).ravel()
        squares += np.asarray(block.multiply(block).sum(axis=0)).ravel()
    spread = np.sqrt(squares - sums**2 / X.shape[0])
    genes = rng.choice(X.shape[1], n_checked, replace=False)
    products = np.zeros((X.shape[1], n_checked))
    for start in range(0, X.shape[0], 5000):
        block = X[start : start + 5000].astype(np.float64)
        products += block.T @ block[:, genes].toarray()
    right = 0
    for column, gene in enumerate(genes):
        similarity = products[:, column] - sums * sums[gene] / X.shape[0]
        varies = spread > 0
        similarity[varies] /= spread[varies] * spread[gene]
        similarity[~varies] = similarity[gene] = -np.inf
        best = np.argsort(-similarity.round(9), kind="stable")[:k]
        right += bool(np.isin(best, mask[gene].indices).all())
    return right, n_checked


if __name__ == "__main__":
    main()
