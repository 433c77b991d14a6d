"""The training loop, on Lightning Fabric.

Fabric rather than Lightning's Trainer, for three reasons. An interrupt in a notebook must leave the
kernel as it was (the Trainer ignores SIGINT from then on, and exits). Every step here is a function
of the weights, the seed and the step number alone, which an epoch-shaped loop does not offer. And
nothing is printed or written but one progress bar.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from .._random import seed
from ..dataloaders._batches import BatchSchedule
from ..dataloaders._moments import Cells
from ..dataloaders._resident import resident
from ..nn._longformer import GeneLongformer
from ._average import MovingAverage
from ._checkpoint import Checkpoint, Progress, run_key
from ._config import TrainConfig
from ._device import fitting_threads, isolated_rng, seed_torch
from ._fabric import one_device
from ._history import History
from ._loss import balanced_cross_entropy, class_weights, prior_loss
from ._optimizer import learning_rate, make_optimizer
from ._predict import inference_batch_size
from ._stopping import BestWeights

_BATCHES, _STEPS = 1, 2  # names of the random streams


@dataclass(frozen=True)
class FitResult:
    """What training returns.

    Attributes
    ----------
    history
        Per evaluation: ``step``, ``train_loss`` (mean since the last evaluation), ``stopping_loss``
        and ``learning_rate``.
    initial_loss
        Loss on the stopping cells before the first update (without such cells, of the prior).
    best_step
        Number of updates behind the weights that were kept; 0 if none improved on the start.
    n_steps
        Number of updates made.
    stopped_by
        ``'schedule'``, ``'patience'``, ``'time limit'`` or ``'divergence'``.
    prior_loss
        The loss of always predicting the class prior, for comparison; with an offset, plus the loss
        of the offset as it is.
    seconds
        Wall time.
    head_loss
        Balanced loss of the classification head on the stopping cells, with the weights that were kept:
        all of the loss, but for the correction of an offset. NaN without stopping cells.
    """

    history: dict[str, np.ndarray]
    initial_loss: float
    best_step: int
    n_steps: int
    stopped_by: str
    prior_loss: float
    seconds: float
    head_loss: float = math.nan


class TrainingRun:
    """The state of one run: model, optimiser, average of the weights, and the data they see.

    Parameters are those of :func:`run`.
    """

    def __init__(
        self,
        model: GeneLongformer,
        cells: Cells,
        codes: np.ndarray,
        *,
        train_index: np.ndarray,
        stopping_index: np.ndarray,
        config: TrainConfig,
        accelerator: str,
        random_state: int,
        offset: np.ndarray | None = None,
    ) -> None:
        self.config, self.cells, self.stopping_index = config, resident(cells), stopping_index
        self.random_state, self.accelerator = random_state, accelerator
        self.fabric = one_device(accelerator, config.precision)
        self.schedule = BatchSchedule(
            train_index, batch_size=config.batch_size, random_state=seed(random_state, _BATCHES)
        )
        self.weights = class_weights(codes[train_index], model.config.n_classes)
        self.weights = self.weights.to(self.fabric.device)
        self.targets = torch.from_numpy(codes).to(self.fabric.device)
        self.offset = None
        if offset is not None:
            self.offset = torch.from_numpy(offset.astype(np.float32)).to(self.fabric.device)
        self.model, self.optimizer = self.fabric.setup(model, make_optimizer(model, config))
        self.average = MovingAverage(model, config.ema_decay).eval()

    def update(self, step: int) -> Tensor:
        """Make one update and return its loss. Depends on the weights, the seed and `step` only."""
        seed_torch(self.accelerator, seed(self.random_state, _STEPS, step))
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, self.config)
        loss = self._loss(self.model, self.schedule[step])
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.fabric.clip_gradients(
            self.model,
            self.optimizer,
            max_norm=self.config.gradient_clip,
            error_if_nonfinite=False,  # divergence is told at the next evaluation
        )
        self.optimizer.step()
        self.average.update_parameters(self.model.module)
        return loss.detach()

    def stopping_loss(self) -> float:
        """Loss of the averaged weights on the stopping cells."""
        return sum(self.stopping_losses(self.average))

    @torch.inference_mode()
    def stopping_losses(self, model: nn.Module) -> tuple[float, float]:
        """Both parts of a model's loss on the stopping cells, whatever batches they come in."""
        size = inference_batch_size(self.model.module.config)
        balanced, weight, corrected = 0.0, 0.0, 0.0
        for start in range(0, len(self.stopping_index), size):
            rows = self.stopping_index[start : start + size]
            of_head, of_correction = self._losses(model, rows)
            batch_weight = float(self.weights[self.targets[rows]].sum())
            balanced += float(of_head) * batch_weight
            weight += batch_weight
            corrected += float(of_correction) * len(rows)
        return balanced / weight, corrected / len(self.stopping_index)

    def _loss(self, model: nn.Module, rows: np.ndarray) -> Tensor:
        of_head, of_correction = self._losses(model, rows)
        return of_head if self.offset is None else of_head + of_correction

    def _losses(self, model: nn.Module, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Balanced loss of the head, and loss of the offset as it is corrected (0 without one)."""
        values = torch.from_numpy(self.cells.rows(rows)).to(self.fabric.device)
        output = model(values)
        of_head = balanced_cross_entropy(output.logits, self.targets[rows], self.weights)
        if self.offset is None:
            return of_head, of_head.new_zeros(())
        # the offset is calibrated to the shares of the classes: its correction is not weighted
        corrected = self.offset[rows] + output.residual
        return of_head, F.cross_entropy(corrected, self.targets[rows])

    def prior_loss(self) -> float:
        """Loss of always predicting the class prior, and of an offset that nothing corrects."""
        loss = prior_loss(self.weights)
        if self.offset is not None:
            rows = self.stopping_index if len(self.stopping_index) else self.schedule.index
            loss += float(F.cross_entropy(self.offset[rows], self.targets[rows]))
        return loss


def run(
    model: GeneLongformer,
    cells: Cells,
    codes: np.ndarray,
    *,
    train_index: np.ndarray,
    stopping_index: np.ndarray,
    config: TrainConfig,
    accelerator: str,
    random_state: int,
    progress: bool,
    offset: np.ndarray | None = None,
    checkpoint_dir: str | Path | None = None,
) -> FitResult:
    """Train `model` in place and leave the best averaged weights in it.

    Parameters
    ----------
    model
        The model; its standardiser is set by the caller.
    cells
        Expression of all cells.
    codes
        Class of each cell, ``(cells,)``.
    train_index, stopping_index
        Cells that give gradients, and cells that choose the weights to keep. Without stopping cells
        the training loss chooses.
    config
        Budget and optimiser.
    accelerator
        ``'cpu'``, ``'cuda'`` or ``'mps'``.
    random_state
        Seed of batches and dropout; torch's global generators are left as they were.
    progress
        Whether to show a progress bar.
    offset
        Logits of another model for every cell, ``(cells, n_classes)``, from models that did not see
        the cell, for a model with a residual head to correct.
    checkpoint_dir
        Folder where the run is kept while it lasts. A run that was killed goes on there when it is
        called again with the same data, configs and seed, to the same bits as if it had not been.
    """
    started = time.perf_counter()
    training = TrainingRun(
        model,
        cells,
        codes,
        train_index=train_index,
        stopping_index=stopping_index,
        config=config,
        accelerator=accelerator,
        random_state=random_state,
        offset=offset,
    )
    n_activations = config.batch_size * model.config.activations_per_cell
    best = BestWeights(config, training.prior_loss())
    initial_loss = training.stopping_loss() if len(stopping_index) else best.prior_loss
    best.update(initial_loss, 0, training.average.module)
    history = History()
    stopped_by = "schedule"
    key = ""
    if checkpoint_dir is not None:
        key = run_key(training, cells, codes, train_index, config)
    checkpoint = Checkpoint(checkpoint_dir, key)
    resumed = checkpoint.load(training, best, history)
    started -= resumed.seconds
    bar = tqdm(
        total=config.max_steps,
        initial=resumed.done,
        desc="longformer",
        unit="step",
        disable=not progress,
    )
    with isolated_rng(accelerator), fitting_threads(accelerator, n_activations), bar:
        model.train()
        for done in range(resumed.done + 1, config.max_steps + 1):
            history.add_loss(training.update(done - 1))
            bar.update()
            is_late = config.time_limit and time.perf_counter() - started > config.time_limit
            if done % config.evaluate_every and done < config.max_steps and not is_late:
                continue
            train_loss = history.mean_recent_loss()
            stopping_loss = training.stopping_loss() if len(stopping_index) else train_loss
            history.add_evaluation(done, train_loss, stopping_loss, learning_rate(done - 1, config))
            best.update(stopping_loss, done, training.average.module)
            bar.set_postfix(train=f"{train_loss:.3f}", stopping=f"{stopping_loss:.3f}")
            if not math.isfinite(train_loss):
                stopped_by = "divergence"
                break
            if best.exhausted:
                stopped_by = "patience"
                break
            if is_late and done < config.max_steps:
                stopped_by = "time limit"
                break
            if done < config.max_steps:
                seconds = time.perf_counter() - started
                checkpoint.save(training, best, history, Progress(done, seconds))
    model.load_state_dict(best.state)
    model.eval()
    head_loss = training.stopping_losses(model)[0] if len(stopping_index) else math.nan
    checkpoint.remove()
    return FitResult(
        history=history.columns(),
        initial_loss=initial_loss,
        best_step=best.step,
        n_steps=done,
        stopped_by=stopped_by,
        prior_loss=best.prior_loss,
        seconds=time.perf_counter() - started,
        head_loss=head_loss,
    )
