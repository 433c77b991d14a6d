"""Which contestants of a comparison are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..get import BaselineComparison
    from ._roles import Roles


def chosen_models(
    comparison: BaselineComparison,
    roles: Roles,
    models: str | Sequence[str] | None,
    *,
    caller: str,
    most: int,
) -> list[str]:
    """Return the models asked for; by default the best transformer and the best simple model.

    Raises
    ------
    ValueError
        A name is not in the comparison, or there are more than can be told apart.
    """
    ranked = [str(model) for model in comparison.table.index]
    if models is None:
        return _best_of_each_kind(ranked, roles)[:most]
    wanted = [models] if isinstance(models, str) else list(models)
    unknown = [model for model in wanted if model not in ranked]
    if unknown:
        msg = f"{caller}: `models` has {unknown}, which the comparison has not; it has {ranked}."
        raise ValueError(msg)
    if not 0 < len(wanted) <= most:
        msg = (
            f"{caller}: {len(wanted)} `models` in one figure cannot be read; choose 1 to {most} of "
            f"{ranked}."
        )
        raise ValueError(msg)
    return wanted


def best_model(comparison: BaselineComparison, roles: Roles) -> str:
    """Return the best of those that are ranked."""
    return _ranked([str(model) for model in comparison.table.index], roles)[0]


def _best_of_each_kind(best_first: list[str], roles: Roles) -> list[str]:
    ranked = _ranked(best_first, roles)
    transformers = [model for model in ranked if model in roles.transformers]
    # with its gate closed it would be the best simple model over again
    transformers.sort(key=lambda model: model in roles.closed)
    simple = [model for model in ranked if model not in roles.transformers]
    return sorted([*transformers[:1], *simple[:1]], key=best_first.index)


def _ranked(best_first: list[str], roles: Roles) -> list[str]:
    """Leave out who is not ranked, and who has no skill, where there are others."""
    ranked = [model for model in best_first if model not in roles.excluded] or best_first
    return [model for model in ranked if model not in roles.floors] or ranked
