"""When to stop, and which weights to keep."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from ._config import TrainConfig

# Below this share of the prior's loss a model has left the plateau that it may start on.
OFF_PLATEAU = 0.5


@dataclass
class BestWeights:
    """Keep a true copy of the best weights, and say when waiting for better ones is pointless.

    Attributes
    ----------
    config
        Gives the patience and the length of the schedule.
    prior_loss
        Loss of always predicting the class prior.
    loss
        Lowest loss so far.
    step
        Number of updates behind the best weights.
    state
        The best weights: clones, not views of weights that keep training.
    waited
        Evaluations without improvement that count.
    """

    config: TrainConfig
    prior_loss: float
    loss: float = float("inf")
    step: int = 0
    state: dict[str, Tensor] = field(default_factory=dict)
    waited: int = 0

    def update(self, loss: float, step: int, model: nn.Module) -> None:
        """Take note of an evaluation after `step` updates."""
        if loss < self.loss:
            self.loss, self.step, self.waited = loss, step, 0
            self.state = {
                name: value.detach().cpu().clone() for name, value in model.state_dict().items()
            }
        elif step > self.config.max_steps // 2 or self.loss < OFF_PLATEAU * self.prior_loss:
            # on a plateau, waiting counts only in the second half of the schedule
            self.waited += 1

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.waited >= self.config.patience
