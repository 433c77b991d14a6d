"""Which cells a comparison trains and tests on, and running it, resumed where it stopped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .._settings import log, settings
from ._compare_inputs import CALLER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from ..evaluation import FoldResult, Split
    from ..features._ranking import Matrix
    from ._compare_inputs import Inputs


@dataclass(frozen=True)
class Plan:
    """Folds, and the final test set if there is one.

    Attributes
    ----------
    folds
        Splits of the cells outside the test set.
    final
        Split into the test set and everything else; its repeat is that after the last.
    """

    folds: list[Split]
    final: Split | None

    @property
    def splits(self) -> list[Split]:
        """Everything to run, the final test last."""
        return [*self.folds, self.final] if self.final else self.folds

    def is_final(self, result: FoldResult) -> bool:
        """Whether a result is of the final test set."""
        return self.final is not None and result.repeat == self.final.repeat


def plan_comparison(
    inputs: Inputs,
    *,
    split: str | None,
    n_splits: int,
    n_repeats: int,
    test_fraction: float,
    random_state: int,
) -> Plan:
    """Draw the test set, if one is wanted, and fold the other cells."""
    from ..evaluation import Split, draw_test_set, make_splits

    codes, final = inputs.codes, None
    if test_fraction:
        rest, test = draw_test_set(
            codes, test_fraction, groups=inputs.groups, random_state=random_state
        )
        final = Split(n_repeats, 0, rest, test)
        codes = codes.copy()
        codes[test] = -1  # in no fold
    folds = make_splits(
        codes,
        split=split,
        n_splits=n_splits,
        n_repeats=n_repeats,
        groups=inputs.groups,
        class_names=list(inputs.labels.names),
        random_state=random_state,
        stacklevel=4,
    )
    return Plan(folds, final)


def run_comparison(
    splits: Sequence[Split],
    inputs: Inputs,
    contestants: Mapping[str, Any],
    results: list[FoldResult],
    *,
    checkpoint_dir: str | Path | None,
    caller: str = CALLER,
    n_seeds: int = 1,
    calibrate: bool = False,
    probes: bool = False,
    random_state: int = 0,
    **options: Any,
) -> None:
    """Run what is not yet done, adding to ``results`` as folds finish, in the order of the splits."""
    from ..evaluation import FoldStore, cross_validate
    from ..evaluation._benchmark import RAISED_BY

    X, codes, splits = _with_unlabelled(splits, inputs, contestants, caller)
    store = None
    if checkpoint_dir is not None:
        store = FoldStore(
            checkpoint_dir,
            contestants,
            X,
            codes,
            splits,
            n_seeds=n_seeds,
            calibrate=calibrate,
            probes=probes,
            random_state=random_state,
        )
        results += store.load()
        if results:
            log.info("%s: %d folds taken from %s.", caller, len(results), checkpoint_dir)

    def keep(result: FoldResult) -> None:
        results.append(result)
        if store is not None:
            store.save(result)

    try:
        results[:] = cross_validate(
            contestants,
            X,
            codes,
            splits,
            n_seeds=n_seeds,
            calibrate=calibrate,
            probes=probes,
            random_state=random_state,
            progress=caller if settings.progress_bar else False,
            on_result=keep,
            done=list(results),
            **options,
        )
    except Exception as error:
        if any(RAISED_BY in note for note in getattr(error, "__notes__", ())):
            error.add_note(_what_now(caller, len(results), checkpoint_dir))
        raise


def _what_now(caller: str, n_finished: int, checkpoint_dir: str | Path | None) -> str:
    """Tell what is left of a comparison that a contestant has ended."""
    folds = f"Of {n_finished} finished fits"
    kept = (
        f"{folds} all are in checkpoint_dir={str(checkpoint_dir)!r}, and the same call goes on from them"
        if checkpoint_dir is not None
        else f"{folds} none is kept; checkpoint_dir='...' would keep them"
    )
    return f"{caller} wrote nothing. {kept}; `models` without this contestant leaves it out."


def _with_unlabelled(
    splits: Sequence[Split], inputs: Inputs, contestants: Mapping[str, Any], caller: str
) -> tuple[Matrix, np.ndarray, list[Split]]:
    """Append the cells without a label, if there are any and a contestant uses them.

    Rows of labelled cells stay as they are. Cells of a group that is tested on are not used.
    """
    import numpy as np
    from scipy import sparse

    from ..evaluation import terms_of

    users = [name for name, model in contestants.items() if terms_of(model).unlabelled]
    n, n_more = len(inputs.codes), inputs.unlabelled.shape[0]
    if not users or not n_more:
        return inputs.X, inputs.codes, list(splits)
    log.info("%s: %d cells without a label are given to %s.", caller, n_more, ", ".join(users))
    codes = np.concatenate([inputs.codes, np.full(n_more, -1, dtype=inputs.codes.dtype)])
    more, groups = np.arange(n, n + n_more), inputs.unlabelled_groups

    def usable(split: Split) -> np.ndarray:
        if groups is None or inputs.groups is None:
            return more
        return more[(groups != "") & ~np.isin(groups, inputs.groups[split.test])]

    extended = [
        replace(split, unlabelled=np.concatenate([split.unlabelled, usable(split)]))
        for split in splits
    ]
    parts = [inputs.X, inputs.unlabelled]
    X = sparse.vstack(parts, format="csr") if sparse.issparse(inputs.X) else np.vstack(parts)
    return X, codes, extended
