from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from scrna_longformer.train import TrainConfig
from scrna_longformer.train._device import fitting_threads, isolated_rng, resolve_accelerator
from scrna_longformer.train._loss import balanced_cross_entropy, class_weights, prior_loss
from scrna_longformer.train._optimizer import learning_rate, make_optimizer
from scrna_longformer.train._stopping import BestWeights


def test_class_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    codes = np.array([0] * 7 + [1] * 2 + [2] * 11)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=codes)
    np.testing.assert_allclose(class_weights(codes, 3).numpy(), expected, rtol=1e-6)


def test_a_class_without_cells_counts_nothing() -> None:
    weights = class_weights(np.array([0, 0, 2]), 3)
    assert weights[1] == 0
    assert prior_loss(weights) == pytest.approx(np.log(2))


def test_balanced_loss_of_the_uniform_prediction_is_the_prior_loss() -> None:
    codes = np.array([0] * 9 + [1] * 3)
    weights = class_weights(codes, 2)
    loss = balanced_cross_entropy(torch.zeros(12, 2), torch.from_numpy(codes), weights)
    assert float(loss) == pytest.approx(prior_loss(weights), rel=1e-6)


def test_decay_spares_vectors() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    decayed, spared = make_optimizer(model, TrainConfig(weight_decay=0.3)).param_groups
    assert [p.ndim for p in decayed["params"]] == [2]
    assert decayed["weight_decay"] == 0.3
    assert spared["weight_decay"] == 0.0
    assert len(spared["params"]) == 3


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    config = TrainConfig(max_steps=200, learning_rate=0.5, warmup=0.1)
    rates = [learning_rate(step, config) for step in range(200)]
    assert np.argmax(rates) in (19, 20)
    assert max(rates) == pytest.approx(0.5)
    assert rates[-1] < 1e-3
    assert np.all(np.diff(rates[:20]) > 0)
    assert np.all(np.diff(rates[20:]) < 0)


def test_best_weights_are_a_true_copy() -> None:
    model = nn.Linear(2, 1)
    best = BestWeights(TrainConfig(), prior_loss=1.0)
    best.update(0.5, 50, model)
    kept = {name: value.clone() for name, value in best.state.items()}
    with torch.no_grad():
        model.weight.add_(1)
    best.update(0.7, 100, model)
    assert best.step == 50
    assert all(torch.equal(best.state[name], kept[name]) for name in kept)


def test_a_plateau_in_the_first_half_does_not_stop_training() -> None:
    model = nn.Linear(2, 1)
    config = TrainConfig(max_steps=1000, patience=2, evaluate_every=50)

    def stopped_at(loss: float) -> int:
        best = BestWeights(config, prior_loss=1.0)
        steps = range(50, 1001, 50)
        return next(step for step in steps if (best.update(loss, step, model), best.exhausted)[1])

    assert stopped_at(0.9) == 600  # on the plateau: waiting counts from 550 on
    assert stopped_at(0.3) == 150  # off the plateau: from the second evaluation on


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_steps", 0),
        ("learning_rate", 0),
        ("warmup", 1.0),
        ("weight_decay", -1),
        ("patience", 0),
        ("gate_fraction", 0.95),
        ("learning_rate", "0.1"),
        ("learning_rate", float("inf")),
        ("weight_decay", float("nan")),
        ("time_limit", None),
        ("precision", "bfloat16"),
    ],
)
def test_bad_fields_name_themselves(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"`{field}`"):
        TrainConfig(**{field: value})  # type: ignore[arg-type]


def test_accelerators_are_checked() -> None:
    assert resolve_accelerator("cpu") == "cpu"
    with pytest.raises(ValueError, match="'tpu'"):
        resolve_accelerator("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="'cuda' is not available"):
            resolve_accelerator("cuda")


@pytest.mark.parametrize(
    ("accelerator", "n_activations", "inside"),
    [("cpu", 100, 1), ("cpu", 2**22, 3), ("mps", 100, 3)],
)
def test_small_steps_take_one_thread_and_give_the_others_back(
    accelerator: str, n_activations: int, inside: int
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with fitting_threads(accelerator, n_activations):
            assert torch.get_num_threads() == inside
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_the_callers_random_numbers_stay_theirs() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with isolated_rng("cpu"):
        torch.manual_seed(99)
        torch.rand(10)
    assert torch.equal(torch.rand(3), expected)
