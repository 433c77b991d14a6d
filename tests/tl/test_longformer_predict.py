from __future__ import annotations

import json
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

import scrna_longformer as sl

CLASSES = ["T/NK", "B", "Mono"]


def fit(reference: ad.AnnData, **options) -> None:
    sl.tl.longformer_fit(
        reference,
        "cell_type",
        preset="tiny",
        n_tokens=40,
        max_steps=300,
        train_options={"batch_size": 32, "learning_rate": 0.01},
        accelerator="cpu",
        **options,
    )


def fit_alone(reference: ad.AnnData) -> None:
    """Fit a transformer on the values as they are."""
    fit(reference, offset=None, input_transform="log")


@pytest.fixture(scope="module")
def both() -> tuple[ad.AnnData, ad.AnnData]:
    """A fitted reference and a query of the same three types."""
    rng = np.random.default_rng(0)
    codes = np.arange(200) % 3
    rate = rng.gamma(2.0, 1.0, 60) + 0.5
    active = np.arange(60) % 3 == codes[:, None]
    counts = rng.poisson(rate * np.where(active, 3.0, 1.0)).astype(np.float32)
    adata = ad.AnnData(
        sparse.csr_matrix(counts),
        obs=pd.DataFrame(
            {"cell_type": pd.Categorical.from_codes(codes, CLASSES)},
            index=[f"cell{i}" for i in range(200)],
        ),
        var=pd.DataFrame(index=[f"HLA/{i}" for i in range(60)]),
    )
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    reference, query = adata[:150].copy(), adata[150:].copy()
    sl.pp.gene_knn_mask(reference, n_neighbors=5)
    fit(reference)
    return reference, query


def test_prediction_of_the_same_cells_is_that_of_the_fit(both) -> None:
    reference, _ = both
    again = reference.copy()
    sl.tl.longformer_predict(again, reference)
    for slot in ("X_longformer", "longformer_proba"):
        assert np.array_equal(again.obsm[slot], reference.obsm[slot])


def test_query_is_predicted(both) -> None:
    reference, query = both
    out = sl.tl.longformer_predict(query, reference, copy=True)
    assert (
        out.obs["longformer_pred"].astype(str) == query.obs["cell_type"].astype(str)
    ).mean() > 0.9
    assert list(out.obs["longformer_pred"].cat.categories) == CLASSES
    assert out.uns["longformer_predict"]["gene_overlap"] == 1.0
    assert "X_longformer" not in query.obsm


def test_a_shallow_query_is_told(both, caplog) -> None:
    reference, query = both
    shallow = query.copy()
    counts = sl.features.recover_counts(query.X)
    shallow.X = sl.features.thin_counts(counts, 0.4, np.random.default_rng(0))[0]
    sc.pp.normalize_total(shallow, target_sum=1e4)
    sc.pp.log1p(shallow)
    with caplog.at_level("INFO", logger="scrna_longformer"):
        sl.tl.longformer_predict(shallow, reference)
    assert shallow.uns["longformer_predict"]["depth"] == pytest.approx(0.4, rel=0.1)
    assert "of the molecules of a training cell" in caplog.text
    caplog.clear()
    out = sl.tl.longformer_predict(query, reference, copy=True)
    assert out.uns["longformer_predict"]["depth"] == 1
    assert "of the molecules" not in caplog.text


@pytest.mark.filterwarnings("ignore:Writing zarr v2 data")
@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_a_stored_model_predicts_bit_for_bit(both, tmp_path: Path, kind: str) -> None:
    reference, query = both
    path = tmp_path / f"reference.{kind}"
    getattr(reference, f"write_{kind}")(path)
    stored = getattr(ad, f"read_{kind}")(path)
    expected, found = query.copy(), query.copy()
    sl.tl.longformer_predict(expected, reference)
    sl.tl.longformer_predict(found, stored)
    assert np.array_equal(found.obsm["longformer_proba"], expected.obsm["longformer_proba"])
    assert (found.obs["longformer_pred"] == expected.obs["longformer_pred"]).all()


