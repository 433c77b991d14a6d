from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scrna_longformer.evaluation import corrected_t_test, correlated_t_test, holm
from scrna_longformer.evaluation._hypotheses import effect_size


def test_without_shared_cells_it_is_the_test_of_student(rng: np.random.Generator) -> None:
    values = rng.normal(0.02, 0.03, 10)
    found = corrected_t_test(values, test_share=0)
    assert found == pytest.approx(stats.ttest_1samp(values, 0).pvalue)


def test_p_value_and_interval_agree(rng: np.random.Generator) -> None:
    from scrna_longformer.evaluation._interval import corrected_interval

    values = rng.normal(0.02, 0.03, 10)
    p_value = corrected_t_test(values, test_share=1 / 9)
    ends = corrected_interval(values, test_share=1 / 9, level=1 - p_value)
    assert min(abs(ends[0]), abs(ends[1])) == pytest.approx(0, abs=1e-12)


def test_posterior_equals_draws_from_its_model(rng: np.random.Generator) -> None:
    values = rng.normal(0.015, 0.01, 10)
    correlation = 0.1  # a tenth of the cells is tested on
    n = len(values)
    # Corani and Benavoli: equally correlated normal scores, flat prior on the mean, 1 / s2 on s2
    draws = rng.standard_t(n - 1, 400_000)
    scale = np.sqrt((1 / n + correlation / (1 - correlation)) * values.var(ddof=1))
    draws = values.mean() + scale * draws
    found = correlated_t_test(values, test_share=1 / 9, rope=0.01)
    assert found.below == pytest.approx((draws < -0.01).mean(), abs=0.004)
    assert found.inside == pytest.approx((abs(draws) <= 0.01).mean(), abs=0.004)
    assert found.above == pytest.approx((draws > 0.01).mean(), abs=0.004)
    mirrored = correlated_t_test(-values, test_share=1 / 9, rope=0.01)
    assert mirrored.below == pytest.approx(found.above)


@pytest.mark.parametrize(("value", "p_value", "effect"), [(0.0, 1.0, 0.0), (0.5, 0.0, np.inf)])
def test_constant_differences(value: float, p_value: float, effect: float) -> None:
    values = np.full(4, value)
    assert corrected_t_test(values, test_share=0.25) == p_value
    assert effect_size(values) == effect
    probabilities = correlated_t_test(values, test_share=0.25)
    assert (probabilities.inside, probabilities.above) == (p_value, 1 - p_value)


def test_one_fold_says_nothing() -> None:
    assert np.isnan(corrected_t_test(np.array([0.1]), test_share=0.25))
    assert np.isnan(correlated_t_test(np.array([0.1]), test_share=0.25).inside)
    assert np.isnan(effect_size(np.array([0.1])))


def test_holm_by_hand_and_order(rng: np.random.Generator) -> None:
    p_values = np.array([0.04, np.nan, 0.001, 0.02, 0.5])
    found = holm(p_values)
    np.testing.assert_allclose(found, [0.08, np.nan, 0.004, 0.06, 0.5])
    shuffled = rng.permutation(5)
    np.testing.assert_allclose(holm(p_values[shuffled]), found[shuffled])


def test_holm_keeps_the_family_wise_error(rng: np.random.Generator) -> None:
    families = rng.random((4000, 6))
    wrong = np.mean([holm(family).min() <= 0.05 for family in families])
    assert wrong == pytest.approx(0.05, abs=0.015)
