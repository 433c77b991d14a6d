"""What it would save to compute the first block's projections in closed form.

    python benchmarks/first_layer.py [--rounds 9]

A token is b_g + z E_g, linear in one number. So is what layer normalisation makes of it, but for
a division by its spread, sqrt(quadratic in z); and so are its queries, keys and values:

    q(g, z) = (A_g + z C_g) / sqrt(v_g + 2 z c_g + z^2 w_g + eps) + constant,

with tables A and C of (genes, 3 d). That replaces 3 d^2 multiplications per token by 3 d, and one pass over
the gradients by another. Both ways make the tokens, which the block adds to, and are timed in turn on one
thread, in processor time. Prints markdown, and how far float32 gradients of both are from float64.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from attention import cell
from torch import Tensor
from torch.nn import functional as F

SHAPES = {
    "default: 256 genes, 32 cells, d 16": (256, 32, 16),
    "2,000 genes, 32 cells, d 64": (2000, 32, 64),
    "20,000 genes, 4 cells, d 64": (20_000, 4, 64),
}
EPS = 1e-5


class _Scaled(torch.autograd.Function):
    """``(A + z C) r + constant``; the backward takes one cell at a time, which stays in the cache."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, A: Tensor, C: Tensor, r: Tensor, constant: Tensor) -> Tensor:
        ctx.save_for_backward(z, A, C, r)
        out = torch.addcmul(A, z.unsqueeze(-1), C)
        return out.mul_(r.unsqueeze(-1)).add_(constant)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        z, A, C, r = ctx.saved_tensors
        grad_A, grad_C, grad_r = torch.zeros_like(A), torch.zeros_like(C), torch.empty_like(r)
        constant = grad.new_zeros(grad.shape[-1])
        for of_cell, x, scale, grad_scale in zip(grad, z, r, grad_r, strict=True):
            x, scale = x.unsqueeze(-1), scale.unsqueeze(-1)
            torch.sum(of_cell * torch.addcmul(A, x, C), dim=-1, out=grad_scale)
            grad_A.addcmul_(of_cell, scale)
            grad_C.addcmul_(of_cell, scale * x)
            constant += of_cell.sum(dim=0)
        return None, grad_A, grad_C, grad_r, constant


def as_it_is(z: Tensor, b: Tensor, E: Tensor, gamma: Tensor, beta: Tensor, W: Tensor) -> tuple:
    """Tokens, and their queries, keys and values."""
    tokens = torch.addcmul(b, z.unsqueeze(-1), E)
    return tokens, F.linear(F.layer_norm(tokens, tokens.shape[-1:], gamma, beta, EPS), W)


def in_closed_form(
    z: Tensor, b: Tensor, E: Tensor, gamma: Tensor, beta: Tensor, W: Tensor
) -> tuple:
    """Return the same."""
    tokens = torch.addcmul(b, z.unsqueeze(-1), E)
    b, E = b - b.mean(dim=1, keepdim=True), E - E.mean(dim=1, keepdim=True)
    v, c, w = (b * b).mean(dim=1), (b * E).mean(dim=1), (E * E).mean(dim=1)
    r = (v + z * (2 * c + z * w) + EPS).rsqrt()
    return tokens, _Scaled.apply(z, (b * gamma) @ W.T, (E * gamma) @ W.T, r, W @ beta)


def seconds(way: Any, z: Tensor, parameters: list[Tensor], grads: list[Tensor]) -> np.ndarray:
    """Processor time of forward and backward."""
    for parameter in parameters:
        parameter.grad = None
    start = time.process_time()
    results = way(z, *parameters)
    forward = time.process_time()
    torch.autograd.backward(results, grads)
    return np.array([forward - start, time.process_time() - forward])


def error(way: Any, z: Tensor, parameters: list[Tensor], grads: list[Tensor]) -> float:
    """Largest relative error of a parameter's gradient, against float64."""
    exact = [p.detach().double().requires_grad_() for p in parameters]
    seconds(as_it_is, z.double(), exact, [g.double() for g in grads])
    seconds(way, z, parameters, grads)
    pairs = zip(parameters, exact, strict=True)
    return max(float((p.grad - e.grad).norm() / e.grad.norm()) for p, e in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print(
        "| tokens, normalisation and projections of the first block | forward, ms | backward, ms "
        "| error of gradients |\n|---|---|---|---|"
    )
    for name, (n_genes, n_cells, d) in SHAPES.items():
        generator = torch.Generator().manual_seed(0)

        def normal(*shape: int, scale: float = 1.0, generator=generator) -> Tensor:
            return torch.randn(*shape, generator=generator) * scale

        z = normal(n_cells, n_genes)
        start = [normal(n_genes, d), normal(n_genes, d), 1 + normal(d, scale=0.1), normal(d)]
        parameters = [p.requires_grad_() for p in (*start, normal(3 * d, d, scale=d**-0.5))]
        grads = [normal(n_cells, n_genes, d), normal(n_cells, n_genes, 3 * d)]
        ways = {"as it is": as_it_is, "in closed form": in_closed_form}
        times: dict[str, list] = {way: [] for way in ways}
        for _ in range(rounds + 1):
            for way, function in ways.items():
                times[way].append(1e3 * seconds(function, z, parameters, grads))
        for way, function in ways.items():
            forward, backward = np.array(times[way][1:]).T
            print(
                f"| {name}: {way} | {cell(forward)} | {cell(backward)} "
                f"| {error(function, z, parameters, grads):.0e} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
