"""Attention layers of other packages, as functions of tokens (cells, genes, d).

Longformer (sliding window) and Performer (linear attention) compute another function than kNN
attention; TransformerConv computes a like one on the same graph. All are compared by cost.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np
import torch


def hf_longformer(graph, d, n_heads, n_cells):
    """Sliding window of 33 keys: 16 genes on either side, in the order of the file."""
    longformer = import_module("transformers.models.longformer")
    config = longformer.LongformerConfig(
        hidden_size=d, num_attention_heads=n_heads, attention_window=[32], num_hidden_layers=1
    )
    modeling = import_module("transformers.models.longformer.modeling_longformer")
    config.attention_probs_dropout_prob = 0.0
    layer = modeling.LongformerSelfAttention(config, layer_id=0)
    out = torch.nn.Linear(d, d)
    padded = -(-graph.n_genes // 32) * 32
    mask = torch.zeros(n_cells, padded)
    mask[:, graph.n_genes :] = -10000.0
    no_global = torch.zeros(n_cells, padded, dtype=torch.bool)

    def run(x):
        x = torch.nn.functional.pad(x, (0, 0, 0, padded - graph.n_genes))
        attended = layer(
            x,
            attention_mask=mask,
            is_index_masked=mask < 0,
            is_index_global_attn=no_global,
            is_global_attn=False,
        )[0]
        return out(attended[:, : graph.n_genes])

    return run, [*layer.parameters(), *out.parameters()]


def performer(graph, d, n_heads, n_cells):
    """Linear attention with random features (FAVOR+), the engine of scBERT."""
    package = import_module("performer_pytorch")
    layer = package.SelfAttention(dim=d, heads=n_heads, dim_head=d // n_heads, causal=False)
    return layer, list(layer.parameters())


def pyg_transformer_conv(graph, d, n_heads, n_cells):
    """Attention by messages along the same graph, one disjoint copy per cell."""
    nn = import_module("torch_geometric.nn")
    layer = nn.TransformerConv(d, d // n_heads, heads=n_heads, root_weight=False)
    out = torch.nn.Linear(d, d)
    edges = np.stack([graph.indices, graph.rows]).astype(np.int64)
    offsets = graph.n_genes * np.arange(n_cells)
    edges = torch.as_tensor((edges[:, None] + offsets[:, None]).reshape(2, -1))

    def run(x):
        return out(layer(x.flatten(0, 1), edges)).view_as(x)

    return run, [*layer.parameters(), *out.parameters()]


PEERS = {
    "HF LongformerSelfAttention, window 32": ("transformers", hf_longformer),
    "performer-pytorch SelfAttention": ("performer_pytorch", performer),
    "PyG TransformerConv": ("torch_geometric", pyg_transformer_conv),
}
