"""Who takes part in the suite, where, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ...evaluation import terms_of
from ...features import has_counts
from ...tl._compare_models import resolve_contestants
from ._sets import QUICK, REAL, Arena, Contest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HYBRID, PURE, SIMPLE = "longformer", "longformer_pure", "simple_mean"
# the simple models that a transformer has to beat: the best of them on each set is its rival
RIVALS = (
    "logistic_regression",
    "pearson_pca20",
    "pearson_pca50",
    "simple_mean",
    "lda_shrinkage",
)
# in every repeat; all others in the first two
OFTEN = ("logistic_regression", "simple_mean", HYBRID, PURE)
CONTESTANTS = (
    *("majority", "depth_only", "nearest_centroid", "knn_pca", *RIVALS),
    *("random_forest", "hist_gradient_boosting", "mlp", HYBRID, PURE),
)


@dataclass(frozen=True)
class Plan:
    """What is run.

    Attributes
    ----------
    contests
        Sets and regimes, in the order of the tables.
    models
        Contestants by name.
    n_repeats
        Repeats of those in ``OFTEN``.
    n_repeats_others
        Repeats of the others.
    n_splits
        Folds per repeat.
    is_quick
        Whether this only shows that the suite runs.
    random_state
        Seed of folds and contestants.
    """

    contests: Sequence[Contest]
    models: Mapping[str, Any]
    n_repeats: int = 5
    n_repeats_others: int = 2
    n_splits: int = 5
    is_quick: bool = False
    random_state: int = 0

    def models_of(self, arena: Arena, repeat: int) -> dict[str, Any]:
        """Contestants of one repeat: without those that need counts where there are none."""
        counts = has_counts(arena.inputs.X)
        return {
            name: model
            for name, model in self.models.items()
            if (name in OFTEN or repeat < self.n_repeats_others)
            and (counts or not terms_of(model).needs_counts)
        }


def make_plan(
    sets: Sequence[str] = (), *, quick: bool = False, n_repeats: int = 5, random_state: int = 0
) -> Plan:
    """Choose the contests, all of them unless ``sets`` names some."""
    if quick:
        return Plan(
            _chosen(QUICK, sets), _quick_models(), 1, 1, 2, is_quick=True, random_state=random_state
        )
    models = resolve_contestants(CONTESTANTS, {}, caller="benchmark")
    return Plan(
        *(_chosen(REAL, sets), models, n_repeats, min(n_repeats, 2)), random_state=random_state
    )


def _chosen(contests: Sequence[Contest], sets: Sequence[str]) -> list[Contest]:
    known = list(dict.fromkeys(contest.name for contest in contests))
    if unknown := [name for name in sets if name not in known]:
        msg = f"--sets has {', '.join(unknown)}; there are {', '.join(known)}."
        raise click.UsageError(msg)
    return [contest for contest in contests if not sets or contest.name in sets]


def _quick_models() -> dict[str, Any]:
    """Cheap contestants, and transformers too small and too short to be any good."""
    from ...train import LongformerClassifier

    simple = resolve_contestants(
        ("majority", "nearest_centroid", "logistic_regression"), {}, caller="benchmark"
    )
    options: dict[str, Any] = {"n_tokens": 32, "train_options": {"max_steps": 40}}
    return {
        **simple,
        HYBRID: LongformerClassifier("tiny", offset="simple", **options),
        PURE: LongformerClassifier("tiny", offset=None, **options),
    }
