from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist
from scipy.stats.contingency import association
from sklearn.linear_model import LogisticRegression

from scrna_longformer.evaluation import DepthFeatures, Split, make_splits
from scrna_longformer.evaluation.checks import (
    PermutedFit,
    components,
    confounding,
    depth_labels,
    duplicates,
    leak,
    no_signal,
    permuted_labels,
    preprocessing,
    small_classes,
    trained_on_permuted,
)
from scrna_longformer.evaluation.checks._chance_copies import genes_exchanged
from scrna_longformer.evaluation.checks._confounding import cramers_v


@pytest.fixture
def cells(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """180 cells x 80 genes of three types, log values of counts."""
    codes = rng.permutation(np.arange(180) % 3)
    rate = np.where(np.arange(80) % 12 == codes[:, None], 4.0, 1.5)
    counts = rng.poisson(rate * np.exp(0.3 * rng.standard_normal((180, 1))))
    return np.log1p(100 * counts / counts.sum(axis=1, keepdims=True)), codes


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_sound_cells_pass(cells, kind, rng) -> None:
    X, codes = kind(cells[0]), cells[1]
    splits = make_splits(codes)
    Z = components(X)
    results = [
        leak(X, codes, splits, groups=np.arange(180)),
        permuted_labels(Z, codes, splits),
        duplicates(X, splits),
        depth_labels(X, codes, splits, best_skill=0.9),
        confounding(codes, rng.integers(3, size=180)),
        small_classes(codes),
        preprocessing(X),
    ]
    assert [r.name for r in results if r.fired] == []
    assert all(r.what and not r.why and not r.mend for r in results)


def test_dense_and_sparse_give_the_same_evidence(cells) -> None:
    X, codes = cells
    splits = make_splits(codes)
    for check in (leak, depth_labels):
        a, b = (check(x, codes, splits).evidence for x in (X, sparse.csr_matrix(X)))
        assert a == pytest.approx(b, abs=1e-6)
    assert duplicates(X, splits).evidence == duplicates(sparse.csr_matrix(X), splits).evidence


def test_leak_names_every_way(cells) -> None:
    X, codes = cells
    splits = make_splits(codes)
    shared = [Split(0, 0, np.arange(100), np.arange(97, 180))]
    assert leak(X, codes, shared).evidence["n_shared_rows"] == 3
    groups = np.zeros(180)
    assert leak(X, codes, splits, groups=groups).evidence["n_shared_groups"] == 5
    canary = np.column_stack([X, codes / 2])
    names = [f"G{i}" for i in range(80)] + ["label"]
    found = leak(canary, codes, splits, gene_names=names)
    assert found.fired
    assert "'label'" in found.text
    knowing = leak(X, codes, splits, known={"cheat": 0.9, "fair": 0.02})
    assert "'cheat'" in knowing.what
    assert "'fair'" not in knowing.what
    assert knowing.severity == "void"


def test_strong_marker_genes_are_no_leak(rng: np.random.Generator) -> None:
    codes = np.arange(200) % 2  # deep cells of two lines with perfect markers
    rate = np.where((np.arange(50) < 10) == (codes[:, None] == 0), 200.0, 0.2)
    counts = rng.poisson(rate * rng.gamma(10, 0.1, rate.shape))
    X = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    assert not leak(X, codes, make_splits(codes)).fired


def test_permuted_labels_p_value_is_uniform(rng: np.random.Generator) -> None:
    p = []
    for i in range(60):
        codes = rng.integers(3, size=60)
        Z = rng.normal(size=(60, 8)) + codes[:, None]
        splits = make_splits(codes, n_splits=3)
        found = permuted_labels(Z, codes, splits, n_permutations=20, random_state=i)
        p.append(found.evidence["p_value"])
    assert np.mean(np.array(p) < 0.2) < 0.4
    assert np.mean(p) > 0.4


def test_permuted_labels_count_contestants(cells) -> None:
    X, codes = cells
    splits, Z = make_splits(codes), components(X)
    fits = {"honest": PermutedFit(0.3, 0.0), "leaky": PermutedFit(5.0, 0.0)}
    found = permuted_labels(Z, codes, splits, contestants=fits)
    assert found.fired
    assert "leaky" in found.what
    assert found.evidence["p_value"] == pytest.approx(3 * 2.87e-7, rel=0.01)  # of 3 tests


def test_honest_learner_knows_nothing_after_permutation(cells) -> None:
    X, codes = cells
    fit = trained_on_permuted(LogisticRegression(max_iter=300), X, codes)
    assert abs(fit.z) < 3
    assert abs(fit.known) < 0.15


class Oracle(LogisticRegression):
    """Knows the labels of all cells."""

    def __sklearn_clone__(self):
        return self

    def predict_proba(self, X):
        return np.eye(3)[[self.truth[row.tobytes()] for row in X]]


def test_oracle_is_found_out(cells) -> None:
    X, codes = cells
    model = Oracle()
    model.truth = {row.tobytes(): code for row, code in zip(X, codes, strict=True)}
    # classes of the check are numbered as here, because all three are large
    assert trained_on_permuted(model, X, codes).known > 0.9


def test_no_signal_level_and_power(rng: np.random.Generator) -> None:
    alarms = 0
    for i in range(20):
        codes = rng.integers(3, size=90)
        weak = rng.random((90, 3)) + 0.4 * np.eye(3)[codes]
        assert not no_signal({"weak": [weak]}, [codes], n_shuffles=199).fired
        many = {str(j): [rng.random((90, 3))] for j in range(5)}
        alarms += not no_signal(many, [codes], n_shuffles=199, random_state=i).fired
    assert alarms <= 2  # each is one in a hundred


def test_copies_are_found_where_they_matter(cells, rng) -> None:
    X, codes = cells
    copied = np.concatenate([X, X[:30], X[30:40] * (1 + 0.02 * rng.standard_normal((10, 80)))])
    y = np.concatenate([codes, codes[:40]])
    found = duplicates(copied, make_splits(y))
    assert found.fired
    assert (found.evidence["n_exact"], found.evidence["n_near"]) == (60, 20)
    together = np.concatenate([np.arange(180), np.arange(40)])  # copies in the group of their cell
    assert not duplicates(copied, make_splits(y, groups=together)).fired


def test_depth_that_is_the_label_is_told(rng: np.random.Generator) -> None:
    codes = np.arange(200) % 2
    counts = rng.poisson(np.where(codes == 0, 1.0, 3.0)[:, None], (200, 60)) + 1
    X = np.log1p(100 * counts / counts.sum(axis=1, keepdims=True))
    found = depth_labels(X, codes, make_splits(codes), best_skill=1.0)
    assert found.fired
    assert found.evidence["depth_skill"] > 0.9


def test_association_is_that_of_scipy_but_for_the_bias(rng: np.random.Generator) -> None:
    table = rng.integers(50, 500, (3, 4)).astype(float)
    assert cramers_v(1000 * table) == pytest.approx(
        association((1000 * table).astype(int), method="cramer"), rel=1e-3
    )
    assert cramers_v(np.array([[10.0, 10.0]])) == 0


def test_class_of_one_batch_is_named(rng: np.random.Generator) -> None:
    codes = np.repeat([0, 1, 2, 3], 100)
    batch = rng.integers(3, size=400)
    batch[codes == 3] = 7
    found = confounding(codes, batch, key="plate", class_names=["T", "B", "NK", "DC"])
    assert found.fired
    assert "'DC'" in found.what
    assert "`group_key`='plate'" in found.mend


def test_small_classes_and_lonely_ones() -> None:
    codes = np.repeat([0, 1], [100, 100])
    donors = np.r_[np.tile(["a", "b"], 50), np.full(100, "a")]
    assert not small_classes(codes).fired
    found = small_classes(codes, groups=donors, class_names=["T", "B"])
    assert found.evidence["n_in_one_group"] == 1
    assert "'B'" in found.what


def test_preprocessing_of_each_kind(cells) -> None:
    X, _ = cells
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    nearest = np.argsort(cdist(X, X), axis=1)[:, :20]
    smooth = X[nearest].mean(axis=1)[nearest].mean(axis=1)
    assert preprocessing(scaled).fired
    assert preprocessing(smooth).fired
    assert preprocessing(X, records=["The genes were selected on all cells."]).fired
    assert not preprocessing(X[:, :15] + 0.1).fired  # a small panel without zeros


@pytest.mark.parametrize("n_without", [5, 60])
def test_a_class_that_does_not_express_a_gene_is_no_leak(n_without, rng) -> None:
    codes = np.repeat([0, 1, 2], [100, 80, n_without])
    counts = rng.poisson(3.0, (len(codes), 40))
    counts[:, 0] = np.where(codes == 2, 0, 1 + rng.poisson(12.0, len(codes)))  # red cells: no B2M
    X = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    assert not leak(X, codes, make_splits(codes, n_splits=3)).fired
    X[:, 1] = codes == 2  # a flag is none of a gene, whichever way it is put
    assert leak(X, codes, make_splits(codes, n_splits=3)).evidence["n_label_genes"] == 1
    X[:, 1] = codes != 2
    assert leak(X, codes, make_splits(codes, n_splits=3)).evidence["n_label_genes"] == 1


@pytest.mark.parametrize("n_dimensions", [3, 4, 6])
def test_cells_of_few_dimensions_are_no_copies(n_dimensions: int, rng: np.random.Generator) -> None:
    codes = np.arange(600) % 3
    factors = rng.normal(size=(600, n_dimensions))
    X = np.abs(factors @ rng.normal(size=(n_dimensions, 300)) + 5)
    assert not duplicates(X, make_splits(codes)).fired
    X[:60] = X[60:120] + rng.normal(0, 0.01, (60, 300))
    if n_dimensions > 3:  # in three, chance brings cells together as often
        assert duplicates(X, make_splits(codes)).fired


def test_groups_that_were_held_out_are_not_to_be_held_out(rng: np.random.Generator) -> None:
    codes, donors = np.repeat([0, 1], 60), np.repeat(["a", "b", "c", "d"], 30)
    free, held_out = (confounding(codes, donors, key="donor", held_out=h) for h in (False, True))
    assert free.fired
    assert held_out.fired
    assert "group_key" in free.mend
    assert "group_key" not in held_out.mend


def test_deep_cells_are_no_copies(rng: np.random.Generator) -> None:
    codes, depth = np.arange(600) % 4, np.where(rng.random(600) < 0.2, 30_000, 1000)
    profile = rng.gamma(0.3, 1.0, (4, 800))
    profile /= profile.sum(axis=1, keepdims=True)
    counts = rng.poisson(profile[codes] * depth[:, None])
    thinned = np.concatenate([counts, rng.binomial(counts[:200], 0.8)])
    X, copied = (np.log1p(1e4 * c / c.sum(axis=1, keepdims=True)) for c in (counts, thinned))
    found = duplicates(X, make_splits(codes), codes=codes)
    assert (found.fired, found.evidence["share"]) == (False, 0)
    y = np.r_[codes, codes[:200]]
    assert duplicates(copied, make_splits(y), codes=y).fired


@pytest.mark.parametrize("is_scaled", [True, False])
def test_few_counts_coincide_without_being_copied(is_scaled, rng: np.random.Generator) -> None:
    codes = np.arange(1500) % 3
    depth = np.exp(0.4 * rng.standard_normal((1500, 1)))

    def panel(n_genes: int) -> np.ndarray:
        counts = rng.poisson(rng.gamma(2.0, 0.6, (3, n_genes))[codes] * depth) + np.eye(1, n_genes)
        return np.log1p(100 * counts / counts.sum(axis=1, keepdims=True) if is_scaled else counts)

    X = panel(6)
    found = duplicates(X, make_splits(codes), codes=codes)
    assert found.evidence["share"] > 0.1
    assert found.evidence["share_by_chance"] == pytest.approx(found.evidence["share"], rel=0.25)
    assert not found.fired
    X = panel(40)
    assert not duplicates(X, make_splits(codes), codes=codes).fired
    X[:300] = X[300:600]
    assert duplicates(X, make_splits(codes), codes=codes).fired


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_rare_class_that_was_copied_is_told(noise, rng: np.random.Generator) -> None:
    codes = np.r_[np.arange(1800) % 3, np.full(16, 3)]
    rate = np.where(np.arange(80) % 12 == codes[:, None], 4.0, 1.5)
    X = np.log1p(rng.poisson(rate))
    assert not duplicates(X, make_splits(codes), codes=codes).fired
    X[-8:] = X[-16:-8] * (1 + noise * rng.standard_normal((8, 80)))
    splits = make_splits(codes, n_repeats=2)
    found = duplicates(X, splits, codes=codes, class_names=["T", "B", "NK", "DC"])
    assert found.fired
    assert "'DC'" in found.what
    assert found.evidence["n_classes_copied"] == 1
    assert not duplicates(X, splits).fired  # of all cells they are few
    together = np.r_[np.arange(1808), np.arange(1800, 1808)]
    assert not duplicates(X, make_splits(codes, groups=together), codes=codes).fired


def test_exchanged_genes_stay_in_their_class(rng: np.random.Generator) -> None:
    codes = np.arange(90) % 3
    counts = rng.poisson(2.0, (90, 12)) + np.eye(90, 12)
    X = np.log1p(counts)
    drawn = genes_exchanged(sparse.csr_array(X), codes, rng).toarray()
    for code in range(3):
        ours, theirs = (np.sort(x[codes == code], axis=0) for x in (X, drawn))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert np.abs(X - drawn).max() > 0.1
    scaled = np.log1p(50 * counts / counts.sum(axis=1, keepdims=True))
    drawn = genes_exchanged(scaled, codes, rng)
    np.testing.assert_allclose(np.expm1(drawn.toarray()).sum(axis=1), 50, rtol=1e-4)


def test_cells_are_left_as_they_are(rng: np.random.Generator) -> None:
    codes = np.arange(300) % 3
    X = sparse.csr_matrix(np.log1p(rng.poisson(1.0, (300, 6)) + np.eye(1, 6)).astype(np.float32))
    for i in range(300):  # as sparse.hstack may leave them
        span = slice(X.indptr[i], X.indptr[i + 1])
        X.indices[span], X.data[span] = X.indices[span][::-1].copy(), X.data[span][::-1].copy()
    X.has_sorted_indices = False
    before = X.toarray()
    found = duplicates(X, make_splits(codes), codes=codes)
    assert found.evidence["share_by_chance"] > 0
    np.testing.assert_array_equal(X.toarray(), before)
    assert found.evidence == duplicates(before, make_splits(codes), codes=codes).evidence


def test_a_few_odd_cells_of_several_classes_are_no_copies(rng: np.random.Generator) -> None:
    codes = np.arange(300) % 4
    X = rng.gamma(1.0, size=(300, 60))
    X[:4] = 5 + 0.2 * rng.gamma(1.0, size=(4, 60))  # deep cells of another animal
    assert not duplicates(X, make_splits(codes), codes=codes).fired


def log_values(counts: np.ndarray, total: float | np.ndarray = 1e4) -> np.ndarray:
    """Scale cells to a common total, or to a total each, and take logarithms."""
    return np.log1p(counts * np.divide(total, counts.sum(axis=1))[:, None]).astype(np.float32)


def leaks(X: np.ndarray, codes: np.ndarray) -> bool:
    return leak(X, codes, make_splits(codes, n_splits=3)).fired


@pytest.fixture
def four_types(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Counts of 400 cells x 300 genes of four types in two lineages, each with markers."""
    codes = np.arange(400) % 4
    gene = np.arange(300)
    marks = (gene % 20 == codes[:, None]) | (gene % 20 == 4 + codes[:, None] // 2)
    rate = np.where(marks, 3.0, 0.5) * rng.gamma(8, 1 / 8, (400, 300))
    return rng.poisson(rate * np.exp(0.3 * rng.standard_normal((400, 1)))), codes


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_classes_scaled_to_different_totals_are_told(four_types, kind) -> None:
    counts, codes = four_types
    X = log_values(counts)
    selected = X[:, X.var(axis=0) > np.median(X.var(axis=0))]
    for clean in (X, selected, np.log1p(counts), X - X.mean(axis=0)):
        assert not leaks(kind(clean), codes)
    by_class, by_lineage = 1e4 + 500.0 * codes, np.where(codes < 2, 9e3, 1e4)
    for totals in (by_class, by_lineage):
        found = leak(kind(log_values(counts, totals)), codes, make_splits(codes))
        assert found.fired
        assert found.evidence["total_is_label"]
        assert "The normalised total" in found.what
        assert found.evidence["n_label_genes"] == 0


def test_labels_spread_over_columns_are_told(four_types, rng) -> None:
    counts, codes = four_types
    clean = log_values(counts)
    assert not leaks(clean, codes)
    for bits in ([codes // 2], [codes % 2, codes // 2], [codes % 2 + 0.01 * rng.normal(size=400)]):
        assert leaks(np.column_stack([clean, *bits]), codes)


@pytest.mark.parametrize("n_types", [1, 2])
def test_a_gene_that_one_lineage_has_is_no_leak(n_types, rng: np.random.Generator) -> None:
    codes = np.arange(400) % 4
    for rate in (3, 20, 200):  # the last is most of what a cell holds, as haemoglobin can be
        counts = rng.poisson(3.0, (400, 60))
        biology = rate * rng.gamma(25, 1 / 25, 400)
        counts[:, 0] = np.where(codes < n_types, rng.poisson(biology), 0)
        assert not leaks(log_values(counts), codes)


@pytest.mark.parametrize("n_copies", [2, 3])
def test_two_classes_with_noisy_copies_of_the_labels(n_copies, rng) -> None:
    codes = np.arange(300) % 2
    rate = np.where((np.arange(150) < 12) & (codes[:, None] == 0), 1.5, 0.7)
    X = log_values(rng.poisson(rate))
    copies = codes[:, None] + rng.normal(0, 0.12, (300, n_copies))
    assert not leaks(X, codes)
    assert leaks(np.column_stack([X, copies]), codes)
    # a panel of ten proteins, two of which the two types are gated on
    panel = np.column_stack([X[:, 20:28], copies[:, 0], -copies[:, 1]])
    assert not leaks(panel, codes)


def test_deep_lines_have_many_genes_with_levels(rng: np.random.Generator) -> None:
    codes = np.arange(300) % 3
    level = np.stack([rng.permutation([4.0, 20.0, 90.0]) for _ in range(40)], axis=1)
    rate = np.concatenate([level[codes], np.full((300, 160), 10.0)], axis=1)
    X = log_values(rng.poisson(rate * rng.gamma(30, 1 / 30, rate.shape)))
    assert not leaks(X, codes)
    easy = X[:, 34:]  # six such genes, and a column of labels
    assert not leaks(easy, codes)
    assert leaks(np.column_stack([easy[:, 4:], codes + rng.normal(0, 0.08, 300)]), codes)


def test_a_rare_class_clipped_by_scaling_is_no_leak(rng: np.random.Generator) -> None:
    codes = np.r_[np.arange(1490) % 2, np.full(10, 2)]
    counts = rng.poisson(np.where(np.arange(80) % 10 == codes[:, None], 4.0, 1.5))
    counts[:, :4] = np.where(codes[:, None] == 2, 30 + rng.poisson(10.0, (1500, 4)), 0)
    X = log_values(counts).astype(float)
    scale = X.std(axis=0, ddof=1)
    clipped = np.clip((X - X.mean(axis=0)) / scale, -10, 10)
    assert (clipped[codes == 2, :4] == 10).all()
    assert not leaks(clipped, codes)
    assert not leaks(np.minimum(X / scale, 10), codes)  # not centred
    flag = (codes == 1) / np.std(codes == 1)
    assert leaks(np.column_stack([clipped, flag - flag.mean()]), codes)


@pytest.mark.parametrize("n_copies", [1, 3])
def test_labels_with_errors_in_a_column_are_told(n_copies, four_types, rng) -> None:
    counts, codes = four_types
    X = log_values(counts)
    columns = []
    for _ in range(n_copies):
        wrong = np.where(rng.random(400) < 0.04, rng.integers(4, size=400), codes)
        columns.append(wrong + rng.normal(0, 0.05, 400))
    assert leaks(np.column_stack([X, *columns]), codes)
    marks = X[:, (np.arange(300) % 20 < 4)]  # a panel of markers
    assert not leaks(marks, codes)


def test_genes_scaled_without_centring_are_told(four_types) -> None:
    counts = four_types[0]
    X = log_values(counts).astype(float)
    rates = np.random.default_rng(1).beta(0.3, 0.3, X.shape).round(1)  # as of methylation
    for clean in (X, np.log2(1 + counts), np.sqrt(X), rates):
        assert not preprocessing(clean).fired
    for divisor in (X.std(axis=0, ddof=1), X.max(axis=0)):
        for kind in (np.asarray, sparse.csr_matrix):
            found = preprocessing(kind(X / divisor))
            assert found.fired
            assert found.evidence["genes_scaled"]
            assert "every gene was scaled over all cells" in found.what
    assert preprocessing(np.minimum(X / X.std(axis=0), 4)).fired  # clipped


@pytest.mark.parametrize("n_genes", [25, 60, 300])
def test_dense_values_are_not_smoothed_by_that(n_genes, rng: np.random.Generator) -> None:
    codes = np.arange(600) % 4
    level = 5 + rng.normal(0, 1, (4, n_genes))[codes]
    depth = rng.normal(0, 0.5, (600, 1))
    proteins = level + depth + rng.normal(0, 0.4, (600, n_genes))
    for clean in (rng.gamma(2.0, 1.0, (600, n_genes)), np.abs(proteins)):
        assert not preprocessing(clean).fired
    nearest = np.argsort(cdist(proteins, proteins), axis=1)[:, :20]
    smooth = np.abs(proteins)[nearest].mean(axis=1)[nearest].mean(axis=1)
    assert "smoothed" in preprocessing(smooth).text


def test_an_empty_cell_does_not_decide_how_depth_is_read(rng: np.random.Generator) -> None:
    counts = rng.poisson(1.0, (60, 30))
    counts[:, 0], counts[0], counts[1] = 1, 0, 2
    X = np.log1p(counts)
    depth = DepthFeatures().fit(X)
    assert not depth.was_scaled_
    np.testing.assert_allclose(depth.transform(X)[:, 0], np.log1p(counts.sum(axis=1)))
    scaled = log_values(np.maximum(counts, np.eye(60, 30, dtype=int)))
    assert DepthFeatures().fit(scaled).was_scaled_
    assert np.isfinite(DepthFeatures().fit_transform(np.zeros((5, 30)))).all()
