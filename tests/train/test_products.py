"""Products of linked genes: when they are taken, what they are, and where they are not."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from scrna_longformer import datasets
from scrna_longformer.dataloaders import CellMatrix
from scrna_longformer.evaluation import MORE_BASELINES
from scrna_longformer.graph import GeneGraph, gene_knn
from scrna_longformer.graph._pairs import linked_pairs
from scrna_longformer.nn import GeneLongformer, LongformerConfig, count_parameters
from scrna_longformer.nn._products import LinkedProducts
from scrna_longformer.train import FittedLongformer, LongformerClassifier
from scrna_longformer.train._start import starting_model


def log_values(adata) -> np.ndarray:
    X = np.asarray(adata.X.todense() if sparse.issparse(adata.X) else adata.X, dtype=np.float32)
    return np.log1p(1e4 * X / X.sum(axis=1, keepdims=True))


@pytest.fixture(scope="module")
def hubs() -> tuple[np.ndarray, np.ndarray]:
    adata = datasets.simulate_hubs(500, random_state=3)
    return log_values(adata), adata.obs.iloc[:, 0].cat.codes.to_numpy()


@pytest.fixture(scope="module")
def linear() -> tuple[np.ndarray, np.ndarray]:
    adata = datasets.simulate_interactions(500, kind="mean", random_state=3)
    return log_values(adata), adata.obs.iloc[:, 0].cat.codes.to_numpy()


def short(**options) -> LongformerClassifier:
    steps = {"max_steps": 30}
    return LongformerClassifier(accelerator="cpu", train_options=steps, **options)


def fit(model: LongformerClassifier, X: np.ndarray, codes: np.ndarray) -> LongformerClassifier:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # thirty updates are few
        return model.fit(X, codes)


def n_pairs(model: LongformerClassifier) -> int:
    return model.fitted_.model.config.n_pairs


def test_every_linked_pair_is_there_once() -> None:
    links = sparse.csr_array(np.array([[1, 1, 0, 0], [1, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]]))
    assert linked_pairs(GeneGraph.from_scipy(links)).tolist() == [[0, 1], [1, 3]]
    assert linked_pairs(GeneGraph.self_only(3)).shape == (0, 2)


def test_a_product_is_standardised_and_silent_where_a_gene_is(rng: np.random.Generator) -> None:
    products = LinkedProducts(np.array([[0, 1], [1, 2]]), 3)
    z = torch.from_numpy(rng.standard_normal((200, 3)).astype(np.float32))
    found = products.products(z)
    cut = z.clamp(-1, 1)  # at one standard deviation: no cell outweighs all others
    torch.testing.assert_close(
        found, torch.stack([cut[:, 0] * cut[:, 1], cut[:, 1] * cut[:, 2]], 1)
    )
    products.set_statistics(found.mean(dim=0), found.std(dim=0, correction=0))
    scaled = products.standardized(z)
    expected = (found - found.mean(dim=0)) / found.std(dim=0, correction=0)
    torch.testing.assert_close(scaled, expected.clamp(-10, 10))
    z[0, 0] = 0  # missing: neither it nor what it is multiplied with says anything
    assert products.standardized(z)[0, 0] == 0
    assert products.standardized(z)[0, 1] == scaled[0, 1]
    assert torch.count_nonzero(products(z)) == 0  # at the start the map adds nothing


def test_products_are_dropped_in_training_only(rng: np.random.Generator) -> None:
    products = LinkedProducts(np.array([[0, 1], [1, 2], [0, 2]]), 2, dropout=0.5)
    torch.nn.init.ones_(products.weight)
    z = torch.from_numpy(rng.uniform(0.5, 1, (50, 3)).astype(np.float32))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        one, other = products(z), products(z)
    assert not torch.equal(one, other)
    products.eval()
    torch.testing.assert_close(products(z)[:, 0], products.standardized(z).sum(dim=1))
    products.prior_sd.copy_(torch.tensor([2.0, 0.0, 0.0]))
    torch.testing.assert_close(products(z)[:, 0], 2 * products.standardized(z)[:, 0])


@pytest.mark.parametrize("offset", [None, "simple"])
def test_they_are_taken_where_genes_interact(hubs, offset) -> None:
    X, codes = hubs
    model = fit(short(offset=offset), X, codes)
    assert n_pairs(model) == len(linked_pairs(model.graph_))
    assert n_pairs(fit(short(offset=offset, products=False), X, codes)) == 0


@pytest.mark.parametrize("offset", [None, "simple"])
def test_they_are_not_taken_where_single_genes_say_it_all(linear, offset) -> None:
    X, codes = linear
    assert n_pairs(fit(short(offset=offset), X, codes)) == 0
    assert n_pairs(fit(short(offset=offset, products=True), X, codes)) > 0


def test_without_evidence_the_model_is_the_one_without_products(linear) -> None:
    X, codes = linear
    asked, told = (fit(short(offset=None, products=p), X, codes) for p in (None, False))
    np.testing.assert_array_equal(asked.predict_proba(X), told.predict_proba(X))


def test_labels_without_a_meaning_are_no_evidence(hubs) -> None:
    X, codes = hubs
    taken = 0
    for i in range(10):
        mixed = np.random.default_rng(i).permutation(codes)
        taken += n_pairs(fit(short(offset=None, random_state=i), X[:300], mixed[:300])) > 0
    assert taken <= 1


def test_labels_of_cells_that_give_no_gradients_decide_nothing(hubs) -> None:
    X, codes = hubs
    cells = CellMatrix(X, np.arange(64))
    rows = np.arange(400)
    config = LongformerConfig(n_genes=64, n_classes=4)
    graph = GeneGraph.from_scipy(gene_knn(X[rows], 8, center=True)[0])

    def make(config: LongformerConfig) -> GeneLongformer:
        torch.manual_seed(0)
        model = GeneLongformer(config, graph)
        mean, sd = cells.moments(np.arange(len(cells)))
        model.standardizer.set_statistics(torch.from_numpy(mean), torch.from_numpy(sd))
        return model

    def weights(codes: np.ndarray) -> dict[str, torch.Tensor]:
        model, _ = starting_model(
            make, config, cells, codes, rows, None,
            products=None, warm_start=None, random_state=0,
        )  # fmt: skip
        assert model.products is not None
        return model.state_dict()

    with torch.random.fork_rng():
        one, other = weights(codes), weights(np.where(np.arange(500) < 400, codes, 0))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("attention", ["self", "none", "full", "linear"])
def test_they_need_attention_on_a_graph_of_others(hubs, attention) -> None:
    X, codes = hubs
    options = {"attention": attention}
    model = fit(short(offset=None, products=True, model_options=options), X[:200], codes[:200])
    assert n_pairs(model) == 0
    with pytest.raises(ValueError, match="n_pairs"):
        LongformerConfig(n_genes=3, n_classes=2, n_pairs=3, attention=attention)


def test_a_permuted_mask_has_products_of_the_genes_that_it_links(hubs) -> None:
    X, codes = hubs
    options = {"attention": "random"}
    model = fit(short(offset=None, products=True, model_options=options), X, codes)
    products = model.fitted_.model.products
    pairs = torch.stack([products.first, products.second], dim=1).tolist()
    assert len(pairs) == n_pairs(model) == len(linked_pairs(model.graph_))
    assert pairs != linked_pairs(model.graph_).tolist()


def test_a_stored_model_predicts_the_same(hubs) -> None:
    X, codes = hubs
    fitted = (model := fit(short(offset=None), X, codes)).fitted_
    again = FittedLongformer.from_arrays(
        fitted.model.config.to_json(),
        fitted.to_arrays(),
        genes=fitted.genes,
        classes=fitted.classes,
    )
    columns = model.vocabulary_
    expected = fitted.predict(X, columns).proba
    np.testing.assert_array_equal(again.predict(X, columns).proba, expected)


def test_parameters_are_counted_without_a_graph() -> None:
    graph = GeneGraph.full(6)
    config = LongformerConfig(n_genes=6, n_classes=2, n_pairs=15)
    model = GeneLongformer(config, graph)
    assert count_parameters(config) == sum(p.numel() for p in model.parameters())
    with pytest.raises(ValueError, match=r"links 15 pairs.*n_pairs. is 14"):
        GeneLongformer(replace(config, n_pairs=14), graph)


def test_the_simple_model_of_products_sees_what_single_genes_do_not_say(hubs) -> None:
    X, codes = hubs
    model = MORE_BASELINES["linked_products"](0).fit(X[:400], codes[:400])
    assert (model.predict(X[400:]) == codes[400:]).mean() > 0.6


@pytest.mark.parametrize("n_genes", [1, 2])
def test_a_gene_without_a_partner_is_taken_by_itself(rng: np.random.Generator, n_genes) -> None:
    codes = np.arange(60) % 2
    X = rng.random((60, n_genes)) + codes[:, None]
    assert (MORE_BASELINES["linked_products"](0).fit(X, codes).predict(X) == codes).mean() > 0.9
