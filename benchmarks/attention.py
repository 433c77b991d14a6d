"""Time and memory of kNN attention beside everything it could be replaced by.

    python benchmarks/attention.py [--threads 1] [--rounds 5] [--only NAME ...]

Prints markdown. All contestants of a problem run in turn, round after round, in one process, after one
round that is not counted. With one thread times are processor time of the process, which other work on
the machine disturbs least; with more they are wall time. A cell shows the median and, in brackets, the
smallest and largest of the rounds. Memory is the rise of the process's peak during one forward and
backward. Needs the extra `bench` for the other packages, and SCRNA_LONGFORMER_DATA for real data.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import numba
import numpy as np
import torch
from _floor import GatherFloor
from _peers import PEERS

from scrna_longformer.attention import _memory, knn_attention
from scrna_longformer.attention._dense import dense_mask
from scrna_longformer.attention._heads import merge_heads, split_heads
from scrna_longformer.attention._numba_vectors import Layout
from scrna_longformer.graph import GeneGraph, gene_knn
from scrna_longformer.nn import LocalGraphAttention

MEMORY_LIMIT = 6e9  # bytes that a contestant may need
PAIRS_LIMIT = 3e8  # cells x genes x genes that a dense contestant may compute


@dataclass
class Problem:
    """One size to compare at."""

    name: str
    make_graph: Callable[[], GeneGraph]
    cells: int
    d: int = 64
    n_heads: int = 4
    graph: GeneGraph = field(init=False)

    @property
    def pairs(self) -> int:
        """Number of (query, key) pairs of a batch."""
        return self.cells * self.graph.n_genes**2


def simulated(n_genes: int, k: int = 16) -> GeneGraph:
    """Neighbours by cosine of 50 components: 50 modules, and 30 % genes in none."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(max(50, n_genes // 100), 50))
    module = rng.integers(0, len(centres), n_genes)
    loadings = centres[module] * rng.gamma(2, 1, (n_genes, 1)) + 1.5 * rng.normal(
        size=(n_genes, 50)
    )
    background = rng.random(n_genes) < 0.3
    loadings[background] = rng.normal(size=(background.sum(), 50))
    mask, _ = gene_knn(loadings.T.astype(np.float32), k, center=False)
    return GeneGraph.from_scipy(mask)


def pbmc3k(n_genes: int, k: int = 16) -> GeneGraph:
    """Neighbours by correlation over the cells of pbmc3k, its most variable genes."""
    import scanpy as sc

    from scrna_longformer import datasets

    adata = datasets.pbmc3k()
    if float(adata.X.max()) > 50:  # counts
        sc.pp.normalize_total(adata, target_sum=1e4)
        sc.pp.log1p(adata)
    x = adata.X.toarray() if hasattr(adata.X, "toarray") else np.asarray(adata.X)
    mask, _ = gene_knn(x[:, np.sort(np.argsort(-x.var(0))[:n_genes])], k)
    return GeneGraph.from_scipy(mask)


PROBLEMS = [
    Problem(
        "default: 256 genes, 32 cells, d 16, 2 heads, k 8", lambda: simulated(256, 8), 32, 16, 2
    ),
    Problem("simulated: 500 genes, 32 cells", lambda: simulated(500), 32),
    Problem("simulated: 2,000 genes, 32 cells", lambda: simulated(2000), 32),
    Problem("pbmc3k: 2,000 genes, 32 cells", lambda: pbmc3k(2000), 32),
    Problem("simulated: 5,000 genes, 4 cells", lambda: simulated(5000), 4),
    Problem("simulated: 20,000 genes, 4 cells", lambda: simulated(20000), 4),
]


# ------------------------------------------------------------------ contestants: x -> y, or why not


def functions(problem: Problem) -> dict:
    """Attention alone, on packed queries, keys and values."""
    graph, n_heads = problem.graph, problem.n_heads

    def backend(name):
        return lambda qkv: knn_attention(qkv, graph, n_heads=n_heads, backend=name)

    found = {f"ours: {name}": backend(name) for name in ("numba", "numba_plain", "gather")}
    all_pairs = f"not run: {problem.pairs:.1e} pairs"
    dense = problem.pairs <= PAIRS_LIMIT
    found["SDPA, boolean mask"] = backend("sdpa") if dense else all_pairs
    square = 4 * problem.pairs * n_heads  # bytes of one float (cells, heads, genes, genes)
    found["ours: eager"] = backend("eager") if 5 * square < MEMORY_LIMIT else "not run: memory"

    def float_mask(qkv):
        q, k, v = (x.contiguous() for x in split_heads(qkv, n_heads))
        mask = torch.zeros(graph.n_genes, graph.n_genes)
        mask = mask.masked_fill(~dense_mask(graph, qkv.device), -torch.inf)
        mask = mask.expand(len(qkv), n_heads, -1, -1).contiguous()
        attend = torch.nn.functional.scaled_dot_product_attention
        return merge_heads(attend(q, k, v, attn_mask=mask))

    fits = dense and 2.5 * square < MEMORY_LIMIT
    found["prototype: float mask per cell and head"] = float_mask if fits else "not run: memory"
    return found


