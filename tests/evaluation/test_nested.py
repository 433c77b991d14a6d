from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from scrna_longformer.evaluation import nested_splits

CODES = np.repeat([0, 1, 2], [200, 60, 12])
SIZES = [10, 40, 160]


def test_subsets_are_nested_stratified_and_never_tested() -> None:
    splits = nested_splits(CODES, SIZES, n_seeds=3)
    shares = np.bincount(CODES) / len(CODES)
    for seed in range(3):
        mine = [split for split in splits if split.repeat == seed]
        assert [len(split.train) for split in mine] == SIZES
        for small, large in pairwise(mine):
            assert set(small.train) < set(large.train)
            assert np.array_equal(small.test, large.test)
        for split in mine:
            assert not set(split.train) & set(split.test)
            counts = np.bincount(CODES[split.train], minlength=3)
            assert counts.min() >= 1
            assert np.abs(counts - shares * len(split.train)).max() <= 2
            assert np.bincount(CODES[split.test]).tolist() == [50, 15, 3]


def test_seeds_differ_and_repeat() -> None:
    one, two = nested_splits(CODES, SIZES), nested_splits(CODES, SIZES)
    assert all(np.array_equal(a.train, b.train) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0].test, one[1].test)
    other = nested_splits(CODES, SIZES, random_state=1)
    assert not np.array_equal(one[0].train, other[0].train)


def test_small_sizes_come_first() -> None:
    assert [s.fold for s in nested_splits(CODES, SIZES, n_seeds=2)] == [0, 0, 1, 1, 2, 2]


def test_groups_that_are_tested_on_are_never_trained_on() -> None:
    groups = np.arange(len(CODES)) % 9
    splits = nested_splits(CODES, SIZES, n_seeds=3, groups=groups)
    for split in splits:
        used = np.concatenate([split.train, split.unlabelled])
        assert not set(groups[used]) & set(groups[split.test])
        assert len(used) + len(split.test) == len(CODES)  # the others have their labels hidden
    assert len({tuple(np.unique(groups[split.test])) for split in splits}) > 1


@pytest.mark.parametrize("size", [2, 1000])
def test_impossible_sizes(size: int) -> None:
    with pytest.raises(ValueError, match=f"\\[{size}\\]"):
        nested_splits(CODES, [size, 20, 40])
