"""A run that is killed at any step and called again ends with the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from scrna_longformer.train import LongformerClassifier, _checkpoint, _runner

OPTIONS = {"max_steps": 160, "batch_size": 16, "evaluate_every": 40, "patience": 50}


def fitted(folder: Path | None, **options) -> LongformerClassifier:
    rng = np.random.default_rng(5)
    y = np.repeat([0, 1, 2], 40)
    counts = rng.poisson(1 + 4 * np.eye(12)[y])
    model = LongformerClassifier(
        "tiny",
        n_neighbors=3,
        checkpoint_dir=folder,
        train_options=OPTIONS,
        accelerator="cpu",
        model_options={"attention_dropout": 0.1},
        **options,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*fewer than the 300")
        return model.fit(np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4), y)


@contextmanager
def before_each_update(call: Callable[[int], None]) -> Iterator[None]:
    update = _runner.TrainingRun.update

    def instead(self, step):
        call(step)
        return update(self, step)

    with patch.object(_runner.TrainingRun, "update", instead):
        yield


def killed(folder: Path, step: int) -> None:
    """Run this file as a program, which kills itself."""
    command = [sys.executable, __file__, str(folder), str(step)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, check=False, env=environment)
    assert ended.returncode == -signal.SIGKILL


def interrupted(folder: Path, **options) -> None:
    """Stop a run in this process between its first two evaluations."""

    def stop(step: int) -> None:
        if step == 60:
            raise KeyboardInterrupt

    with before_each_update(stop), pytest.raises(KeyboardInterrupt):
        fitted(folder, **options)


def equal(one: LongformerClassifier, other: LongformerClassifier) -> bool:
    a, b = (model.fitted_.model.state_dict() for model in (one, other))
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill so")
def test_killed_twice_and_called_again_gives_the_same_bits(tmp_path):
    killed(tmp_path, 97)
    assert [file.suffix for file in tmp_path.iterdir()] == [".safetensors"]
    killed(tmp_path, 131)
    steps: list[int] = []
    with before_each_update(steps.append):
        resumed = fitted(tmp_path)
    assert steps == list(range(120, 160))
    whole = fitted(None)
    assert equal(resumed, whole)
    assert resumed.gate_ == whole.gate_
    for name, column in whole.result_.history.items():
        np.testing.assert_array_equal(resumed.result_.history[name], column)
    assert list(tmp_path.iterdir()) == []  # an ended run leaves nothing


def test_interrupted_run_goes_on_to_the_same_bits(tmp_path):
    interrupted(tmp_path, offset=None)
    assert equal(fitted(tmp_path, offset=None), fitted(None, offset=None))


def test_another_call_starts_afresh(tmp_path):
    interrupted(tmp_path, offset=None)
    other = fitted(tmp_path, offset=None, random_state=1)
    assert equal(other, fitted(None, offset=None, random_state=1))
    assert len(list(tmp_path.iterdir())) == 1  # the interrupted run is still there


def test_a_damaged_checkpoint_says_so(tmp_path):
    interrupted(tmp_path, offset=None)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match="Delete it to start afresh"):
        fitted(tmp_path, offset=None)


def test_a_checkpoint_of_something_else_says_so(tmp_path):
    interrupted(tmp_path, offset=None)
    (file,) = tmp_path.iterdir()
    save_file({"model.weight": torch.zeros(2)}, file, metadata={"progress": "{}"})
    with pytest.raises(ValueError, match="Delete it to start afresh"):
        fitted(tmp_path, offset=None)


def test_what_a_kill_while_writing_left_goes_with_the_run(tmp_path):
    interrupted(tmp_path, offset=None)
    (file,) = tmp_path.iterdir()
    left, of_a_twin, foreign = (
        tmp_path / name for name in (f"{file.stem}.1.tmp", f"{file.stem}.2.tmp", "mine.1.tmp")
    )
    for path in (left, of_a_twin, foreign):
        path.write_bytes(b"unfinished")
    os.utime(left, (0, 0))
    os.utime(foreign, (0, 0))
    os.utime(of_a_twin, (time.time() + 3600,) * 2)
    fitted(tmp_path, offset=None)
    assert set(tmp_path.iterdir()) == {of_a_twin, foreign}


def test_another_backend_is_another_run(tmp_path, monkeypatch) -> None:
    first, other = [], []
    monkeypatch.setattr(_checkpoint, "digest_names", lambda words: first.append(list(words)) or "a")
    fitted(tmp_path, offset=None)
    monkeypatch.setattr(_checkpoint, "attention_backend", lambda *args: "numba_plain")
    monkeypatch.setattr(_checkpoint, "digest_names", lambda words: other.append(list(words)) or "b")
    fitted(tmp_path, offset=None)
    assert set(other[0]) - set(first[0]) == {"numba_plain"}


if __name__ == "__main__":

    def kill(step: int) -> None:
        if step == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

    with before_each_update(kill):
        fitted(Path(sys.argv[1]))
