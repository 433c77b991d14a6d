"""Where the time of a training step goes, and how far the step is from its matrix products.

    python benchmarks/training_step.py [--threads 1] [--rounds 5]

Prints markdown. A step is that of `sl.tl.longformer_fit`: batch, forward, backward, clipping, AdamW,
moving average. Its floor is the floating-point operations of its linear layers (forward, and twice that
backward) at the rate of a large float32 product measured in the same run. Times of steps are medians
without profiler, processor time with one thread, wall time with more; shares are self times that
torch's profiler saw in further steps, and milliseconds are shares of the median step; "Python and the
rest" is what the profiler saw in no operation. Steps with products in bfloat16
(``train_options={"precision": "bf16-mixed"}``) are timed in turn with those in float32.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections import defaultdict

import numpy as np
import torch
from attention import cell, sgemm_rate, simulated
from torch.profiler import ProfilerActivity, profile

from scrna_longformer.dataloaders._cells import CellMatrix
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.train._config import TrainConfig
from scrna_longformer.train._runner import TrainingRun

PARTS = {
    "linear layers": ("addmm", "mm", "linear"),
    "attention, forward": ("_Attention",),
    "attention, backward": ("_AttentionBackward",),
    "GELU": ("gelu", "gelu_backward"),
    "LayerNorm": ("native_layer_norm", "native_layer_norm_backward"),
    "dropout": ("bernoulli_", "native_dropout", "native_dropout_backward", "rand_like", "uniform_"),
    "sums (bias gradients, pooling)": ("sum",),
    "residual sums, products": ("add", "add_", "mul", "mul_", "addcmul", "div_", "div"),
    "copies": ("copy_", "clone", "contiguous", "cat", "index", "_to_copy"),
    "AdamW, clipping, moving average": (
        "_fused_adamw_", "lerp_", "addcdiv_", "addcmul_", "sqrt", "linalg_vector_norm",
        "_foreach_lerp_", "_foreach_norm", "_foreach_mul_", "_foreach_addcmul_", "_foreach_sqrt",
        "_foreach_addcdiv_", "_foreach_div_", "_foreach_add_",
    ),
}  # fmt: skip

SHAPES = {
    "default: 256 genes, 32 cells, d 16, 2 heads, 1 block": (256, 1000, 32, "small", 8),
    "2,000 genes, 32 cells, d 64, 4 heads, 2 blocks": (2000, 0, 32, "base", 16),
    "20,000 genes, 4 cells, d 64, 4 heads, 2 blocks": (20_000, 0, 4, "base", 16),
}


def training(
    n_genes: int, n_linear: int, batch_size: int, preset: str, k: int, precision: str = "32-true"
) -> TrainingRun:
    """Set up a run on random values: what they are changes no time."""
    rng = np.random.default_rng(0)
    n_cells = 4 * batch_size
    values = rng.random((n_cells, n_genes + n_linear), dtype=np.float32)
    config = LongformerConfig.from_preset(preset, n_genes=n_genes, n_linear=n_linear, n_classes=9)
    every = np.arange(n_cells)
    run = TrainingRun(
        GeneLongformer(config, simulated(n_genes, k)),
        CellMatrix(values, np.arange(n_genes + n_linear)),
        rng.integers(0, 9, n_cells),
        train_index=every,
        stopping_index=every[:0],
        config=TrainConfig(batch_size=batch_size, precision=precision),
        accelerator="cpu",
        random_state=0,
    )
    run.model.train()
    return run


def linear_flop(config: LongformerConfig, batch_size: int) -> float:
    """Floating-point operations of the linear layers of a step.

    The last layer of the last block works on one sum per cell, and counts nothing.
    """
    of_hidden = config.d_model * config.d_hidden
    per_token = config.n_layers * (4 * config.d_model**2 + 2 * of_hidden) - of_hidden
    return 3 * 2.0 * batch_size * config.n_genes * per_token


def shares(run: TrainingRun, steps: int) -> dict[str, float]:
    """Share of the time of each part of a step."""
    part_of = {name: part for part, names in PARTS.items() for name in names}
    clock, spent = time.perf_counter, defaultdict(float)
    start = clock()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for step in range(steps):
            run.update(step)
        seconds = clock() - start
    for event in profiler.key_averages():
        name = event.key.removeprefix("aten::")
        spent[part_of.get(name, "other operations")] += event.self_cpu_time_total / 1e6 / seconds
    spent["Python and the rest"] = max(0.0, 1 - sum(spent.values()))
    return spent


def measure(name: str, rounds: int) -> None:
    run = training(*SHAPES[name])
    rounded = training(*SHAPES[name], precision="bf16-mixed")
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times, rates = [], []
    for step in range(rounds + 1):
        rates.append(sgemm_rate(1))
        starts = [clock()]
        for of_precision in (run, rounded):
            of_precision.update(step)
            starts.append(clock())
        times.append(1e3 * np.diff(starts))
    step_times, in_bfloat16 = np.array(times[1:]).T
    rate = float(np.median(rates))
    floor = 1e3 * linear_flop(run.model.module.config, run.config.batch_size) / rate
    print(
        f"\n### {name}\n\nA step takes {cell(step_times)} ms; its matrix products would take "
        f"{floor:.1f} ms at the {rate / 1e9:.0f} GFLOP/s of sgemm: "
        f"{np.median(step_times) / floor:.2f}x that. With products in bfloat16 it takes "
        f"{cell(in_bfloat16)} ms: {np.median(step_times / in_bfloat16):.2f} times as fast."
        "\n\n| part of a step | ms | share |\n|---|---|---|"
    )
    for part, share in sorted(shares(run, rounds).items(), key=lambda item: -item[1]):
        print(f"| {part} | {share * np.median(step_times):.1f} | {share:.0%} |")
    print(end="", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="*", default=[""], help="parts of the shapes' names")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, {platform.machine()}, "
        f"{arguments.threads} thread(s); median (smallest-largest) of {arguments.rounds} steps."
    )
    for name in SHAPES:
        if any(part in name for part in arguments.only):
            measure(name, arguments.rounds)


if __name__ == "__main__":
    main()