def layers(problem: Problem) -> dict:
    """Attention with its projections, on tokens."""
    d, n_heads = problem.d, problem.n_heads
    layer = LocalGraphAttention(d, n_heads)
    found = {
        "ours: LocalGraphAttention": (lambda x: layer(x, problem.graph), list(layer.parameters()))
    }
    for name, (package, make) in PEERS.items():
        try:
            metadata.version(package.replace("_", "-"))
        except metadata.PackageNotFoundError:
            found[name] = "not run: install the extra `bench`"
            continue
        needs = 12.0 * problem.cells * problem.graph.n_edges * d * (package == "torch_geometric")
        if needs > MEMORY_LIMIT:
            found[name] = f"not run: needs about {needs / 1e9:.0f} GB"
            continue
        found[name] = make(problem.graph, d, n_heads, problem.cells)
    return found


# ------------------------------------------------------------------ measuring


def peak_rise(work: Callable[[], None]) -> float:
    """Rise of the peak of resident memory during ``work``, in MB (Linux)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")

    def read(key: str) -> float:
        return float(status.read_text().split(key)[1].split()[0]) / 1024

    gc.collect()
    # so that memory is asked for again, and seen
    _memory._left.clear()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = read("VmRSS:")
    work()
    return read("VmHWM:") - before


def measure(
    contestants: dict, x: torch.Tensor, weight: torch.Tensor, rounds: int, floor: GatherFloor
) -> tuple[dict, np.ndarray]:
    """Forward, forward + backward (ms, rounds x 2) and memory (MB) of each contestant; floors (ms)."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times: dict = {name: [] for name in contestants}
    memory = {}
    floors = []

    def both(run, parameters):
        leaf = x.detach().requires_grad_()
        for parameter in parameters:
            parameter.grad = None
        run(leaf).backward(weight)

    for _ in range(rounds + 1):
        floors.append(1e3 * floor.seconds())
        for name, (run, parameters) in contestants.items():
            both(run, parameters)  # not timed: leaves caches and heap as in a loop of such calls
            with torch.no_grad():
                start = clock()
                run(x)
                forward = clock() - start
            start = clock()
            both(run, parameters)
            times[name].append((1e3 * forward, 1e3 * (clock() - start)))
            if name not in memory and len(times[name]) == 2:
                memory[name] = peak_rise(lambda run=run, p=parameters: both(run, p))
    found = {name: (np.array(times[name][1:]), memory.get(name, np.nan)) for name in contestants}
    return found, np.array(floors[1:])


def sgemm_rate(rounds: int = 5) -> float:
    """Floating-point operations per second of a 1,500-cubed product, the best of some rounds."""
    a, best = torch.randn(1500, 1500), 0.0
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    for _ in range(rounds):
        start = clock()
        a @ a
        best = max(best, 2 * 1500**3 / (clock() - start))
    return best


def scaling(problem: Problem, x: torch.Tensor, weight: torch.Tensor, rounds: int) -> np.ndarray:
    """Wall time with one thread over that with two: forward, forward + backward, sgemm."""
    attend = functions(problem)["ours: numba"]
    square, before = torch.randn(1500, 1500), torch.get_num_threads()

    def both():
        attend(x.detach().requires_grad_()).backward(weight)

    times = np.empty((rounds + 1, 2, 3))
    for step in range(rounds + 1):
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for column, work in enumerate((lambda: attend(x), both, lambda: square @ square)):
                work()
                start = time.perf_counter()
                work()
                times[step, threads - 1, column] = time.perf_counter() - start
    torch.set_num_threads(before)
    one, two = np.median(times[1:], axis=0)
    return one / two


# ------------------------------------------------------------------ printing


def cell(values: np.ndarray) -> str:
    return f"{np.median(values):.1f} ({values.min():.1f}-{values.max():.1f})"


def print_table(title: str, results: dict, absent: dict) -> None:
    ours, _ = next(iter(results.values()))
    print(
        f"\n| {title} | forward ms | forward + backward ms | / ours | peak MB |\n|---|---|---|---|---|"
    )
    for name, (times, memory) in results.items():
        # round by round, so that what disturbs a round cancels
        ratio = np.median(times / ours, axis=0)
        ratios = f"{ratio[0]:.1f}x, {ratio[1]:.1f}x"
        print(f"| {name} | {cell(times[:, 0])} | {cell(times[:, 1])} | {ratios} | {memory:.0f} |")
    for name, why in absent.items():
        print(f"| {name} | {why} | | | |")


