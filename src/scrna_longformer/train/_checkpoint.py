"""The state of a training run on disk, so that a killed run goes on as if nothing had happened.

Every step depends on the weights, the seed and the step number alone (``_runner.py``). What must be
kept is therefore little: weights, their average, the optimiser's moments, the best weights so far,
and how far the run has come.
"""

from __future__ import annotations

import itertools
import json
import os
import tempfile
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .._digest import digest_array, digest_names
from .._settings import log
from ._device import attention_backend

if TYPE_CHECKING:
    from ..dataloaders._moments import Cells
    from ._config import TrainConfig
    from ._history import History
    from ._runner import TrainingRun
    from ._stopping import BestWeights

_BLOCK = 1024  # cells whose values are hashed together


class Progress(NamedTuple):
    """How far a run has come: updates made, and seconds spent on them."""

    done: int
    seconds: float


class Checkpoint:
    """One file per run, replaced in one piece at every evaluation and removed at the end.

    Parameters
    ----------
    folder
        Folder for the file; made if missing. ``None`` keeps nothing.
    key
        Fingerprint of everything that the run's result depends on (:func:`run_key`). A run with
        another key never sees the file.
    """

    def __init__(self, folder: str | Path | None, key: str) -> None:
        self.path = None if folder is None else Path(folder) / f"longformer-{key}.safetensors"
        self.since = time.time()

    def save(
        self, training: TrainingRun, best: BestWeights, history: History, progress: Progress
    ) -> None:
        """Write the state of a run; a run that is killed meanwhile leaves the earlier file."""
        if self.path is None:
            return
        columns = history.columns()
        tensors = {f"history.{n}": torch.from_numpy(x.copy()) for n, x in columns.items()}
        for prefix, state in _states(training, best).items():
            tensors |= {f"{prefix}.{name}": value.contiguous() for name, value in state.items()}
        notes = {"best_loss": best.loss, "best_step": best.step, "waited": best.waited}
        notes |= progress._asdict()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(f".{os.getpid()}.tmp")
        save_file(tensors, unfinished, metadata={"progress": json.dumps(notes)})
        with unfinished.open("r+b") as file:  # Windows flushes only what it may write to
            os.fsync(file.fileno())
        unfinished.replace(self.path)

    def load(self, training: TrainingRun, best: BestWeights, history: History) -> Progress:
        """Bring a fresh run to the state on disk, if there is one, and say how far it has come.

        Raises
        ------
        ValueError
            If the file is damaged, or another program wrote it.
        """
        if self.path is None or not self.path.is_file():
            return Progress(0, 0.0)
        try:
            with safe_open(self.path, "pt") as file:
                notes = json.loads(file.metadata()["progress"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            _bring_back(tensors, notes, training, best, history)
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            msg = (
                f"The checkpoint {str(self.path)!r} cannot be read ({type(error).__name__}: {error}). "
                "Delete it to start afresh."
            )
            raise ValueError(msg) from error
        log.info("longformer: goes on after update %d (%s)", notes["done"], self.path)
        return Progress(notes["done"], notes["seconds"])

    def remove(self) -> None:
        """Forget a run that has ended, and what was left of it where it was killed while writing."""
        if self.path is None:
            return
        self.path.unlink(missing_ok=True)
        for unfinished in self.path.parent.glob(f"{self.path.stem}.*.tmp"):
            with suppress(FileNotFoundError):  # a twin that runs beside this one finished writing
                if unfinished.stat().st_mtime < self.since:  # it may be writing
                    unfinished.unlink()


def check_folder(folder: str | Path) -> None:
    """Make the folder, and raise before anything is fitted if nothing can be written there.

    Raises
    ------
    ValueError
        It is a file, or cannot be made or written to.
    """
    if Path(folder).is_file():
        msg = f"`checkpoint_dir`={str(folder)!r} is a file, and a folder is needed."
        raise ValueError(msg)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        msg = (
            f"`checkpoint_dir`={str(folder)!r} cannot be written to ({error}). Choose a folder of yours, "
            "or leave it out to keep nothing."
        )
        raise ValueError(msg) from error


def run_key(
    training: TrainingRun,
    cells: Cells,
    codes: np.ndarray,
    train_index: np.ndarray,
    config: TrainConfig,
) -> str:
    """Fingerprint of all that decides how a run ends: data, labels, start, config, versions, seed."""
    starts = range(0, len(cells), _BLOCK)
    model = training.model.module
    arrays = itertools.chain(  # a block of cells at a time: all of them may not fit in memory
        (cells.rows(np.arange(s, min(s + _BLOCK, len(cells)))) for s in starts),
        (codes, train_index, training.stopping_index),
        (model.graph.indptr, model.graph.indices),
        (value.detach().cpu().numpy() for value in model.state_dict().values()),
        () if training.offset is None else (training.offset.cpu().numpy(),),
    )
    words = [
        model.config.to_json(),
        repr(config),
        str(training.random_state),
        str(training.fabric.device),
        attention_backend(model.config, training.accelerator),
        *(version(name) for name in ("scrna-longformer", "torch", "numpy", "numba", "lightning")),
    ]
    return digest_names(itertools.chain(words, map(digest_array, arrays)))


def _bring_back(
    tensors: dict[str, torch.Tensor],
    notes: dict[str, Any],
    training: TrainingRun,
    best: BestWeights,
    history: History,
) -> None:
    """Put what :meth:`Checkpoint.save` wrote back where it was."""
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        prefix, _, rest = name.partition(".")
        parts.setdefault(prefix, {})[rest] = tensor
    training.model.module.load_state_dict(parts["model"])
    training.average.load_state_dict(parts["average"])
    _restore(training.optimizer, parts.get("optimizer", {}))
    best.loss, best.step = notes["best_loss"], notes["best_step"]
    best.waited, best.state = notes["waited"], parts["best"]
    history.restore({name: x.numpy() for name, x in parts["history"].items()})


def _states(training: TrainingRun, best: BestWeights) -> dict[str, dict[str, torch.Tensor]]:
    optimizer = training.optimizer.state_dict()["state"]
    return {
        "model": training.model.module.state_dict(),
        "average": training.average.state_dict(),
        "best": best.state,
        "optimizer": {
            f"{i}.{name}": torch.as_tensor(value)
            for i, state in optimizer.items()
            for name, value in state.items()
        },
    }


def _restore(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    states: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        i, _, what = name.partition(".")
        states.setdefault(int(i), {})[what] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": states, "param_groups": groups})
