"""What is recorded of the energy, with a tracker in the place of CodeCarbon's."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from scrna_longformer.evaluation import _energy, cross_validate, fold_table, make_splits
from scrna_longformer.evaluation._energy import EnergyMeter


class Tracker:
    """Counts its tasks; each takes 2 mWh, told in kWh as CodeCarbon does."""

    def __init__(self, **options: object) -> None:
        self.options = options
        self.open = 0

    def start_task(self) -> None:
        self.open += 1

    def stop_task(self) -> SimpleNamespace:
        self.open -= 1
        return SimpleNamespace(energy_consumed=2e-6)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Tracker]]:
    """Trackers that were made, once CodeCarbon seems to be installed."""
    trackers: list[Tracker] = []

    def make(**options: object) -> Tracker:
        trackers.append(Tracker(**options))
        return trackers[-1]

    package = SimpleNamespace(OfflineEmissionsTracker=make)
    monkeypatch.setattr(_energy, "find_spec", lambda name: name == "codecarbon")
    monkeypatch.setattr(_energy, "import_module", lambda _: package)
    _energy._tracker.cache_clear()
    yield trackers
    _energy._tracker.cache_clear()


def test_energy_is_counted_in_watt_hours(made: list[Tracker]) -> None:
    with EnergyMeter() as meter:
        assert made[0].open == 1
    assert made[0].open == 0
    assert meter.watt_hours == pytest.approx(2e-3)


def test_one_offline_tracker_serves_a_process(made: list[Tracker]) -> None:
    for _ in range(3):
        with EnergyMeter():
            pass
    assert len(made) == 1
    assert made[0].options["save_to_file"] is False


def test_work_that_fails_is_measured_to_its_end(made: list[Tracker]) -> None:
    with pytest.raises(KeyError), EnergyMeter():
        raise KeyError
    assert made[0].open == 0


def test_without_the_extra_there_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_energy, "find_spec", lambda _: None)
    with EnergyMeter() as meter:
        pass
    assert np.isnan(meter.watt_hours)


@pytest.mark.usefixtures("made")
def test_every_fold_has_its_energy(rng: np.random.Generator) -> None:
    codes = np.arange(60) % 2
    X = rng.normal(size=(60, 3)) + codes[:, None]
    results = cross_validate({"lr": LogisticRegression()}, X, codes, make_splits(codes, n_splits=3))
    table = fold_table(results)
    found = table.loc[table["metric"] == "energy_wh", "value"]
    np.testing.assert_allclose(found, [2e-3] * 3)
