"""Linear attention: a control that mixes all genes without a softmax over pairs."""

from __future__ import annotations

import torch
from torch.nn.functional import elu

from ._heads import merge_heads, split_heads


def linear_attention(qkv: torch.Tensor, *, n_heads: int) -> torch.Tensor:
    r"""Kernelised attention of all genes to all genes, linear in their number.

    The weight of key ``j`` for query ``i`` is :math:`\phi(q_i) \cdot \phi(k_j)`, normalised
    over the keys, with :math:`\phi(x) = \mathrm{elu}(x) + 1`.

    Parameters
    ----------
    qkv
        Packed ``(cells, genes, 3 d)``, head-minor, as in :func:`knn_attention`.
    n_heads
        Number of heads; divides ``d``.

    Returns
    -------
    ``(cells, genes, d)``.

    References
    ----------
    Katharopoulos et al. (2020), Transformers are RNNs: fast autoregressive transformers with linear
    attention, ICML.

    Examples
    --------
    >>> import torch
    >>> values = torch.arange(4.0).reshape(1, 4, 1)
    >>> linear_attention(torch.cat([torch.zeros(1, 4, 2), values], dim=-1), n_heads=1).flatten()
    tensor([1.5000, 1.5000, 1.5000, 1.5000])
    """
    q, k, v = split_heads(qkv, n_heads)
    q, k = elu(q) + 1, elu(k) + 1
    total = q @ k.sum(-2)[..., None]
    return merge_heads(q @ (k.mT @ v) / total)
