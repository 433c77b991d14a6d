"""The moving average of the weights against torch's own."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from scrna_longformer.train._average import MovingAverage


def moved(model: nn.Module, generator: torch.Generator) -> None:
    """Change all parameters, as an update does."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))


def test_equals_torch_bit_for_bit_and_goes_on_from_a_saved_state():
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    expected = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    average = MovingAverage(model, 0.9)
    for step in range(6):
        moved(model, generator)
        expected.update_parameters(model)
        average.update_parameters(model)
        if step == 2:
            saved = average.state_dict()
            average = MovingAverage(model, 0.9)
            average.load_state_dict(saved)
    found, wanted = average.state_dict(), expected.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert not torch.equal(average.module[0].weight, model[0].weight)
