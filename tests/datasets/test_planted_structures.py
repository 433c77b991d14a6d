"""What simulate_ratios, simulate_hubs and unlinked simulate_interactions say they plant is there."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import scrna_longformer as sl

SIMULATIONS = {
    "ratios": sl.datasets.simulate_ratios,
    "hubs": sl.datasets.simulate_hubs,
    "unlinked": partial(sl.datasets.simulate_interactions, kind="interaction", shared_factor=False),
}
N = 2400


@pytest.fixture(scope="module", params=SIMULATIONS)
def structure(request):
    return request.param


@pytest.fixture(scope="module")
def cells(structure):
    return SIMULATIONS[structure](N, random_state=5)


def _log_values(adata):
    counts = adata.X.toarray()
    return np.log1p(counts / counts.sum(1, keepdims=True) * 1e4)


def _codes(adata):
    return adata.obs.iloc[:, 0].cat.codes.to_numpy()


def _statistics(adata, structure):
    """Evidence for the rule 1 against -1, cells x units, by someone who knows what was planted."""
    z = StandardScaler().fit_transform(_log_values(adata))
    unit = adata.var["pair" if structure == "ratios" else "module"].cat.codes.to_numpy()
    found = []
    for u in range(unit.max() + 1):
        own, var = z[:, unit == u], adata.var[unit == u]
        if structure == "ratios":
            ratio = own[:, 0] - own[:, 1]
            found.append(-((ratio - ratio.mean()) ** 2))
        elif structure == "hubs":
            hub, first, second = (
                own[:, (var["role"] == role).to_numpy()].mean(1)
                for role in ("hub", "first", "second")
            )
            # the factor raises hub and targets alike: what the targets share is taken off the hub
            found.append((hub - (first + second) / 2) * (first - second))
        else:
            halves = [
                own[:, (var["half"] == half).to_numpy()].mean(1)
                for half in var["half"].cat.categories
            ]
            found.append(halves[0] * halves[1])
    evidence = np.column_stack(found)
    return evidence - evidence.mean(0)


def test_shapes_and_slots(cells):
    assert cells.shape == (N, 64)
    assert cells.X.format == "csr"
    assert cells.X.dtype == np.float32
    np.testing.assert_array_equal(cells.X.data, np.round(cells.X.data))
    assert cells.obs.iloc[:, 0].value_counts().tolist() == [N // 4] * 4
    record = cells.uns["dataset"]
    assert record["label_columns"].tolist() == cells.obs.columns.tolist()
    assert record["label_kinds"].tolist() == ["planted"]
    # as many units of a type go one way as the other, and no two types share their rules
    assert (record["signs"].sum(1) == 0).all()
    assert len(np.unique(record["signs"], axis=0)) == 4


def test_the_planted_graph_links_what_acts_together(cells, structure):
    unit = cells.var["pair" if structure == "ratios" else "module"]
    assert (
        unit.value_counts().tolist()
        == {
            "ratios": [2] * 24,
            "hubs": [9] * 6,
            "unlinked": [8] * 6,
        }[structure]
    )
    name = unit.astype(str).to_numpy()
    same = (name[:, None] == name) & (name != "nan")
    if structure == "hubs":
        hub = (cells.var["role"] == "hub").to_numpy()
        assert hub.sum() == 6
        same &= hub[:, None] | hub
    graph = cells.varp["planted_graph"]
    assert graph.dtype == bool
    np.testing.assert_array_equal(graph.toarray(), same | np.eye(cells.n_vars, dtype=bool))


def test_no_single_gene_differs_in_level_or_spread(cells):
    codes, counts = _codes(cells), cells.X.toarray()
    for values in (counts, np.abs(counts - np.median(counts, axis=0))):
        p = [stats.kruskal(*(gene[codes == c] for c in range(4))).pvalue for gene in values.T]
        # p values of genes with nothing planted are uniform, but go together within a unit
        assert min(p) > 0.05 / len(p) / 10
        assert 0.3 < np.mean(p) < 0.7


def test_totals_do_not_tell(cells):
    totals = cells.X.toarray().sum(1)
    assert stats.kruskal(*(totals[_codes(cells) == c] for c in range(4))).pvalue > 0.001


def test_a_linear_model_is_at_chance(cells):
    values, codes = _log_values(cells), _codes(cells)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    accuracy = model.fit(values[:1200], codes[:1200]).score(values[1200:], codes[1200:])
    # chance is 0.25 with a standard error of 0.0125 on 1,200 cells
    assert abs(accuracy - 0.25) < 0.05


def test_who_knows_the_rule_reads_the_type(cells, structure):
    evidence = _statistics(cells, structure)
    found = (evidence @ cells.uns["dataset"]["signs"].T).argmax(1)
    assert (found == _codes(cells)).mean() > 0.75


def test_the_rule_is_in_the_sign_of_the_evidence():
    for structure, simulate in SIMULATIONS.items():
        adata = simulate(1200, flip_rate=0.0, random_state=2)
        evidence, codes = _statistics(adata, structure), _codes(adata)
        means = np.array([evidence[codes == c].mean(0) for c in range(4)])
        np.testing.assert_array_equal(np.sign(means), adata.uns["dataset"]["signs"])


def test_which_interactions_the_gene_graph_sees(cells, structure):
    planted = cells.varp["planted_graph"].toarray()
    n_neighbors = {"ratios": 1, "hubs": 8, "unlinked": 7}[structure]  # as many as act together
    mask, _ = sl.graph.gene_knn(_log_values(cells)[:600], n_neighbors)
    seen = mask.toarray()
    if structure != "unlinked":
        assert seen[planted].mean() > 0.95
        return
    half = (cells.var["module"].astype(str) + cells.var["half"].astype(str)).to_numpy()
    within = half[:, None] == half
    assert seen[planted & within].mean() > 0.95
    # by chance: the other neighbours of a gene are any of the genes outside its half
    assert seen[planted & ~within].mean() < 1.5 * seen[~within].mean()


@pytest.mark.parametrize("name", SIMULATIONS)
def test_seeds(name):
    first, again, other = (SIMULATIONS[name](30, random_state=seed) for seed in (0, 0, 1))
    assert (first.X != again.X).nnz == 0
    assert first.obs.equals(again.obs)
    assert (first.X != other.X).nnz > 0


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("ratios", {"n_types": 1}, "`n_types`=1"),
        ("ratios", {"n_obs": 3}, "`n_obs`=3"),
        ("ratios", {"n_pairs": 1}, "`n_pairs`=1"),
        ("ratios", {"n_pairs": 2, "n_types": 4}, "`n_pairs`=2 are too few.*`n_types`=4"),
        ("ratios", {"kept": 0.2, "loose": 0.3}, "`kept`=0.2 and `loose`=0.3"),
        ("ratios", {"kept": 1.1}, "`kept`=1.1"),
        ("hubs", {"n_types": 1}, "`n_types`=1"),
        ("hubs", {"n_obs": 3}, "`n_obs`=3"),
        ("hubs", {"n_modules": 1}, "`n_modules`=1"),
        ("hubs", {"n_targets": 1}, "`n_targets`=1"),
        ("hubs", {"n_modules": 2}, "`n_modules`=2 are too few"),
    ],
)
def test_impossible_sizes_are_refused(name, wrong, says):
    with pytest.raises(ValueError, match=says):
        SIMULATIONS[name](**wrong)
