"""Cross-validation of any estimators on the same folds."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import Parallel, delayed

from .._random import generator
from ._build import build
from ._calibration import with_scaling
from ._class_codes import are_probabilities, class_codes
from ._cost import count_parameters
from ._energy import EnergyMeter
from ._memory import PeakMemory
from ._metrics import per_class_f1, score
from ._probe import probe
from ._progress import Progress
from ._shared_fit import beginning, sharing_groups
from ._terms import terms_of
from ._threads import threads_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..features._ranking import Matrix
    from ._split import Split

OK = "ok"
TIME_LIMIT = "time limit"
RAISED_BY = "raised by contestant"  # how the note of an error begins


@dataclass(frozen=True)
class FoldResult:
    """What one contestant did in one fold.

    Attributes
    ----------
    model
        Name of the contestant.
    repeat
        Number of the repeat.
    fold
        Number of the fold in it.
    status
        ``'ok'``, or ``'time limit'`` for a fold that was not started; then the rest is empty.
    metrics
        Scores on the test cells (:func:`score`).
    class_f1
        F1 per class; NaN for classes without test cells.
    test
        Rows of the test cells.
    proba
        Test cells x classes probabilities (float32).
    n_train
        Number of training cells.
    fit_seconds
        Wall time of ``fit``. A contestant that was given the fit of another to begin with
        (``evaluation._shared_fit``) answers for it as for its own: its time and energy are added, and
        of the two peaks the higher counts.
    predict_ms_per_cell
        Wall time of ``predict_proba`` per test cell.
    n_parameters
        Number of fitted numbers (:func:`count_parameters`); NaN where a model has no clear count.
    temperature
        Temperature of the probabilities (:class:`LogitScaled`), which are already scaled with it;
        NaN for contestants without.
    probe
        What the checks ask of the fitted model: how much predictions change with their input, and
        scores on training cells (``evaluation._probe``). Not timed;
        empty unless asked for.
    seed
        Number of the seed, where folds are fitted with several.
    group
        The group left out, where a fold is one group; else empty.
    gate
        Weight of the corrected predictions in a hybrid's mixture (``gate_`` of the estimator): at 0
        its predictions are those of the simple model inside. NaN for contestants without.
    peak_memory_mb
        Memory that fitting and predicting needed on top of what the process held, in MB
        (``evaluation._memory``); NaN where it cannot be measured.
    energy_wh
        Energy of fitting and predicting, in watt-hours, by CodeCarbon
        (``evaluation._energy``); NaN without it.
    """

    model: str
    repeat: int
    fold: int
    status: str
    metrics: dict[str, float]
    class_f1: np.ndarray
    test: np.ndarray
    proba: np.ndarray
    n_train: int
    fit_seconds: float
    predict_ms_per_cell: float
    n_parameters: float
    temperature: float = float("nan")
    probe: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    group: str = ""
    gate: float = float("nan")
    peak_memory_mb: float = float("nan")
    energy_wh: float = float("nan")

    @property
    def key(self) -> tuple[str, int, int, int]:
        """The model, repeat, fold and seed that the result is of."""
        return self.model, self.repeat, self.fold, self.seed


def cross_validate(
    models: Mapping[str, Any],
    X: Matrix,
    codes: np.ndarray,
    splits: Sequence[Split],
    *,
    n_seeds: int = 1,
    n_jobs: int | None = None,
    time_limit: float | None = None,
    calibrate: bool = False,
    random_state: int = 0,
    probes: bool = False,
    progress: bool | str = False,
    on_result: Callable[[FoldResult], None] | None = None,
    done: Iterable[FoldResult] = (),
) -> list[FoldResult]:
    """Fit and score every contestant on the same folds.

    All contestants go through the first fold, then all through the second, and so on, so that an
    interrupted comparison still compares like with like. A contestant that begins with the fit of
    another one is given it, and differs in nothing from one that fitted it again
    (``evaluation._shared_fit``).

    Parameters
    ----------
    models
        Contestants by name: an estimator with ``fit(X, y)``, ``predict_proba(X)`` and ``classes_``,
        which is cloned, or a function from a random state to one.
    X
        Cells x genes log values, CSR or dense.
    codes
        Class of each cell; negative for none.
    splits
        Folds (:func:`make_splits`).
    n_seeds
        How often each contestant is fitted in each fold, with other seeds.
    n_jobs
        Number of worker processes; ``None`` or 1 runs in this one, -1 uses all cores.
    time_limit
        Seconds each contestant may take in all. A fold that has begun is finished; folds not yet
        begun are recorded with status ``'time limit'``.
    calibrate
        Whether contestants get a temperature and class offsets (:class:`LogitScaled`) from cells of
        their training fold, unless they are calibrated inside.
    random_state
        Seed; every fold has seeds of its own, the same for all contestants. The first of several
        is that of a single one.
    probes
        Whether to ask every fitted contestant what the checks want to know.
    progress
        Whether to show a progress bar with the time left; a text is what it is called.
    on_result
        Called with each result as it comes in. What it has been given stays valid if the comparison
        is interrupted.
    done
        Results of an earlier, interrupted comparison on the same splits: these folds are not run
        again.

    Returns
    -------
    One result per split, seed and contestant, in this order.

    Raises
    ------
    TypeError
        If a contestant lacks ``fit`` or ``predict_proba``.
    ValueError
        If ``n_seeds`` is below 1, or a contestant returns values that are no probabilities.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from scrna_longformer.evaluation import make_splits
    >>> rng = np.random.default_rng(0)
    >>> codes = np.repeat([0, 1], 30)
    >>> X = rng.normal(size=(60, 5)) + codes[:, None]
    >>> models = {"linear": LogisticRegression(), "Gauss": GaussianNB()}
    >>> results = cross_validate(models, X, codes, make_splits(codes, n_splits=3))
    >>> [result.model for result in results][:4]
    ['linear', 'Gauss', 'linear', 'Gauss']
    """
    if n_seeds < 1:
        msg = f"`n_seeds` must be at least 1, not {n_seeds!r}."
        raise ValueError(msg)
    codes = np.asarray(codes)
    for name, model in models.items():
        _check(name, build(model, random_state))
    results = {result.key: result for result in done if result.status == OK}
    groups = sharing_groups(models, random_state)
    pending = [
        (names, split, seed)
        for split in splits
        for seed in range(n_seeds)
        for group in groups
        if (names := [n for n in group if (n, split.repeat, split.fold, seed) not in results])
    ]
    spent = dict.fromkeys(models, 0.0)
    for result in results.values():
        spent[result.model] = spent.get(result.model, 0.0) + _seconds(result)

    def tasks() -> Iterator[Any]:
        for names, split, seed in pending:
            in_time = {n: models[n] for n in names if time_limit is None or spent[n] < time_limit}
            late = [name for name in names if name not in in_time]
            yield delayed(_run_group)(
                in_time,
                late,
                X,
                codes,
                split,
                seed,
                random_state,
                calibrate=calibrate,
                probes=probes,
            )

    parallel = Parallel(n_jobs=n_jobs or 1, return_as="generator_unordered", pre_dispatch="n_jobs")
    label = progress if isinstance(progress, str) else "folds"
    all_names = [name for names, *_ in pending for name in names]
    with (
        Progress(all_names, shown=bool(progress), label=label) as bar,
        warnings.catch_warnings(),
    ):
        # a worker that has grown, by importing torch say, is replaced between folds: nothing is lost
        warnings.filterwarnings("ignore", message="A worker stopped")
        for of_group in parallel(tasks()):
            for result in of_group:
                results[result.key] = result
                spent[result.model] += _seconds(result)
                if on_result is not None:
                    on_result(result)
                bar.update(result.model, _seconds(result))
    return [
        results[name, split.repeat, split.fold, seed]
        for split in splits
        for seed in range(n_seeds)
        for name in models
    ]


def _check(name: str, estimator: Any) -> None:
    missing = [m for m in ("fit", "predict_proba") if not hasattr(estimator, m)]
    if missing:
        msg = (
            f"Contestant {name!r} ({type(estimator).__name__}) has no {' and no '.join(missing)}. "
            "Contestants are scored on probabilities; scikit-learn's CalibratedClassifierCV gives "
            "them to a classifier without."
        )
        raise TypeError(msg)


def _run_group(
    models: Mapping[str, Any],
    late: Sequence[str],
    X: Matrix,
    codes: np.ndarray,
    split: Split,
    seed: int,
    random_state: int,
    **options: bool,
) -> list[FoldResult]:
    """Run contestants in one fold in turn; those that are late are recorded as not started."""
    done: list[tuple[Any, FoldResult]] = []
    for name, model in models.items():
        done.append(_run(name, model, X, codes, split, seed, random_state, done, **options))
    return [result for _, result in done] + [_not_started(name, split, seed) for name in late]


def _run(
    name: str,
    model: Any,
    X: Matrix,
    codes: np.ndarray,
    split: Split,
    seed: int,
    random_state: int,
    earlier: Sequence[tuple[Any, FoldResult]],
    *,
    calibrate: bool,
    probes: bool,
) -> tuple[Any, FoldResult]:
    """Fit one contestant on the training cells of one fold and score it on the test cells."""
    stream = (split.repeat, split.fold, seed) if seed else (split.repeat, split.fold)
    fold_seed = int(generator(random_state, *stream).integers(2**31))
    estimator = build(model, fold_seed)
    if calibrate:
        estimator = with_scaling(estimator, fold_seed)
    place = beginning(estimator, [fitted for fitted, _ in earlier])
    given = {} if place is None else {"given": earlier[place][0]}
    try:
        rows, labels = _training(model, codes, split)
        with threads_of(model), EnergyMeter() as meter, PeakMemory() as peak:
            started = time.perf_counter()
            estimator.fit(X[rows], labels, **given)
            fitted = time.perf_counter()
            predicted = np.asarray(estimator.predict_proba(X[split.test]))
            finished = time.perf_counter()
        proba = _aligned(
            name, predicted, class_codes(estimator), len(split.test), int(codes.max()) + 1
        )
    except Exception as error:
        error.add_note(f"{RAISED_BY} {name!r} in fold {split.fold}, repeat {split.repeat}")
        raise
    truth = codes[split.test]
    result = FoldResult(
        model=name,
        repeat=split.repeat,
        fold=split.fold,
        status=OK,
        metrics=score(truth, proba),
        class_f1=per_class_f1(truth, proba),
        test=split.test,
        proba=proba,
        n_train=len(split.train),
        fit_seconds=fitted - started,
        predict_ms_per_cell=1e3 * (finished - fitted) / len(split.test),
        n_parameters=count_parameters(estimator),
        temperature=float(getattr(estimator, "temperature_", np.nan)),
        probe=probe(estimator, X, codes, split, random_state=fold_seed) if probes else {},
        seed=seed,
        group=split.group,
        gate=_gate(estimator),
        peak_memory_mb=peak.megabytes,
        energy_wh=meter.watt_hours,
    )
    return estimator, result if place is None else _with_beginning(result, earlier[place][1])


def _with_beginning(result: FoldResult, begun: FoldResult) -> FoldResult:
    """Add what the fit cost that a contestant was given."""
    return replace(
        result,
        fit_seconds=result.fit_seconds + begun.fit_seconds,
        peak_memory_mb=max(result.peak_memory_mb, begun.peak_memory_mb),
        energy_wh=result.energy_wh + begun.energy_wh,
    )


def _gate(estimator: Any) -> float:
    """How much of its correction a hybrid uses, also calibrated, or as the last step of a pipeline."""
    estimator = getattr(estimator, "estimator_", estimator)
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    return float(getattr(last, "gate_", np.nan))


def _training(model: Any, codes: np.ndarray, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit to and their labels; -1 for cells without, if the contestant uses such."""
    if not (terms_of(model).unlabelled and len(split.unlabelled)):
        return split.train, codes[split.train]
    unknown = np.full(len(split.unlabelled), -1, dtype=codes.dtype)
    rows = np.concatenate([split.train, split.unlabelled])
    return rows, np.concatenate([codes[split.train], unknown])


