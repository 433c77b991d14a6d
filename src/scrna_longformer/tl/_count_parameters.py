"""How large a model would be."""

from __future__ import annotations

from typing import Any


def count_parameters(
    preset: str = "small", *, n_tokens: int = 256, n_classes: int = 10, **model_options: Any
) -> int:
    """Count the trained parameters of a preset, without building it.

    Parameters
    ----------
    preset
        ``'tiny'``, ``'small'``, ``'base'`` or ``'large'``.
    n_tokens
        Number of gene tokens.
    n_classes
        Number of classes.
    model_options
        Fields of :class:`~scrna_longformer.nn.LongformerConfig` that differ from the preset.

    Returns
    -------
    The number of parameters.

    Raises
    ------
    ValueError
        If the preset or a field is not known.

    Examples
    --------
    >>> import scrna_longformer as sl
    >>> sl.tl.count_parameters("small", n_tokens=500, n_classes=9)
    18361
    """
    from ..nn import LongformerConfig
    from ..nn import count_parameters as count

    return count(
        LongformerConfig.from_preset(preset, n_genes=n_tokens, n_classes=n_classes, **model_options)
    )
