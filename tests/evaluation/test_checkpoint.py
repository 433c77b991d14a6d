from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from scrna_longformer.evaluation import (
    BASELINES,
    FoldStore,
    _checkpoint,
    cross_validate,
    make_splits,
)
from scrna_longformer.evaluation._identity import describe

MODELS: dict[str, Any] = {"Gauss/1": GaussianNB(), "neighbours": BASELINES["knn_pca"]}


@pytest.fixture
def cells(rng: np.random.Generator) -> tuple:
    codes = np.repeat([0, 1, 2], 15)
    X = rng.normal(size=(45, 4)) + 2 * np.eye(3, 4)[codes]
    return X, codes, make_splits(codes, n_splits=3)


def test_folds_come_back_bit_by_bit(cells: tuple, tmp_path: Path) -> None:
    X, codes, splits = cells
    store = FoldStore(tmp_path / "new" / "folder", MODELS, X, codes, splits)
    results = cross_validate(MODELS, X, codes, splits, on_result=store.save)
    found = {result.key: result for result in store.load()}
    assert len(found) == len(results) == 6
    for result in results:
        other = found[result.key]
        assert other.metrics == result.metrics
        assert (other.fit_seconds, other.n_train) == (result.fit_seconds, result.n_train)
        assert other.n_parameters == result.n_parameters or np.isnan(result.n_parameters)
        for name in ("proba", "test", "class_f1"):
            np.testing.assert_array_equal(getattr(other, name), getattr(result, name))
            assert getattr(other, name).dtype == getattr(result, name).dtype


def test_gate_memory_and_energy_come_back(cells: tuple, tmp_path: Path) -> None:
    X, codes, splits = cells
    store = FoldStore(tmp_path, MODELS, X, codes, splits)
    (result,) = cross_validate({"Gauss/1": GaussianNB()}, X, codes, splits[:1])
    known = replace(result, gate=0.25, peak_memory_mb=12.5, energy_wh=0.125)
    store.save(known)
    (found,) = store.load()
    assert (found.gate, found.peak_memory_mb, found.energy_wh) == (0.25, 12.5, 0.125)
    store.save(result)  # a contestant without a gate
    assert np.isnan(store.load()[0].gate)


def test_nothing_is_pickled_or_left_aside(cells: tuple, tmp_path: Path) -> None:
    X, codes, splits = cells
    store = FoldStore(tmp_path, MODELS, X, codes, splits)
    cross_validate(MODELS, X, codes, splits, on_result=store.save)
    assert {path.suffix for path in tmp_path.iterdir()} == {".npz"}
    for path in tmp_path.iterdir():
        with np.load(path, allow_pickle=False) as archive:
            assert all(archive[name].dtype != object for name in archive.files)


def test_whatever_made_a_fold_is_part_of_its_name(cells: tuple, tmp_path: Path) -> None:
    X, codes, splits = cells
    models = {"m": LogisticRegression(C=1.0)}
    store = FoldStore(tmp_path, models, X, codes, splits, n_seeds=2)
    cross_validate(models, X, codes, splits, n_seeds=2, on_result=store.save)

    def found(**changes: Any) -> int:
        given = {"models": models, "X": X, "codes": codes, "splits": splits, "n_seeds": 2}
        return len(FoldStore(tmp_path, **(given | changes)).load())

    other = X.copy()
    other[0, 0] = np.nextafter(other[0, 0], np.inf)
    assert found() == 6
    assert found(n_seeds=1) == 3
    assert found(X=other) == 0
    assert found(X=sparse.csr_array(X)) == 0
    assert found(codes=np.roll(codes, 1)) == 0
    assert found(splits=splits[:1]) == 2
    assert found(splits=make_splits(codes, n_splits=3, random_state=1)) == 0
    assert found(models={"m": LogisticRegression(C=1.1)}) == 0
    assert found(models={"other": LogisticRegression(C=1.0)}) == 0
    assert found(random_state=1) == 0
    assert found(calibrate=True) == 0


def test_folds_of_other_code_are_run_again(
    cells: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, codes, splits = cells
    store = FoldStore(tmp_path, MODELS, X, codes, splits)
    cross_validate(MODELS, X, codes, splits[:1], on_result=store.save)
    assert len(FoldStore(tmp_path, MODELS, X, codes, splits).load()) == 2
    monkeypatch.setattr(_checkpoint, "_own_source", lambda: "one line was changed")
    assert FoldStore(tmp_path, MODELS, X, codes, splits).load() == []


def test_a_broken_file_is_named(cells: tuple, tmp_path: Path) -> None:
    X, codes, splits = cells
    store = FoldStore(tmp_path, MODELS, X, codes, splits)
    cross_validate(MODELS, X, codes, splits[:1], on_result=store.save)
    broken = next(tmp_path.iterdir())
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(ValueError, match=rf"{broken.name} in `checkpoint_dir` cannot be read"):
        store.load()


def test_folds_that_were_not_run_are_not_kept(cells: tuple, tmp_path: Path) -> None:
    X, codes, splits = cells
    store = FoldStore(tmp_path, MODELS, X, codes, splits)
    cross_validate(MODELS, X, codes, splits, time_limit=1e-9, on_result=store.save)
    assert sorted(result.model for result in store.load()) == ["Gauss/1", "neighbours"]


def test_descriptions_are_the_same_in_another_process() -> None:
    code = (
        "from scrna_longformer.evaluation import BASELINES\n"
        "from scrna_longformer.evaluation._identity import describe\n"
        "print(describe(BASELINES['knn_pca']))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == str(describe(BASELINES["knn_pca"]))


def test_descriptions_tell_parameters_apart() -> None:
    pipes = [
        make_pipeline(StandardScaler(), LogisticRegression(C=1.0)),
        make_pipeline(StandardScaler(), LogisticRegression(C=2.0)),
        make_pipeline(StandardScaler(with_mean=False), LogisticRegression(C=1.0)),
        make_pipeline(FunctionTransformer(lambda X: X), LogisticRegression(C=1.0)),
        make_pipeline(FunctionTransformer(lambda X: 2 * X), LogisticRegression(C=1.0)),
        LogisticRegression(class_weight={0: 1.0, 1: 2.0}),
        LogisticRegression(class_weight={0: 1.0, 1: 3.0}),
    ]
    described = [str(describe(pipe)) for pipe in pipes]
    assert len(set(described)) == len(pipes)
    assert described == [str(describe(pipe)) for pipe in pipes]


def test_descriptions_tell_apart_what_a_function_holds() -> None:
    def around(factor: float) -> FunctionTransformer:
        def scale(X: np.ndarray) -> np.ndarray:
            return X * factor

        return FunctionTransformer(scale)

    def by_default(factor: float) -> FunctionTransformer:
        def scale(X: np.ndarray, factor: float = factor) -> np.ndarray:
            return X * factor

        return FunctionTransformer(scale)

    def nested(factor: float) -> FunctionTransformer:
        def again(X: np.ndarray, depth: int) -> np.ndarray:
            return again(factor * X, depth - 1) if depth else X

        return FunctionTransformer(partial(again, depth=int(factor)))

    for make in (around, by_default, nested):
        assert describe(make(1.0)) == describe(make(1.0))
        assert describe(make(1.0)) != describe(make(2.0))