def test_a_saved_model_predicts_bit_for_bit(both, tmp_path: Path) -> None:
    reference, query = both
    sl.io.save_model(reference, tmp_path / "model")
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == [
        "model.json",
        "model.safetensors",
    ]
    by_path, by_model, expected = query.copy(), query.copy(), query.copy()
    sl.tl.longformer_predict(expected, reference)
    sl.tl.longformer_predict(by_path, tmp_path / "model")
    sl.tl.longformer_predict(by_model, sl.io.load_model(tmp_path / "model"))
    for found in (by_path, by_model):
        assert np.array_equal(found.obsm["X_longformer"], expected.obsm["X_longformer"])
        source = found.uns["longformer_predict"]["source_digest"]
        assert source == expected.uns["longformer_predict"]["source_digest"]


def test_genes_are_found_by_name_in_any_order(both, rng: np.random.Generator) -> None:
    reference, query = both
    shuffled = query[:, rng.permutation(60)].copy()
    sl.tl.longformer_predict(shuffled, reference)
    expected = sl.tl.longformer_predict(query, reference, copy=True)
    assert np.array_equal(shuffled.obsm["longformer_proba"], expected.obsm["longformer_proba"])


def test_absent_genes_enter_at_their_training_mean(both) -> None:
    reference, query = both
    tokens = reference.var_names[reference.var["longformer_token"]]
    absent = list(tokens[[3, 17]])
    part = query[:, ~query.var_names.isin(absent)].copy()
    reference = reference.copy()
    fit_alone(reference)
    with pytest.warns(UserWarning, match="2 of the model's 60 genes"):
        sl.tl.longformer_predict(part, reference)
    # oracle: the same query with the two genes set to their mean over the training cells
    filled = query.copy()
    X = filled.X.toarray()
    train = (reference.obs["longformer_split"] == "train").to_numpy()
    for gene in absent:
        X[:, filled.var_names.get_loc(gene)] = reference[train, gene].X.toarray().mean()
    filled.X = X
    sl.tl.longformer_predict(filled, reference)
    np.testing.assert_allclose(
        part.obsm["longformer_proba"], filled.obsm["longformer_proba"], atol=1e-5
    )
    assert sorted(part.uns["longformer_predict"]["absent_genes"]) == sorted(absent)
    assert part.uns["longformer_predict"]["gene_overlap"] == pytest.approx(58 / 60)
    n_tokens = len(tokens)
    assert part.uns["longformer_predict"]["token_overlap"] == pytest.approx(1 - 2 / n_tokens)


def test_the_fit_of_other_cells_is_not_mixed_with_ones_own(both, unchanged) -> None:
    reference, query = both
    own = query.copy()
    sl.pp.gene_knn_mask(own, n_neighbors=5)
    fit(own)
    with unchanged(own), pytest.raises(ValueError, match="holds a fit of these cells with another"):
        sl.tl.longformer_predict(own, reference)
    sl.tl.longformer_predict(own, reference, key_added="transferred")
    assert "transferred_pred" in own.obs
    assert own.uns["longformer"]["number"] == 1


def test_too_few_genes_are_refused(both, unchanged) -> None:
    reference, query = both
    query = query.copy()
    query.var_names = [f"ENSG{i:011d}" for i in range(60)]
    with unchanged(query), pytest.raises(ValueError, match=r"0% .*ENSG.*same\s+case"):
        sl.tl.longformer_predict(query, reference)


@pytest.mark.parametrize("target_sum", [1e3, 1e5])
def test_counts_per_another_total_warn(both, target_sum: float) -> None:
    reference, query = both
    query = query.copy()
    query.X = query.X.expm1() * (target_sum / 1e4)
    sc.pp.log1p(query)
    with pytest.warns(UserWarning, match=f"adds up to {target_sum:,.0f} .* 10,000 in a training"):
        sl.tl.longformer_predict(query, reference)
    some = query[:, 5:].copy()  # cells that lack genes are scaled to the total of training anyway
    with pytest.warns(UserWarning, match="are not in the query") as caught:
        sl.tl.longformer_predict(some, reference)
    assert len(caught) == 1


