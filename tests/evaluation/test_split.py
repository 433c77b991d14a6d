from __future__ import annotations

import numpy as np
import pytest

from scrna_longformer.evaluation import draw_test_set, holdout, make_splits


@pytest.fixture
def codes(rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(np.repeat([0, 1, 2, -1], [50, 30, 20, 10]))


def test_folds_part_the_labelled_cells(codes: np.ndarray) -> None:
    splits = make_splits(codes, n_splits=5, n_repeats=2)
    assert [(s.repeat, s.fold) for s in splits] == [(r, f) for r in range(2) for f in range(5)]
    labelled = np.flatnonzero(codes >= 0)
    for repeat in range(2):
        tested = np.concatenate([s.test for s in splits if s.repeat == repeat])
        np.testing.assert_array_equal(np.sort(tested), labelled)
    for split in splits:
        np.testing.assert_array_equal(np.union1d(split.train, split.test), labelled)
        assert len(np.intersect1d(split.train, split.test)) == 0
        np.testing.assert_array_equal(np.bincount(codes[split.test]), [10, 6, 4])


def test_repeats_differ_and_seeds_repeat(codes: np.ndarray) -> None:
    one, two = (make_splits(codes, n_repeats=2, random_state=4) for _ in range(2))
    assert all(np.array_equal(a.test, b.test) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0].test, one[5].test)
    # a repeat does not depend on how many there are
    assert np.array_equal(make_splits(codes, random_state=4)[0].test, one[0].test)
    assert not np.array_equal(make_splits(codes, random_state=5)[0].test, one[0].test)


def test_groups_stay_whole(rng: np.random.Generator) -> None:
    codes = rng.integers(0, 3, 200)
    groups = rng.integers(0, 8, 200).astype(str)
    for split in make_splits(codes, n_splits=4, groups=groups):
        assert not set(groups[split.train]) & set(groups[split.test])


def test_small_classes_are_named_and_kept() -> None:
    codes = np.repeat([0, 1, 2], [20, 20, 3])
    with pytest.warns(UserWarning, match=r"fewer cells than the 5 folds.*'B/c' \(3\)"):
        splits = make_splits(codes, class_names=["A", "B", "B/c"])
    assert sum((codes[s.test] == 2).sum() for s in splits) == 3


def test_classes_in_few_groups_are_named() -> None:
    codes = np.array([0, 1] * 20 + [2] * 10)
    groups = np.repeat(np.arange(5), 10)
    with pytest.warns(UserWarning, match=r"fewer groups than the 5 folds.*'2' \(1\)"):
        make_splits(codes, groups=groups)