def _not_started(name: str, split: Split, seed: int) -> FoldResult:
    """Record a fold that the time limit kept from starting."""
    nothing = np.empty(0)
    return FoldResult(
        model=name,
        repeat=split.repeat,
        fold=split.fold,
        status=TIME_LIMIT,
        metrics={},
        class_f1=nothing,
        test=split.test,
        proba=nothing,
        n_train=len(split.train),
        fit_seconds=np.nan,
        predict_ms_per_cell=np.nan,
        n_parameters=np.nan,
        seed=seed,
        group=split.group,
    )


def _aligned(
    name: str, proba: np.ndarray, classes: np.ndarray, n_cells: int, n_classes: int
) -> np.ndarray:
    """Put probabilities into the columns of all classes; 0 for those absent from training."""
    if proba.shape != (n_cells, len(classes)) or not are_probabilities(proba):
        msg = (
            f"Contestant {name!r} returned no probabilities: `predict_proba` must give "
            f"{n_cells} cells x {len(classes)} classes of finite values that sum to 1 per cell, "
            f"and gave shape {proba.shape} with values from {proba.min(initial=0):.3g} to "
            f"{proba.max(initial=0):.3g}."
        )
        raise ValueError(msg)
    if len(classes) and classes.max() >= n_classes:
        msg = (
            f"Contestant {name!r} has {int(classes.max())} in `classes_`, and there are only the classes 0 to "
            f"{n_classes - 1}. `classes_` must hold the values of y that `fit` was given."
        )
        raise ValueError(msg)
    aligned = np.zeros((n_cells, n_classes), dtype=np.float32)
    aligned[:, classes] = proba
    return aligned


def _seconds(result: FoldResult) -> float:
    """Wall time a result took; 0 for a fold that was not started."""
    if result.status != OK:
        return 0.0
    return result.fit_seconds + 1e-3 * result.predict_ms_per_cell * len(result.test)
