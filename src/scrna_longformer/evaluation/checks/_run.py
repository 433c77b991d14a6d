"""All checks of a comparison, in one call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...features._ranking import Matrix
from .._benchmark import OK, FoldResult
from .._metrics import per_class_f1
from .._pooled import lacks_a_class, pool
from .._split import Split
from ._agreement import balanced_skill
from ._circular import Provenance, circular
from ._confounding import confounding
from ._constant import constant_prediction
from ._depth_labels import depth_labels
from ._duplicates import duplicates
from ._fit_gap import BEST, overfitting, underfitting
from ._input import input_ignored
from ._leak import leak
from ._linear import components, linear_proba
from ._no_signal import is_by_group, linear_null, no_signal
from ._no_skill import no_skill
from ._permuted import PermutedFit, permuted_labels, trained_on_permuted
from ._preprocessing import preprocessing
from ._pure_folds import joined
from ._result import CheckResult
from ._small_classes import small_classes

# Contestants that are a floor by design: they are not told that they fit too little.
REFERENCES = frozenset({"majority", "stratified", "stratified_random", "depth_only"})
LINEAR = "linear reference"
MOST_SECONDS = 3.0  # per fit, for contestants that are trained on permuted labels


@dataclass(frozen=True)
class CheckInputs:
    """Everything that the checks look at.

    Attributes
    ----------
    X
        Cells x genes log values.
    codes
        Class of each cell.
    splits
        The folds.
    results
        What the contestants did in them.
    models
        The contestants by name, to be trained on permuted labels.
    class_names
        Names of the classes, for the texts.
    gene_names
        Names of the genes, for the texts.
    groups
        Groups that were held out whole.
    batches
        Batches and donors by name: that of each cell.
    provenance
        What is known of the labels.
    records
        What is known of the preprocessing, a sentence each.
    random_state
        Seed.
    """

    X: Matrix
    codes: np.ndarray
    splits: Sequence[Split]
    results: Sequence[FoldResult] = ()
    models: Mapping[str, Any] = field(default_factory=dict)
    class_names: Sequence[str] | None = None
    gene_names: Sequence[str] | np.ndarray | None = None
    groups: np.ndarray | None = None
    batches: Mapping[str, np.ndarray] = field(default_factory=dict)
    provenance: Provenance | None = None
    records: Sequence[str] = ()
    random_state: int = 0


def run_checks(inputs: CheckInputs) -> list[CheckResult]:
    """Run every check on a comparison.

    Parameters
    ----------
    inputs
        The data, the folds, and what the contestants did in them.

    Returns
    -------
    list of CheckResult
        One of each check on the data, and one of each check and contestant on the contestants, as far as
        there is something to ask: of skill nobody is asked where there is no signal, nor who is a floor
        or was found not to look at the cells.

    Examples
    --------
    >>> from scrna_longformer.evaluation import make_splits
    >>> rng = np.random.default_rng(0)
    >>> codes = rng.permutation(np.arange(90) % 3)
    >>> rate = np.where(np.arange(60) % 6 == codes[:, None], 3.0, 1.0)
    >>> X = np.log1p(rng.poisson(rate) / 30)
    >>> known = Provenance(kind="planted")
    >>> results = run_checks(CheckInputs(X, codes, make_splits(codes), provenance=known))
    >>> [result.name for result in results if result.fired]
    []
    """
    finished = [r for r in inputs.results if r.status == OK]
    by_model: dict[str, list[FoldResult]] = {}
    for result in finished:
        by_model.setdefault(result.model, []).append(result)
    first = [split for split in inputs.splits if split.repeat == inputs.splits[0].repeat]
    Z = components(inputs.X, random_state=inputs.random_state)
    linear = linear_proba(Z, inputs.codes, first)
    of_data = list(_of_data(inputs, by_model, first, Z, linear))
    signal = next(result for result in of_data if result.name == "no_signal")
    return [*of_data, *_of_contestants(inputs, by_model, first, Z, signal)]


def _of_data(
    inputs: CheckInputs,
    by_model: Mapping[str, Sequence[FoldResult]],
    first: Sequence[Split],
    Z: np.ndarray,
    linear: Sequence[np.ndarray],
) -> Iterator[CheckResult]:
    """Checks that void or limit the whole comparison."""
    X, codes, splits, seed = inputs.X, inputs.codes, inputs.splits, inputs.random_state
    proba, truth = _first_repeat(by_model, codes, first)
    proba[LINEAR] = linear
    best = max(balanced_skill(folds, truth) for folds in proba.values())
    permuted, slow = _permuted_fits(inputs, by_model)

    yield leak(
        X,
        codes,
        splits,
        groups=inputs.groups,
        gene_names=inputs.gene_names,
        known={name: fit.known for name, fit in permuted.items() if not fit.refused},
    )
    yield permuted_labels(Z, codes, first, contestants=permuted, not_asked=slow, random_state=seed)
    groups = _groups_of(inputs, first)
    null = linear_null(Z, codes, first, groups=inputs.groups if groups else None, random_state=seed)
    yield no_signal(proba, truth, null=null, groups=groups, random_state=seed)
    yield duplicates(X, splits, codes=codes, class_names=inputs.class_names, random_state=seed)
    yield circular(X, codes, inputs.provenance, random_state=seed)
    yield depth_labels(X, codes, first, best_skill=best)
    for key, batch in inputs.batches.items():
        held_out = inputs.groups is not None and np.array_equal(batch, inputs.groups)
        yield confounding(
            codes,
            batch,
            key=key,
            class_names=inputs.class_names,
            held_out=held_out,
            random_state=seed,
        )
    yield small_classes(codes, groups=inputs.groups, class_names=inputs.class_names)
    yield preprocessing(X, records=inputs.records)


def _of_contestants(
    inputs: CheckInputs,
    by_model: Mapping[str, Sequence[FoldResult]],
    first: Sequence[Split],
    Z: np.ndarray,
    signal: CheckResult,
) -> Iterator[CheckResult]:
    """Checks that exclude a contestant or limit what its place shows."""
    tested, reference = _test_scores(inputs.codes, by_model, first, Z)
    best = max((float(np.mean(scores)) for scores in tested.values()), default=0.0)
    best_name = BEST
    if reference > best:  # where no contestant is any good, somebody must say so
        best, best_name = reference, "a linear model on components"
    for name, results in by_model.items():
        truth = [inputs.codes[r.test] for r in results]
        constant = constant_prediction([r.proba for r in results], truth, model=name)
        yield constant
        probes = [r.probe for r in results if r.probe]
        ignored = input_ignored(probes, model=name) if probes else None
        is_ignored = ignored is not None and ignored.fired
        if ignored is not None:
            yield ignored
        if _is_floor(name, inputs.models.get(name)):
            continue
        if not (signal.fired or constant.fired or is_ignored):
            yield from _skill(name, results, inputs, first, float(signal.evidence["best_skill"]))
        if not probes or (is_ignored and not constant.fired):
            continue
        train = [probe["train_macro_f1"] for probe in probes]
        if not constant.fired:
            yield overfitting(train, tested[name], best, model=name, best=best_name)
        # a constant may be the extreme of it
        yield underfitting(train, tested[name], best, model=name, best=best_name)


def _skill(
    name: str,
    results: Sequence[FoldResult],
    inputs: CheckInputs,
    first: Sequence[Split],
    best_skill: float,
) -> Iterator[CheckResult]:
    """Ask a contestant for its skill in the folds of the first repeat that it finished, if in any."""
    asked = [r for r in results if r.repeat == first[0].repeat and r.seed == 0]
    if asked:
        groups = inputs.groups if _groups_of(inputs, first) else None
        yield no_skill(
            [r.proba for r in asked],
            [inputs.codes[r.test] for r in asked],
            model=name,
            best_skill=best_skill,
            groups=None if groups is None else [groups[r.test] for r in asked],
            random_state=inputs.random_state,
        )


def _groups_of(inputs: CheckInputs, first: Sequence[Split]) -> list[np.ndarray] | None:
    """Groups of the test cells of each fold, if classes are to be shuffled over them."""
    if inputs.groups is None:
        return None
    groups = [inputs.groups[split.test] for split in first]
    return groups if is_by_group([inputs.codes[split.test] for split in first], groups) else None


def _test_scores(
    codes: np.ndarray,
    by_model: Mapping[str, Sequence[FoldResult]],
    first: Sequence[Split],
    Z: np.ndarray,
) -> tuple[dict[str, list[float]], float]:
    """Macro-F1 of every contestant, and of a linear model: by fold, or over all where a fold has no score."""
    proba = linear_proba(Z, codes, first, balanced=False)
    truth = [codes[split.test] for split in first]
    if lacks_a_class([r for results in by_model.values() for r in results], codes):
        by_model = {name: pool(results, codes) for name, results in by_model.items()}
        proba, truth = joined(proba), joined(truth)
    tested = {name: [r.metrics["macro_f1"] for r in rs] for name, rs in by_model.items()}
    reference = [np.nanmean(per_class_f1(y, p)) for y, p in zip(truth, proba, strict=True)]
    return tested, float(np.mean(reference))


def _first_repeat(
    by_model: Mapping[str, Sequence[FoldResult]], codes: np.ndarray, splits: Sequence[Split]
) -> tuple[dict[str, Sequence[np.ndarray]], list[np.ndarray]]:
    """Probabilities of every contestant that finished all folds of the first repeat, and truth."""
    proba: dict[str, Sequence[np.ndarray]] = {}
    for name, results in by_model.items():
        folds = {(r.repeat, r.fold): r.proba for r in results}
        if all((s.repeat, s.fold) in folds for s in splits):
            proba[name] = [folds[s.repeat, s.fold] for s in splits]
    return proba, [codes[s.test] for s in splits]


def _permuted_fits(
    inputs: CheckInputs, by_model: Mapping[str, Sequence[FoldResult]]
) -> tuple[dict[str, PermutedFit], list[str]]:
    """Train contestants from elsewhere on permuted labels, where that is cheap; name where it is not."""
    fits, slow = {}, []
    for name, model in inputs.models.items():
        seconds = [r.fit_seconds for r in by_model.get(name, ())]
        if _is_ours(model) or not seconds:
            continue
        if np.mean(seconds) > MOST_SECONDS:
            slow.append(name)
            continue
        fits[name] = trained_on_permuted(
            model, inputs.X, inputs.codes, random_state=inputs.random_state
        )
    return fits, slow


def _is_floor(name: str, model: Any) -> bool:
    """Whether a contestant is a floor by design, by whatever name it takes part."""
    is_one = getattr(model, "__name__", "") in REFERENCES and _is_ours(model)
    return name in REFERENCES or is_one


def _is_ours(model: Any) -> bool:
    """Whether a contestant is of this package, whose tests show that it learns only in ``fit``."""
    home = model.__module__ if hasattr(model, "__name__") else type(model).__module__
    return str(home).split(".")[0] == __name__.split(".")[0]
