"""Contestants that begin with the fit of another one: it is fitted once per fold, and counted for both.

A hybrid corrects a simple model, which often takes part itself. Such an estimator names what it begins
with (``begins_with``, an unfitted estimator or ``None``), and its ``fit(X, y, given=...)`` takes the
same, fitted to the same cells. An estimator is the same if class and parameters are, its seed among
them, so that nothing but time depends on who was fitted before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._build import build

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def beginning(estimator: Any, others: Sequence[Any]) -> int | None:
    """Place of the estimator, fitted or not, that this one begins with; ``None`` if it is not there.

    Examples
    --------
    >>> from scrna_longformer.evaluation import SimpleMean
    >>> from scrna_longformer.train import LongformerClassifier
    >>> hybrid = LongformerClassifier(random_state=1)
    >>> beginning(hybrid, [SimpleMean(random_state=0), SimpleMean(random_state=1)])
    1
    """
    wanted = getattr(estimator, "begins_with", None)
    if wanted is None:
        return None
    same = (
        place
        for place, other in enumerate(others)
        if type(other) is type(wanted) and other.get_params() == wanted.get_params()
    )
    return next(same, None)


def sharing_groups(models: Mapping[str, Any], random_state: int) -> list[list[str]]:
    """Names of contestants, those together of which one begins with another, which comes first."""
    names = list(models)
    estimators = [build(model, random_state) for model in models.values()]
    groups = {name: [name] for name in names}
    for name, estimator in zip(names, estimators, strict=True):
        place = beginning(estimator, estimators)
        if place is not None and names[place] in groups:
            groups[names[place]].append(name)
            del groups[name]
    return list(groups.values())
