"""Every way in which training fails is provoked, and is told with what to change."""

from __future__ import annotations

import re
import warnings
from typing import Literal

import numpy as np
import pytest

from scrna_longformer.train import LongformerClassifier

FEW = "fewer than the 300"


def told(
    X: np.ndarray,
    codes: np.ndarray,
    *,
    offset: Literal["simple"] | None = None,
    warm_start: bool = False,
    **options: float,
) -> tuple[str, LongformerClassifier]:
    """Everything that a fit warns of, of the transformer alone unless it has an offset."""
    model = LongformerClassifier(
        "tiny",
        offset=offset,
        warm_start=warm_start,
        n_neighbors=5,
        train_options={"max_steps": 300, "batch_size": 16, **options},
        accelerator="cpu",
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, codes)
    return " ".join(str(w.message) for w in caught), model


@pytest.fixture
def cells(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    codes = np.arange(120) % 3
    X = rng.random((120, 30)) + 0.6 * (np.arange(30) % 3 == codes[:, None])
    return X.astype(np.float32), codes


def test_a_model_that_learns_is_not_warned_of(cells: tuple[np.ndarray, np.ndarray]) -> None:
    warned, model = told(*cells)
    assert warned == ""
    assert (model.predict(cells[0]) == cells[1]).mean() > 0.8


def test_staying_on_the_initial_plateau(cells: tuple[np.ndarray, np.ndarray]) -> None:
    warned, model = told(*cells, learning_rate=1e-7)  # steps too small to go anywhere
    assert "hardly learned" in warned
    assert "did not leave its initial plateau in 300 updates" in warned
    assert "max_steps" in warned
    assert FEW not in warned
    assert model.result_.history["train_loss"].min() == pytest.approx(np.log(3), rel=0.01)


def test_ending_at_the_class_prior(
    cells: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> None:
    warned, model = told(cells[0], rng.permutation(cells[1]))
    assert "hardly learned" in warned
    assert "does not hold for others" in warned
    assert "More updates will not help" in warned
    assert "plateau" not in warned
    said = re.search(r"loss fell to ([\d.]+)", warned)
    assert said is not None
    assert float(said[1]) == pytest.approx(model.result_.history["train_loss"].min(), abs=1e-3)


@pytest.mark.parametrize("warm_start", [True, False])
def test_divergence(cells: tuple[np.ndarray, np.ndarray], warm_start: bool) -> None:
    warned, model = told(*cells, warm_start=warm_start, learning_rate=1e20, warmup=0.0)
    assert "diverged before update 50" in warned
    assert "Lower learning_rate" in warned
    assert "Raise max_steps" not in warned  # no advice that would not help
    assert "plateau" not in warned
    assert model.result_.stopped_by == "divergence"
    assert model.result_.best_step == 0
    assert np.isfinite(model.predict_proba(cells[0])).all()


def test_divergence_in_numbers_that_stay_finite(cells: tuple[np.ndarray, np.ndarray]) -> None:
    warned, model = told(*cells, warm_start=True, learning_rate=3.0)
    assert model.result_.best_step == 0
    assert np.isfinite(model.result_.history["train_loss"]).all()
    assert "training led away from where it began" in warned
    assert "Lower learning_rate" in warned
    assert "plateau" not in warned
    assert FEW not in warned


def test_a_hybrid_is_told_by_its_head_what_it_learned(
    cells: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> None:
    warned, model = told(*cells, offset="simple")
    assert warned == ""
    assert model.result_.head_loss < 0.6 < np.log(3)
    X = cells[0].copy()
    X[:, :] = rng.permuted(X, axis=0)  # nothing to learn
    warned, model = told(X, cells[1], offset="simple")
    assert (
        "always predicting the class prior costs 1.099" in warned
    )  # not that and the offset's loss
    assert model.result_.head_loss > 0.9 * np.log(3)


def test_patience_is_no_lack_of_updates(cells: tuple[np.ndarray, np.ndarray]) -> None:
    X, codes = cells[0] + 3 * (np.arange(30) % 3 == cells[1][:, None]), cells[1]
    warned, model = told(
        X, codes, warm_start=True, learning_rate=0.3, evaluate_every=10, patience=1
    )
    assert model.result_.stopped_by == "patience"
    assert model.result_.n_steps < 300
    assert warned == ""


def test_too_few_updates(cells: tuple[np.ndarray, np.ndarray]) -> None:
    warned, _ = told(*cells, max_steps=40)
    assert f"made 40 updates (schedule), {FEW}" in warned
    assert "Raise max_steps." in warned


def test_too_little_time(cells: tuple[np.ndarray, np.ndarray]) -> None:
    warned, _ = told(*cells, max_steps=10**6, time_limit=1e-3)
    assert f"made 1 updates (time limit), {FEW}" in warned
    assert "Raise max_steps or time_limit." in warned


@pytest.mark.filterwarnings("ignore:LongformerClassifier")  # few updates
@pytest.mark.parametrize("offset", [None, "simple"])
def test_classes_too_small_to_set_cells_aside(offset, rng: np.random.Generator) -> None:
    y = np.repeat([0, 1, 2], 6)
    X = np.log1p(rng.poisson(2 + 4 * np.eye(3)[y] @ rng.random((3, 20))))
    options = {"max_steps": 20}
    model = LongformerClassifier(
        "tiny", offset=offset, n_neighbors=3, train_options=options, accelerator="cpu"
    ).fit(X, y)
    assert model.fitted_.scaling.slope == 1
    assert np.isfinite(model.predict_proba(X)).all()
