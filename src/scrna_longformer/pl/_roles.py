"""What the contestants are, by whatever names they take part, and how each is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._canvas import BLUES, GREYS, ORANGES
from ._contestants import label_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import pandas as pd

    from ..get import BaselineComparison


def hollow(colour: str) -> dict[str, Any]:
    """How the marker of a contestant is drawn that left the ranking."""
    return {"mfc": "white", "mec": colour, "mew": 1.8}


@dataclass(frozen=True)
class Roles:
    """What each contestant is.

    Attributes
    ----------
    floors
        Contestants without skill by design; ``majority``, those of them that always say the largest
        class.
    transformers
        All of them, also those that correct a simple model.
    closed
        Transformers whose gate was closed in most fits: they predict as the simple model that they
        would correct, and are drawn as one.
    excluded
        Contestants that a check took out of the ranking. Floors are none: nobody takes them for
        rivals, and that they know nothing is no news.
    """

    floors: frozenset[str]
    majority: frozenset[str]
    transformers: frozenset[str]
    closed: frozenset[str]
    excluded: frozenset[str]

    def label_of(self, model: str) -> str:
        """Name of a contestant, and what one has to know to read its place."""
        known = {"excluded": self.excluded, "gate closed": self.closed}
        notes = ", ".join(note for note, models in known.items() if model in models)
        return f"{label_of(model)} ({notes})" if notes else label_of(model)

    def colour_of(self, model: str) -> str:
        """Orange for transformers, blue for simple models, grey for those without skill."""
        return self._palette(model)[0]

    def colours_of(self, models: Sequence[str]) -> list[str]:
        """One colour each: shades of what :meth:`colour_of` says, where several are of a kind."""
        palettes = [self._palette(model) for model in models]
        numbers = [palettes[:i].count(palette) for i, palette in enumerate(palettes)]
        return [p[number % len(p)] for p, number in zip(palettes, numbers, strict=True)]

    def ranked_first(self, models: Iterable[str]) -> list[str]:
        """Contestants in their order, but those that left the ranking at its end."""
        return sorted(models, key=lambda model: model in self.excluded)

    def _palette(self, model: str) -> tuple[str, ...]:
        if model in self.floors:
            return GREYS
        return ORANGES if model in self.transformers - self.closed else BLUES


def roles_in(comparison: BaselineComparison) -> Roles:
    """Read what the contestants of a comparison are."""
    return roles_of(comparison.models, comparison.summary["model"].unique(), comparison.excluded)


def roles_of(models: pd.DataFrame, names: Iterable[str], excluded: Collection[str] = ()) -> Roles:
    """Read from the table of contestants what they are.

    By the same rules as the verdict, so that a figure and its verdict do not differ.
    """
    from ..evaluation.checks import REFERENCES
    from ..evaluation.verdict._ranking import built_in, is_mostly_closed, kind_of

    are = {str(name): built_in(models, str(name)) for name in names}
    floors = frozenset(name for name, is_ in are.items() if is_ in REFERENCES)
    closed = frozenset(name for name in are if is_mostly_closed(models, name))
    return Roles(
        floors=floors,
        majority=frozenset(name for name, is_ in are.items() if is_ == "majority"),
        transformers=closed | {name for name in are if kind_of(models, name) == "transformer"},
        closed=closed,
        excluded=frozenset(excluded) - floors,
    )