def print_floors(ours: np.ndarray, floors: np.ndarray, bytes_forward: int) -> None:
    parts = np.stack([ours[:, 0], ours[:, 1] - ours[:, 0]], axis=1)  # forward, backward
    times = np.median(floors, axis=0)
    ratios = np.median(parts[:, None] / floors, axis=0)  # round by round
    bandwidth = bytes_forward / times[0, 0] / 1e6
    print(
        f"\nGather floor, {bandwidth:.0f} GB/s from the L2 cache: forward {times[0, 0]:.1f} ms, "
        f"backward {times[0, 1]:.1f} ms; ours is {ratios[0, 0]:.2f}x and {ratios[0, 1]:.2f}x that. "
        f"The neighbours' rows themselves, read and added up: {times[1, 0]:.1f} ms, "
        f"{times[1, 1]:.1f} ms; ours is {ratios[1, 0]:.2f}x and {ratios[1, 1]:.2f}x that."
    )


def compare(problem: Problem, rounds: int) -> None:
    problem.graph = graph = problem.make_graph()
    d, cells = problem.d, problem.cells
    degrees = f"{graph.degrees.mean():.1f} neighbours on average, at most {graph.max_degree}"
    print(
        f"\n### {problem.name}\n\n{graph.n_edges} edges, {degrees}; d {d}, {problem.n_heads} heads."
    )
    start = time.process_time()
    found_order = graph.visiting_order is not None
    if found_order:
        print(f"Module order found in {time.process_time() - start:.2f} s, once.")
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(cells, graph.n_genes, d, generator=generator)
    floor = GatherFloor(graph, cells, Layout(d, problem.n_heads))
    for title, width, contestants in (
        ("attention alone", 3 * d, functions(problem)),
        ("layer with projections", d, layers(problem)),
    ):
        x = torch.randn(cells, graph.n_genes, width, generator=generator)
        runnable = {
            name: entry if isinstance(entry, tuple) else (entry, [])
            for name, entry in contestants.items()
            if not isinstance(entry, str)
        }
        absent = {name: why for name, why in contestants.items() if isinstance(why, str)}
        rate = sgemm_rate()
        results, floors = measure(runnable, x, weight, rounds, floor)
        print_table(title, results, absent)
        if title == "attention alone":
            ours, _ = results["ours: numba"]
            print_floors(ours, floors, floor.bytes_forward)
            flop = 4 * d * cells * graph.n_edges / np.median(ours[:, 0])
            print(f"Forward {flop / 1e6:.1f} GFLOP/s, sgemm {rate / 1e9:.0f}.")
            if (os.cpu_count() or 1) > 1:
                gain = scaling(problem, x, weight, rounds)
                print(
                    f"\nTwo threads against one, wall time: forward {gain[0]:.2f}x, forward + "
                    f"backward {gain[1]:.2f}x, sgemm {gain[2]:.2f}x."
                )
        print(end="", flush=True)


def first_call(d: int, n_heads: int, cache: str) -> float:
    """Processor seconds of the first forward and backward of a new process."""
    code = (
        "import time, torch\n"
        "from scrna_longformer.attention import knn_attention\n"
        "from scrna_longformer.graph import GeneGraph\n"
        f"qkv = torch.randn(2, 20, {3 * d}, requires_grad=True)\n"
        "started = time.process_time()\n"
        f"knn_attention(qkv, GeneGraph.full(20), n_heads={n_heads}).sum().backward()\n"
        "print(time.process_time() - started)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    run = [sys.executable, "-c", code]
    found = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    return float(found.stdout)


def print_first_calls(d: int, n_heads: int, rounds: int = 3) -> None:
    """Print what compiling costs, and what it costs where an earlier process has compiled."""
    compiling, loading = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            compiling.append(first_call(d, n_heads, cache))
            loading.append(first_call(d, n_heads, cache))
    print(
        f"\nFirst call of a process, d {d}, {n_heads} heads: {min(compiling):.1f} to "
        f"{max(compiling):.1f} s of processor time where it compiles (of {rounds}), "
        f"{max(loading):.1f} s where kernels are on disk."
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[""], help="parts of the problems' names")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, numba {numba.__version__}, "
        f"{platform.machine()}, {os.cpu_count()} processors, {arguments.threads} thread(s); load at "
        f"the start {load:.1f}; median (smallest-largest) of {arguments.rounds} rounds."
    )
    for d, n_heads in ((64, 4), (16, 2)):  # of the table, and of the default model
        print_first_calls(d, n_heads)
    for problem in PROBLEMS:
        if not any(part in problem.name for part in arguments.only):
            continue
        if "pbmc3k" in problem.name and not os.environ.get("SCRNA_LONGFORMER_DATA"):
            print(f"\n### {problem.name}\n\nnot run: SCRNA_LONGFORMER_DATA is not set")
            continue
        compare(problem, arguments.rounds)


if __name__ == "__main__":
    main()
