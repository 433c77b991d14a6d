"""On what terms a contestant takes part, told beside its scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Terms:
    """What a contestant sees, how it weights classes, and what it may choose on training cells.

    All contestants are given the same matrix: log values of all genes of the training cells.

    Attributes
    ----------
    inputs
        What it makes of them.
    class_weights
        ``'balanced'`` (every class counts the same), ``'none'``, or another rule.
    tuning
        What is chosen on inner folds of the training cells, from how many values.
    unlabelled
        Whether it is also given the cells without a label, with the label -1.
    needs_counts
        Whether counts must be found again behind the log values
        (:func:`~scrna_longformer.features.recover_counts`).
    one_thread
        Whether it is fitted on one thread of BLAS and OpenMP, whatever the machine has.
    package
        Optional package that it needs, installed by the extra ``baselines``; empty for none.
    obstacle
        Function that says what else keeps it from running here; empty text for nothing.
    """

    inputs: str = "as given"
    class_weights: str = "as given"
    tuning: str = "as given"
    unlabelled: bool = False
    needs_counts: bool = False
    one_thread: bool = False
    package: str = ""
    obstacle: Callable[[], str] | None = None


_DEFAULT = Terms()


def terms(inputs: str, **others: Any) -> Callable[[F], F]:
    """Attach :class:`Terms` to the function that makes a simple model, which gets one thread."""

    def attach(function: F) -> F:
        function.terms = Terms(inputs, **{"one_thread": True, **others})  # type: ignore[attr-defined]
        return function

    return attach


def terms_of(model: Any) -> Terms:
    """Terms of a contestant; those of an estimator of one's own are as given."""
    found = model if isinstance(model, Terms) else getattr(model, "terms", _DEFAULT)
    return found if isinstance(found, Terms) else _DEFAULT


def terms_row(model: Any) -> dict[str, str]:
    """Terms of a contestant as text by column name."""
    found = terms_of(model)
    return {
        "inputs": found.inputs,
        "class_weights": found.class_weights,
        "tuning": found.tuning,
        "package": found.package,
    }
