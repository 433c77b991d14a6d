from __future__ import annotations

import numpy as np
import pytest

from scrna_longformer.evaluation import break_even, draw_curves
from scrna_longformer.evaluation._break_even import crossing

SIZES = 50 * 2.0 ** np.arange(5)


def errors(rng: np.random.Generator, *laws: tuple[float, float, float], noise=0.004, seeds=5):
    """Seeds x models x sizes, of which half of the noise is common to the models."""
    means = np.array([c + a * SIZES**-b for a, b, c in laws])
    common = rng.normal(0, noise, (seeds, 1, len(SIZES)))
    return means + common + rng.normal(0, noise, (seeds, *means.shape))


def test_crossing_follows_the_definition() -> None:
    grid = np.array([1.0, 10, 100, 1000, 10_000])
    lead = np.array(
        [
            [1, 1, -1, -1, -1],  # falls below between 10 and 100
            [-1, -1, -1, -1, -1],  # is below from the start
            [1, 1, 1, 1, 1],  # never
            [-1, 1, -1, -1, 1],  # the lead at the largest measured size counts
            [-1, -1, 1, 1, -1],  # lost inside, regained beyond
        ]
    )
    found = crossing(grid, lead, largest=100)
    root = np.sqrt(10)
    assert found == pytest.approx([10 * root, 1, np.inf, 10 * root, 1000 * root])


def test_interval_has_the_wanted_coverage(rng: np.random.Generator) -> None:
    # 0.1 + 2 n**-0.5 and 5 n**-0.5 meet at 900; measured up to 800
    held = []
    for i in range(60):
        curves = draw_curves(
            SIZES, errors(rng, (5, 0.5, 0), (2, 0.5, 0.1)), n_draws=300, random_state=i
        )
        found = break_even(curves, 0, [1])
        held.append(found.low <= 900 <= found.high)
    assert np.mean(held) >= 0.82  # 90 % less two standard errors of 60 cases


def test_none_in_sight_is_said_and_is_never_wrongly_excluded(rng: np.random.Generator) -> None:
    found = []
    for i in range(20):
        worse = errors(rng, (2, 0.5, 0.3), (2, 0.5, 0.1))
        found.append(break_even(draw_curves(SIZES, worse, n_draws=300, random_state=i), 0, [1]))
    assert all(f.high == np.inf for f in found)
    assert np.mean([f.low == np.inf for f in found]) > 0.8
    assert all(f.gap_low > 0 for f in found)


def test_the_rival_is_the_best_at_each_size(rng: np.random.Generator) -> None:
    # one rival is good early, the other late; the challenger beats each alone, never both
    laws = [(2.0, 0.3, 0.02), (1.0, 0.2, 0), (9.0, 0.6, 0)]
    curves = draw_curves(SIZES, errors(rng, *laws, noise=0.001), n_draws=300)
    both, late = break_even(curves, 0, [1, 2]), break_even(curves, 0, [2])
    assert both.gap == pytest.approx(max(late.gap, break_even(curves, 0, [1]).gap), abs=1e-9)


def test_margin_moves_it_down(rng: np.random.Generator) -> None:
    curves = draw_curves(SIZES, errors(rng, (5, 0.5, 0), (2, 0.5, 0.1)), n_draws=300)
    exact, near = break_even(curves, 0, [1]), break_even(curves, 0, [1], margin=0.02)
    assert near.n_cells < exact.n_cells
    assert near.low <= exact.low


def test_shared_cells_widen_the_interval(rng: np.random.Generator) -> None:
    E = errors(rng, (5, 0.5, 0), (2, 0.5, 0.1))
    alone, shared = (
        break_even(draw_curves(SIZES, E, test_share=share, n_draws=300), 0, [1])
        for share in (0, 0.33)
    )
    assert shared.gap_high - shared.gap_low > 1.2 * (alone.gap_high - alone.gap_low)


def test_a_plateau_is_no_part_of_the_law(rng: np.random.Generator) -> None:
    # at chance for 50 and 100 cells, then 20 n**-0.8: the law of the rest, not of all six sizes
    sizes = 50 * 2.0 ** np.arange(7)
    mean = np.minimum(20 * sizes**-0.8, 20 * 150**-0.8)
    curves = draw_curves(sizes, mean + rng.normal(0, 0.002, (5, 1, 7)), n_draws=100)
    assert curves.used[0].tolist() == [False, False, True, True, True, True, True]
    assert curves.fitted(np.array([6400]))[0, 0] == pytest.approx(20 * 6400**-0.8, rel=0.3)


def test_where_no_law_holds_what_was_measured_is_kept(rng: np.random.Generator) -> None:
    mean = np.array([0.7, 0.7, 0.7, 0.68, 0.2])
    curves = draw_curves(SIZES, mean + rng.normal(0, 0.003, (5, 1, 5)), n_draws=200)
    assert not curves.holds[0]
    assert curves.fitted(SIZES)[0] == pytest.approx(mean, abs=0.01)
    low, high = curves.band(np.array([8000.0]))
    assert low[0, 0] < 0.5 * high[0, 0]  # nobody knows
    assert high[0, 0] < 0.22  # but it does not rise


def test_missing_sizes_are_left_out(rng: np.random.Generator) -> None:
    E = errors(rng, (5, 0.5, 0), (2, 0.5, 0.1))
    E[:, 0, -1] = np.nan
    curves = draw_curves(SIZES, E, n_draws=100)
    assert curves.used.tolist() == [[True] * 4 + [False], [True] * 5]
    alone = draw_curves(SIZES[:4], E[:, :1, :4], n_draws=100)
    far = np.array([3200.0])
    assert curves.law(far)[0] == pytest.approx(alone.law(far)[0], rel=0.02)


def test_needs_seeds_and_sizes(rng: np.random.Generator) -> None:
    E = errors(rng, (5, 0.5, 0))
    with pytest.raises(ValueError, match="two seeds"):
        draw_curves(SIZES, E[:1])
    E[:, 0, 2:] = np.nan
    with pytest.raises(ValueError, match="fewer than three sizes"):
        draw_curves(SIZES, E)
