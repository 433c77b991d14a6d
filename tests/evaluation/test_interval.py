from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scrna_longformer.evaluation._interval import corrected_interval


def test_without_correction_it_is_the_interval_of_student(rng: np.random.Generator):
    values = rng.normal(0.7, 0.05, 9)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    found = corrected_interval(values, test_share=0, level=0.9)
    np.testing.assert_allclose(found, [expected.low, expected.high])


def test_correction_widens_by_the_share_of_shared_cells(rng: np.random.Generator):
    values = rng.normal(size=10)
    plain = np.ptp(corrected_interval(values, test_share=0))
    corrected = np.ptp(corrected_interval(values, test_share=1 / 9))
    assert corrected / plain == pytest.approx(np.sqrt((1 / 10 + 1 / 9) * 10))


def test_equal_values_have_no_width_and_one_value_has_no_interval():
    np.testing.assert_allclose(corrected_interval(np.full(5, 0.25), test_share=0.25), 0.25)
    assert np.isnan(corrected_interval(np.array([0.5]), test_share=0.25)).all()