@pytest.mark.parametrize(
    ("codes", "options", "message"),
    [
        ([0, 0, 0, -1], {}, "only 'B'"),
        ([-1, -1], {}, "no labelled cell"),
        ([0, 0, 1], {"n_splits": 5}, r"`n_splits`=5 is more than the 2 cells .*'B'"),
        ([0, 0, 1], {"n_splits": 1}, "`n_splits` >= 2"),
        ([0, 0, 1], {"n_repeats": 0}, "`n_repeats` >= 1"),
        ([0, 1] * 9, {"n_splits": 3, "groups": np.arange(18) % 2}, "2 groups"),
        ([0, 1] * 9, {"n_splits": 2, "groups": np.arange(18) % 2}, "Every class lies in a single"),
        ([0, 0, 0, 1], {"n_splits": 2, "groups": np.array(list("aabb"))}, "single class"),
        ([0, 1], {"groups": np.array(["a", "a"])}, "the same group .'a'."),
        ([0, 1] * 9, {"split": "grouped"}, "'grouped' needs to know the groups: give `group_key`"),
        ([0, 1] * 9, {"split": "loo"}, "'loo' is unknown; choose one of"),
        ([0, 1] * 9, {"split": "stratified", "groups": np.arange(18)}, "would tear the groups"),
        (
            [0, 0, 1, 1],
            {"split": "leave_one_group_out", "groups": np.array(list("aabb")), "n_repeats": 2},
            "`n_repeats`=2 would repeat the same folds",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Classes in fewer")
def test_impossible_folds_say_why(codes: list[int], options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_splits(np.array(codes), class_names=["B", "T"], **options)


def test_leaving_one_group_out_names_it(rng: np.random.Generator) -> None:
    codes = rng.integers(-1, 3, 120)
    groups = rng.permutation(np.repeat(["d10", "d9", "a/b", "x"], 30))
    splits = make_splits(codes, split="leave_one_group_out", groups=groups)
    assert [s.group for s in splits] == ["a/b", "d10", "d9", "x"]
    for split in splits:
        np.testing.assert_array_equal(
            split.test, np.flatnonzero((groups == split.group) & (codes >= 0))
        )
        np.testing.assert_array_equal(
            split.train, np.flatnonzero((groups != split.group) & (codes >= 0))
        )


@pytest.mark.filterwarnings("ignore:Classes in fewer")
@pytest.mark.parametrize("seed", range(20))
def test_grouped_folds_are_never_empty_whatever_the_groups(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_groups = int(rng.integers(3, 9))
    codes = rng.choice(4, 150, p=rng.dirichlet([2] * 4))
    groups = rng.choice(n_groups, 150, p=rng.dirichlet([1.0] * n_groups))
    n_splits = min(3, len(np.unique(groups)))
    splits = make_splits(codes, n_splits=n_splits, groups=groups, random_state=seed)
    tested = np.concatenate([split.test for split in splits])
    np.testing.assert_array_equal(np.sort(tested), np.arange(150))
    assert all(len(split.test) for split in splits)
    assert all(not set(groups[s.train]) & set(groups[s.test]) for s in splits)


def test_test_set_is_stratified_and_drawn_once(codes: np.ndarray) -> None:
    rest, test = draw_test_set(codes, 0.2, random_state=3)
    np.testing.assert_array_equal(np.union1d(rest, test), np.flatnonzero(codes >= 0))
    np.testing.assert_array_equal(np.bincount(codes[test]), [10, 6, 4])
    np.testing.assert_array_equal(draw_test_set(codes, 0.2, random_state=3)[1], test)
    assert not np.array_equal(draw_test_set(codes, 0.2, random_state=4)[1], test)


def test_test_set_of_whole_groups_leaves_every_class_to_train_on(rng: np.random.Generator) -> None:
    codes = rng.integers(0, 3, 300)
    groups = rng.integers(0, 9, 300)
    codes[groups == 4] = 3  # whose class is nowhere else
    for seed in range(5):
        rest, test = draw_test_set(codes, 0.25, groups=groups, random_state=seed)
        assert not set(groups[rest]) & set(groups[test])
        assert 4 not in groups[test]
        assert 0.1 < len(test) / 300 < 0.45


@pytest.mark.parametrize(
    ("fraction", "groups", "message"),
    [
        (0.7, None, "at most 0.5, not 0.7"),
        (0.0, None, "above 0"),
        (0.2, np.arange(40) % 4, "more than 5 groups; there are 4"),
        (0.5, np.repeat([0, 1, 2, 3], 10), "some class lies in them alone"),
    ],
)
def test_impossible_test_sets_say_why(fraction: float, groups: np.ndarray, message: str) -> None:
    codes = np.repeat([0, 1, 2, 3], 10)
    with pytest.raises(ValueError, match=message):
        draw_test_set(codes, fraction, groups=groups)


def test_holdout_is_stratified_and_spares_small_classes() -> None:
    codes = np.repeat([0, 1, 2, 3, -1], [100, 40, 9, 1, 7])
    train, aside = holdout(codes, 0.15, min_cells=10)
    np.testing.assert_array_equal(np.bincount(codes[aside], minlength=4), [15, 6, 0, 0])
    np.testing.assert_array_equal(np.union1d(train, aside), np.flatnonzero(codes >= 0))
    assert len(np.intersect1d(train, aside)) == 0
    np.testing.assert_array_equal(holdout(codes, 0.15, min_cells=10)[1], aside)
    assert not np.array_equal(holdout(codes, 0.15, min_cells=10, random_state=1)[1], aside)


def test_holdout_never_empties_a_class() -> None:
    codes = np.repeat([0, 1], [2, 1])
    train, aside = holdout(codes, 0.9)
    np.testing.assert_array_equal(np.bincount(codes[train]), [1, 1])
    np.testing.assert_array_equal(codes[aside], [0])


def test_holdout_wants_a_share() -> None:
    with pytest.raises(ValueError, match=r"`fraction`.*1.5"):
        holdout(np.array([0, 1]), 1.5)