def test_values_on_another_scale_warn(both) -> None:
    reference, query = both
    query = query.copy()
    query.X = sc.pp.scale(query.X.toarray())
    saw_all = pytest.warns(UserWarning, match="scal")
    other = pytest.warns(UserWarning, match="trained on 'log' values")
    with (
        saw_all,
        other,
        pytest.raises(ValueError, match=r"reads Pearson residuals.*input_transform='log'"),
    ):
        sl.tl.longformer_predict(query, reference)
    with saw_all, other, pytest.raises(ValueError, match=r"reads Pearson residuals"):
        sl.tl.longformer_predict(query[:3].copy(), reference)  # too few to judge otherwise
    reference = reference.copy()
    fit_alone(reference)
    saw_all = pytest.warns(UserWarning, match="scal")
    with saw_all, pytest.warns(UserWarning, match="trained on 'log' values"):
        sl.tl.longformer_predict(query, reference)


def test_a_reference_without_a_model_says_how_it_was_lost(both) -> None:
    _, query = both
    with pytest.raises(KeyError, match=r"longformer_fit.*ad\.concat drops uns"):
        sl.tl.longformer_predict(query, query)


def test_slots_that_no_file_can_hold_are_refused(both, unchanged) -> None:
    reference, query = both
    with unchanged(query), pytest.raises(ValueError, match="`key_added`='a/b'"):
        sl.tl.longformer_predict(query, reference, key_added="a/b")


def test_the_record_says_where_the_model_came_from(both, folder: Path) -> None:
    reference, query = both
    sources = [
        (str(folder), str(folder)),
        (folder, str(folder)),
        (sl.io.load_model(folder), "FittedLongformer"),
        (reference, "AnnData"),
    ]
    for source, name in sources:
        out = sl.tl.longformer_predict(query, source, copy=True)
        assert out.uns["longformer_predict"]["params"]["reference"] == name


def test_a_key_of_no_fit_is_told_from_a_fit_without_a_model(both) -> None:
    reference, query = both
    message = (
        r"`reference` has no model.*there is no record of a fit.*\['longformer'\].*saved model"
    )
    with pytest.raises(KeyError, match=message):
        sl.tl.longformer_predict(query, reference, reference_key="gene_knn")


def test_what_is_no_reference_is_refused(both) -> None:
    _, query = both
    with pytest.raises(TypeError, match="DataFrame"):
        sl.tl.longformer_predict(query, pd.DataFrame())


@pytest.fixture
def folder(both, tmp_path: Path) -> Path:
    sl.io.save_model(both[0], tmp_path / "model")
    return tmp_path / "model"


def test_missing_file(folder: Path) -> None:
    (folder / "model.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no model\.json.*save_model"):
        sl.io.load_model(folder)


def test_truncated_weights(folder: Path) -> None:
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-10])
    with pytest.raises(ValueError, match="truncated or was changed"):
        sl.io.load_model(folder)


def test_tampered_weights(folder: Path) -> None:
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(ValueError, match="truncated or was changed"):
        sl.io.load_model(folder)


def test_not_json(folder: Path) -> None:
    (folder / "model.json").write_bytes(b"\x80\x04pickle")
    with pytest.raises(ValueError, match="cannot be read"):
        sl.io.load_model(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 99}, "Upgrade"),
        ({"format_version": "4"}, "format version must be an integer"),
        ({"genes": ["A"]}, "parts are missing"),
        ({"genes": ["A"] * 60}, "genes must be a list of different names"),
        ({"genes": "A"}, "genes must be a list"),
        ({"classes": [["T/NK"], ["B"], ["Mono"]]}, "classes must be a list"),
        ({"classes": ["B", "T/NK", "Mono"]}, "was changed"),  # exchanged
        ({"config": {}}, r"lacks \['n_genes', 'n_classes'\]"),
        (
            {"config": {"n_genes": 40, "n_classes": 3, "n_linear": 60, "d_model": 8}},
            "do not fit its config",
        ),
    ],
)
def test_description_that_does_not_fit(folder: Path, change: dict, message: str) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=message):
        sl.io.load_model(folder)


def test_description_that_is_no_object(folder: Path) -> None:
    (folder / "model.json").write_text("[1]")
    with pytest.raises(ValueError, match="no JSON object"):
        sl.io.load_model(folder)


def test_description_may_be_laid_out_anew(folder: Path) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=4, sort_keys=True))
    assert list(sl.io.load_model(folder).classes) == CLASSES


def test_store_model_false_says_so(both) -> None:
    reference, query = both
    bare = reference.copy()
    del bare.uns["longformer"]["model"]
    with pytest.raises(KeyError, match="store_model=False"):
        sl.tl.longformer_predict(query, bare)
