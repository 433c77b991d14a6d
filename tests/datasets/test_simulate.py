from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import scrna_longformer as sl


def _log_values(adata):
    counts = adata.X.toarray()
    return np.log1p(counts / counts.sum(1, keepdims=True) * 1e4)


def _accuracy(model, values, labels, n_train):
    model.fit(values[:n_train], labels[:n_train])
    return model.score(values[n_train:], labels[n_train:])


def _linear():
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))


def _quadratic():
    return make_pipeline(
        StandardScaler(),
        PCA(30, random_state=0),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(C=1e-3, max_iter=500),
    )


@pytest.fixture(scope="module")
def cells():
    return sl.datasets.simulate_interactions(2000, random_state=3)


def test_shapes_and_truth(cells):
    assert cells.shape == (2000, 64)
    assert cells.X.format == "csr"
    assert cells.X.dtype == np.float32
    np.testing.assert_array_equal(cells.X.data, np.round(cells.X.data))
    assert cells.X.data.min() >= 1
    assert cells.obs["interaction_type"].value_counts().tolist() == [500] * 4
    assert cells.obs["mean_type"].value_counts().tolist() == [500] * 4
    # the graph is one block per module and a lone diagonal outside
    module = cells.var["module"].astype(str).to_numpy()
    same = (module[:, None] == module) & (module != "nan")
    graph = cells.varp["planted_graph"]
    assert graph.dtype == bool
    np.testing.assert_array_equal(graph.toarray(), same | np.eye(64, dtype=bool))
    assert cells.var["module"].value_counts().tolist() == [8] * 6
    # every type has as many agreeing as disagreeing modules, and no two share the rules
    signs = cells.uns["dataset"]["signs"]
    assert (signs.sum(1) == 0).all()
    assert len(np.unique(signs, axis=0)) == 4


def test_a_linear_model_sees_means_but_not_interactions(cells):
    values = _log_values(cells)
    mean = _accuracy(_linear(), values, cells.obs["mean_type"], 1000)
    interaction = _accuracy(_linear(), values, cells.obs["interaction_type"], 1000)
    assert mean > 0.7
    # chance is 0.25 with a standard error of 0.0137 on 1,000 cells
    assert abs(interaction - 0.25) < 0.05


def test_a_quadratic_model_sees_interactions(cells):
    accuracy = _accuracy(_quadratic(), _log_values(cells), cells.obs["interaction_type"], 1000)
    assert accuracy > 0.6


def test_every_gene_has_the_same_marginal_in_all_interaction_types(cells):
    codes = cells.obs["interaction_type"].cat.codes.to_numpy()
    counts = cells.X.toarray()
    p = [stats.kruskal(*(gene[codes == c] for c in range(4))).pvalue for gene in counts.T]
    # p values of 64 genes with nothing planted are uniform (the genes of a module hang together,
    # so a plain test of uniformity would be too strict)
    assert min(p) > 0.05 / 64 / 10
    assert 0.3 < np.mean(p) < 0.7


def test_halves_agree_as_the_signs_say():
    cells = sl.datasets.simulate_interactions(
        1500, kind="interaction", factor_effect=0.0, flip_rate=0.0, random_state=1
    )
    values, codes = _log_values(cells), cells.obs["interaction_type"].cat.codes.to_numpy()
    module, half = cells.var["module"], cells.var["half"]
    found = np.zeros((4, 6))
    for c in range(4):
        for m, name in enumerate(module.cat.categories):
            first, second = (
                values[np.ix_(codes == c, (module == name) & (half == h))].mean(1)
                for h in half.cat.categories
            )
            found[c, m] = np.corrcoef(first, second)[0, 1]
    np.testing.assert_array_equal(np.sign(found), cells.uns["dataset"]["signs"])
    assert np.abs(found).min() > 0.5


def test_centred_cosine_neighbours_are_the_module():
    cells = sl.datasets.simulate_interactions(500, kind="interaction")
    values = _log_values(cells)
    similarity = np.corrcoef(values.T)
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argsort(-similarity, axis=1)[:, :7]
    module = cells.var["module"].cat.codes.to_numpy()
    inside = module >= 0
    share = (module[nearest[inside]] == module[inside, None]).mean()
    # 7 others in the module; by chance 7 of 63 genes
    assert share > 0.8


@pytest.mark.parametrize(
    ("kind", "columns"),
    [("interaction", ["interaction_type"]), ("mean", ["mean_type"])],
)
def test_kind_plants_one_difference(kind, columns):
    cells = sl.datasets.simulate_interactions(40, kind=kind)
    assert cells.obs.columns.tolist() == columns
    assert cells.uns["dataset"]["label_columns"].tolist() == columns
    assert ("signs" in cells.uns["dataset"]) == (kind == "interaction")
    assert ("marker_of" in cells.var) == (kind == "mean")


def test_seeds():
    first, again, other = (
        sl.datasets.simulate_interactions(30, random_state=seed) for seed in (0, 0, 1)
    )
    assert (first.X != again.X).nnz == 0
    assert (first.X != other.X).nnz > 0
    state = np.random.get_state()[1].copy()  # noqa: NPY002 the global state is what we check
    sl.datasets.simulate_interactions(30)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kind": "linear"}, "`kind` must be one of .*'linear'"),
        ({"n_types": 1}, "`n_types`=1"),
        ({"n_obs": 3}, "`n_obs`=3"),
        ({"n_noise": 7}, "`n_noise`=7 is too few.*8 genes"),
        ({"module_size": 1}, "`module_size`=1"),
        ({"n_modules": 2, "n_types": 4}, "`n_modules`=2 are too few"),
    ],
)
def test_impossible_sizes_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        sl.datasets.simulate_interactions(**wrong)
