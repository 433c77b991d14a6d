from __future__ import annotations

import logging
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import torch
from scipy import sparse
from sklearn.metrics import f1_score

import scrna_longformer as sl
from scrna_longformer.tl._compare_models import transformer_settings

QUICK = {
    "preset": "tiny",
    "n_tokens": 40,
    "max_steps": 300,
    "train_options": {"batch_size": 32, "learning_rate": 0.01},
    "accelerator": "cpu",
}
SLOTS = {
    "obsm": ["X_longformer", "longformer_proba"],
    "obs": ["longformer_pred", "longformer_confidence", "longformer_split"],
    "var": ["longformer_token"],
    "uns": ["longformer"],
}


def small_data() -> ad.AnnData:
    """150 cells x 60 genes in three types, log values, with a mask."""
    rng = np.random.default_rng(0)
    codes = np.arange(150) % 3
    rate = rng.gamma(2.0, 1.0, 60) + 0.5
    active = np.arange(60) % 3 == codes[:, None]
    counts = rng.poisson(rate * np.where(active, 3.0, 1.0)).astype(np.float32)
    adata = ad.AnnData(
        sparse.csr_matrix(counts),
        obs=pd.DataFrame(
            {"cell_type": pd.Categorical.from_codes(codes, ["T/NK", "B", "Mono"])},
            index=[f"cell{i}" for i in range(150)],
        ),
        var=pd.DataFrame(index=[f"gene{i}" for i in range(60)]),
    )
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sl.pp.gene_knn_mask(adata, n_neighbors=5)
    return adata


@pytest.fixture
def adata() -> ad.AnnData:
    return small_data()


@pytest.fixture(scope="module")
def fitted() -> ad.AnnData:
    adata = small_data()
    adata.obs["cell_type"] = adata.obs["cell_type"].where(np.arange(150) >= 6)
    sl.tl.longformer_fit(adata, "cell_type", **QUICK)
    return adata


def test_slots(fitted: ad.AnnData) -> None:
    assert fitted.obsm["X_longformer"].shape == (150, 4)
    assert fitted.obsm["X_longformer"].dtype == np.float32
    assert type(fitted.obsm["longformer_proba"]) is np.ndarray
    assert fitted.obsm["longformer_proba"].dtype == np.float32
    np.testing.assert_allclose(fitted.obsm["longformer_proba"].sum(1), 1, rtol=1e-5)
    predicted = fitted.obs["longformer_pred"]
    assert predicted.dtype == fitted.obs["cell_type"].dtype
    assert predicted.notna().all()
    classes = fitted.uns["longformer"]["classes"]
    best = classes[fitted.obsm["longformer_proba"].argmax(1)]
    assert np.array_equal(best, predicted.astype(str))
    np.testing.assert_array_equal(
        fitted.obs["longformer_confidence"], fitted.obsm["longformer_proba"].max(1)
    )
    assert fitted.var["longformer_token"].sum() == 40
    assert fitted.n_vars == 60


def test_metrics_are_those_of_the_held_out_cells(fitted: ad.AnnData) -> None:
    obs = fitted.obs[fitted.obs["longformer_split"] == "validation"]
    expected = f1_score(
        obs["cell_type"].astype(str), obs["longformer_pred"].astype(str), average="macro"
    )
    metrics = fitted.uns["longformer"]["metrics"]
    assert metrics["macro_f1"] == pytest.approx(expected)
    assert metrics["macro_f1"] > 0.9


def test_split(fitted: ad.AnnData) -> None:
    split = fitted.obs["longformer_split"]
    assert list(split.cat.categories) == ["train", "validation", "unlabelled"]
    assert np.array_equal(split == "unlabelled", fitted.obs["cell_type"].isna())
    assert split.value_counts()["validation"] == pytest.approx(0.2 * 144, abs=2)


def test_training_leaves_the_class_prior_behind(fitted: ad.AnnData) -> None:
    history = fitted.uns["longformer"]["history"]
    prior = fitted.uns["longformer"]["training"]["prior_loss"]
    # of the transformer's own head; the regression that it corrects costs next to nothing here
    assert np.log(3) < prior < np.log(3) + 0.05
    assert history["train_loss"][-1] < prior / 2


@pytest.mark.parametrize(
    ("gate", "offset", "whose"),
    [
        (0.0, "simple", "simple model"),
        (0.5, "simple", "simple model, corrected by transformer"),
        (None, None, "transformer"),
    ],
)
def test_the_record_says_whose_the_predictions_are(
    adata: ad.AnnData, monkeypatch: pytest.MonkeyPatch, gate, offset, whose: str
) -> None:
    monkeypatch.setattr("scrna_longformer.train._classifier.choose_gate", lambda *_: gate)
    sl.tl.longformer_fit(adata, "cell_type", **QUICK, offset=offset)
    training = adata.uns["longformer"]["training"]
    assert training["predictions_of"] == whose
    assert (training["n_gate_cells"] > 0) == (offset is not None)
    query = adata[:20].copy()
    sl.tl.longformer_predict(query, adata, key_added="query")
    assert query.uns["query_predict"]["predictions_of"] == whose
    assert query.uns["query_predict"]["gate"] == pytest.approx(training["gate"], nan_ok=True)


def test_backend_is_the_fast_kernel_on_the_default_width(adata: ad.AnnData) -> None:
    sl.tl.longformer_fit(adata, "cell_type", **{**QUICK, "preset": "small"})
    assert adata.uns["longformer"]["params"]["attention_backend"] == "numba"


def test_same_seed_same_bits_and_another_seed_others(adata: ad.AnnData) -> None:
    results = []
    for seed in (1, 1, 2):
        run = sl.tl.longformer_fit(adata, "cell_type", **QUICK, random_state=seed, copy=True)
        weights = run.uns["longformer"]["model"]["weights"]
        results.append(np.concatenate([weights[name].ravel() for name in sorted(weights)]))
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


def test_global_random_numbers_are_left_alone(adata: ad.AnnData) -> None:
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    expected = torch.rand(2), np.random.rand(2)  # noqa: NPY002
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    sl.tl.longformer_fit(adata, "cell_type", **QUICK)
    assert torch.equal(torch.rand(2), expected[0])
    assert np.array_equal(np.random.rand(2), expected[1])  # noqa: NPY002


@pytest.mark.parametrize(
    "store",
    [
        sparse.csc_matrix,
        sparse.csr_array,
        lambda X: X.toarray(),
        lambda X: X.toarray().astype(np.float64),
        lambda X: np.asfortranarray(X.toarray()),
    ],
    ids=["csc", "csr_array", "dense", "float64", "fortran"],
)
def test_result_does_not_depend_on_how_values_are_stored(adata: ad.AnnData, store) -> None:
    expected = sl.tl.longformer_fit(adata, "cell_type", **QUICK, copy=True)
    adata.X = store(adata.X)
    sl.tl.longformer_fit(adata, "cell_type", **QUICK)
    assert np.array_equal(adata.obsm["X_longformer"], expected.obsm["X_longformer"])


def test_copy_changes_the_copy_alone(adata: ad.AnnData, unchanged) -> None:
    with unchanged(adata):
        out = sl.tl.longformer_fit(adata, "cell_type", **QUICK, copy=True)
    for slot, names in SLOTS.items():
        for name in names:
            assert name in getattr(out, slot)
            assert name not in getattr(adata, slot)


def test_a_view_becomes_actual_and_its_parent_stays(adata: ad.AnnData, unchanged) -> None:
    view = adata[:120]
    with unchanged(adata):
        sl.tl.longformer_fit(view, "cell_type", **QUICK)
    assert not view.is_view
    assert "X_longformer" in view.obsm


def test_nothing_is_printed_or_written(adata: ad.AnnData, capfd, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sl.settings, "progress_bar", False)
    sl.settings.verbosity = "warning"
    try:
        sl.tl.longformer_fit(adata, "cell_type", **QUICK)
    finally:
        sl.settings.verbosity = "info"
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_log_says_what_was_written(adata: ad.AnnData, capfd, monkeypatch) -> None:
    monkeypatch.setattr(sl.settings, "progress_bar", False)
    sl.tl.longformer_fit(adata, "cell_type", **QUICK)
    out, err = capfd.readouterr()
    assert out == ""
    assert "obsm['X_longformer']" in err
    assert "baseline_compare" in err
    assert logging.getLogger("lightning.fabric").level != logging.CRITICAL


def test_all_genes_of_the_mask_use_the_mask_itself(adata: ad.AnnData) -> None:
    sl.tl.longformer_fit(adata, "cell_type", **{**QUICK, "n_tokens": "all"})
    weights = adata.uns["longformer"]["model"]["weights"]
    mask = adata.varp["gene_knn_mask"]
    assert adata.uns["longformer"]["params"]["mask_source"] == "varp"
    assert np.array_equal(weights["graph.indices"], mask.indices)
    assert adata.var["longformer_token"].all()


def test_tokens_come_from_mask_var(adata: ad.AnnData) -> None:
    adata.var["mine"] = np.arange(60) < 45
    sl.tl.longformer_fit(adata, "cell_type", **QUICK, mask_var="mine")
    assert not adata.var["longformer_token"][45:].any()


def test_a_mask_of_some_genes_gives_tokens_among_them(adata: ad.AnnData) -> None:
    adata.var["mine"] = np.arange(60) >= 30
    sl.pp.gene_knn_mask(adata, n_neighbors=4, mask_var="mine", key_added="part")
    sl.tl.longformer_fit(adata, "cell_type", **{**QUICK, "n_tokens": "all"}, mask_key="part")
    assert np.array_equal(adata.var["longformer_token"], adata.var["mine"])
    assert adata.uns["longformer"]["params"]["mask_source"] == "varp"


def test_tokens_and_weights_do_not_see_the_held_out_cells(adata: ad.AnnData) -> None:
    """Bitwise: shuffling the held-out cells' values leaves the model as it was."""
    first = sl.tl.longformer_fit(adata, "cell_type", **QUICK, copy=True)
    held_out = np.flatnonzero(first.obs["longformer_split"] == "validation")
    X = adata.X.toarray()
    X[held_out] = X[held_out][:, ::-1]
    adata.X = sparse.csr_matrix(X)
    sl.tl.longformer_fit(adata, "cell_type", **QUICK)
    before, after = (a.uns["longformer"]["model"]["weights"] for a in (first, adata))
    different = {name for name in before if not np.array_equal(before[name], after[name])}
    assert {name.partition(".")[0] for name in different} <= {"conformal"}  # made of those cells


def test_integer_and_boolean_labels(adata: ad.AnnData) -> None:
    adata.obs["number"] = adata.obs["cell_type"].cat.codes.astype(int) + 10
    adata.obs["is_b"] = (adata.obs["cell_type"] == "B").to_numpy()
    sl.tl.longformer_fit(adata, "number", **QUICK, key_added="n")
    sl.tl.longformer_fit(adata, "is_b", **QUICK, key_added="b")
    assert adata.obs["n_pred"].cat.categories.tolist() == [10, 11, 12]
    assert adata.obs["b_pred"].cat.categories.tolist() == [False, True]
    assert (adata.obs["n_pred"].astype(int) == adata.obs["number"]).mean() > 0.9


def test_categories_that_are_numbers_stay_numbers_in_a_prediction(adata: ad.AnnData) -> None:
    adata.obs["number"] = pd.Categorical(adata.obs["cell_type"].cat.codes + 0.5)
    sl.tl.longformer_fit(adata, "number", **QUICK)
    fitted = adata.obs["longformer_pred"].cat.categories
    assert list(fitted) == list(adata.obs["number"].cat.categories)
    query = adata.copy()
    sl.tl.longformer_predict(query, adata)
    assert query.obs["longformer_pred"].cat.categories.equals(fitted)


def test_labels_that_read_alike_are_refused(adata: ad.AnnData, unchanged) -> None:
    adata.obs["mixed"] = pd.Series([1, "1", 2] * 50, index=adata.obs_names, dtype=object)
    with unchanged(adata), pytest.raises(ValueError, match="read alike, '1'"):
        sl.tl.longformer_fit(adata, "mixed", **QUICK)


def test_a_class_of_one_cell_cannot_be_held_out(adata: ad.AnnData) -> None:
    adata.obs["cell_type"] = adata.obs["cell_type"].cat.add_categories("one")
    adata.obs.iloc[0, adata.obs.columns.get_loc("cell_type")] = "one"
    with pytest.warns(UserWarning, match=r"stay in training and are not scored: 'one' \(1\)"):
        sl.tl.longformer_fit(adata, "cell_type", **{**QUICK, "min_cells": 0})


def test_unused_categories_are_no_classes(adata: ad.AnnData) -> None:
    adata.obs["cell_type"] = adata.obs["cell_type"].cat.add_categories(["ghost"])
    sl.tl.longformer_fit(adata, "cell_type", **QUICK)
    assert "ghost" not in adata.obs["longformer_pred"].cat.categories
    assert adata.obsm["longformer_proba"].shape[1] == 3


def test_unlabeled_value_is_no_class(adata: ad.AnnData) -> None:
    adata.obs["cell_type"] = adata.obs["cell_type"].cat.rename_categories({"B": "Unknown"})
    sl.tl.longformer_fit(adata, "cell_type", **QUICK, unlabeled="Unknown")
    assert adata.uns["longformer"]["classes"].tolist() == ["T/NK", "Mono"]
    assert (adata.obs["longformer_split"] == "unlabelled").sum() == 50


def test_the_number_that_is_no_class_is_none_in_a_comparison_either(adata: ad.AnnData) -> None:
    adata.obs["number"] = adata.obs["cell_type"].cat.codes.astype(int)
    sl.tl.longformer_fit(adata, "number", **QUICK, unlabeled=0)
    assert adata.uns["longformer"]["classes"].tolist() == [1, 2]
    sl.tl.baseline_compare(adata, models=["majority", "nearest_centroid"], n_splits=3)
    assert adata.uns["baseline_compare"]["params"]["n_cells"] == 100


def test_small_classes_stay_in_training_with_a_warning(adata: ad.AnnData) -> None:
    rare = adata.obs["cell_type"].cat.add_categories(["rare"])
    rare.iloc[:4] = "rare"
    adata.obs["cell_type"] = rare
    with pytest.warns(UserWarning, match=r"'rare' \(4\)"):
        sl.tl.longformer_fit(adata, "cell_type", **QUICK)
    assert set(adata.obs["longformer_split"][:4]) == {"train"}
    assert "rare" in adata.obs["longformer_pred"].cat.categories


def test_scores_of_one_class_are_said_to_say_nothing(adata: ad.AnnData) -> None:
    adata.obs["rare"] = np.where(np.arange(150) < 145, "most", "rare")
    with pytest.warns(UserWarning, match=r"'rare' \(5\).*one class to score.*`min_cells`"):
        sl.tl.longformer_fit(adata, "rare", **QUICK)


def test_classes_that_mean_no_label_are_warned_of(adata: ad.AnnData) -> None:
    labels = adata.obs["cell_type"].astype(str)
    labels.iloc[:15] = "nan"
    adata.obs["cell_type"] = labels.to_numpy()
    with pytest.warns(
        UserWarning, match=r"'nan' \(15 cells\), which reads like a missing"
    ) as caught:
        sl.tl.longformer_fit(adata, "cell_type", **QUICK)
    assert caught[0].filename == __file__
    sl.tl.longformer_fit(adata, "cell_type", **QUICK, unlabeled="nan")  # no warning


def test_a_fit_takes_the_record_of_an_earlier_prediction_with_it(adata: ad.AnnData) -> None:
    sl.tl.longformer_fit(adata, "cell_type", **QUICK)
    sl.tl.longformer_predict(adata, adata, alpha=0.2)
    sl.tl.longformer_fit(adata, "cell_type", **QUICK, random_state=1)
    assert "longformer_set" not in adata.obsm
    assert "longformer_predict" not in adata.uns


def test_a_model_that_did_not_learn_says_so(adata: ad.AnnData) -> None:
    rng = np.random.default_rng(1)
    adata.obs["noise"] = pd.Categorical(rng.permutation(adata.obs["cell_type"].astype(str)))
    with pytest.warns(UserWarning, match=r"hardly learned.*baseline_compare"):
        sl.tl.longformer_fit(adata, "noise", **QUICK)


def test_too_few_updates_say_so(adata: ad.AnnData) -> None:
    with pytest.warns(UserWarning, match="20 updates"):
        sl.tl.longformer_fit(adata, "cell_type", **{**QUICK, "max_steps": 20}, offset=None)


def test_time_limit_keeps_the_best_weights_so_far(adata: ad.AnnData) -> None:
    options = {**QUICK, "max_steps": 10**6, "offset": None}
    with pytest.warns(UserWarning, match="time limit"):
        sl.tl.longformer_fit(adata, "cell_type", **options, time_limit=1e-3)
    assert adata.uns["longformer"]["training"]["stopped_by"] == "time limit"


def test_an_interrupt_leaves_no_trace(adata: ad.AnnData, unchanged, monkeypatch) -> None:
    from scrna_longformer.train import _runner

    real = _runner.TrainingRun.update

    def interrupted(self, step: int) -> torch.Tensor:
        if step == 20:
            raise KeyboardInterrupt
        return real(self, step)

    monkeypatch.setattr(_runner.TrainingRun, "update", interrupted)
    with unchanged(adata), pytest.raises(KeyboardInterrupt):
        sl.tl.longformer_fit(adata, "cell_type", **QUICK)


BAD = {
    "missing key": (lambda a: a, {"key": "celltype"}, KeyError, "'celltype'.*'cell_type'"),
    "measurement": (
        lambda a: a.obs.__setitem__("depth", np.linspace(0, 1, 150)),
        {"key": "depth"},
        TypeError,
        "measurement",
    ),
    "one class": (
        lambda a: a.obs.__setitem__("one", "B"),
        {"key": "one"},
        ValueError,
        r"1 class\(es\)",
    ),
    "counts": (
        lambda a: a.layers.__setitem__("counts", a.X.ceil()),
        {"key": "cell_type", "layer": "counts"},
        ValueError,
        "log1p",
    ),
    "no layer": (lambda a: a, {"key": "cell_type", "layer": "none"}, KeyError, "'none'"),
    "NaN": (
        lambda a: a.X.data.__setitem__(0, np.nan),
        {"key": "cell_type"},
        ValueError,
        "NaN|finite",
    ),
    "no mask": (
        lambda a: a.uns.pop("gene_knn"),
        {"key": "cell_type"},
        KeyError,
        "gene_knn_mask",
    ),
    "mask name": (
        lambda a: a,
        {"key": "cell_type", "mask_key": "other"},
        KeyError,
        "'other'.*gene_knn_mask",
    ),
    "duplicated genes": (
        lambda a: setattr(a, "var_names", ["g"] * 60),
        {"key": "cell_type"},
        ValueError,
        "var_names_make_unique",
    ),
    "accepted labels": (
        lambda a: setattr(a, "obs", a.obs.assign(longformer_accepted=a.obs["cell_type"])),
        {"key": "longformer_accepted"},
        ValueError,
        "part of an earlier prediction.*`key_added`",
    ),
    "preset": (lambda a: a, {"key": "cell_type", "preset": "huge"}, ValueError, "'huge'"),
    "tokens": (lambda a: a, {"key": "cell_type", "n_tokens": 0}, ValueError, "`n_tokens`"),
    "unlabeled": (
        lambda a: a,
        {"key": "cell_type", "unlabeled": "Unknown"},
        ValueError,
        "'Unknown'.*'B'",
    ),
    "all classes small": (
        lambda a: a,
        {"key": "cell_type", "min_cells": 80},
        ValueError,
        "`min_cells`=80",
    ),
    "option": (
        lambda a: a,
        {"key": "cell_type", "model_options": {"depth": 2}},
        ValueError,
        "depth",
    ),
    "no fraction": (
        lambda a: a,
        {"key": "cell_type", "validation_fraction": 0},
        ValueError,
        "`validation_fraction` must lie",
    ),
    "no seed": (
        lambda a: a,
        {"key": "cell_type", "random_state": None},
        ValueError,
        "`random_state` must be an integer",
    ),
    "seed beyond scikit-learn's": (
        lambda a: a,
        {"key": "cell_type", "random_state": 2**40},
        ValueError,
        "`random_state` must be an integer",
    ),
    "no number of cells": (
        lambda a: a,
        {"key": "cell_type", "min_cells": None},
        ValueError,
        "`min_cells` must be an integer",
    ),
    "several unlabeled": (
        lambda a: a,
        {"key": "cell_type", "unlabeled": ["B", "Mono"]},
        TypeError,
        "`unlabeled` must be one value.*isin",
    ),
    "slots that no file can hold": (
        lambda a: a,
        {"key": "cell_type", "key_added": "fits/first"},
        ValueError,
        "`key_added`='fits/first'",
    ),
    "slots of the labels": (
        lambda a: setattr(a, "obs", a.obs.assign(longformer_pred=a.obs["cell_type"])),
        {"key": "longformer_pred"},
        ValueError,
        "written over them.*Choose another `key_added`",
    ),
    "slots of the mask": (
        lambda a: a,
        {"key": "cell_type", "key_added": "gene_knn"},
        ValueError,
        "name of the gene mask",
    ),
    "list of model options": (
        lambda a: a,
        {"key": "cell_type", "model_options": ["d_model"]},
        TypeError,
        "`model_options` must be a dictionary",
    ),
    "list of training options": (
        lambda a: a,
        {"key": "cell_type", "train_options": ["max_steps"]},
        TypeError,
        "`train_options` must be a dictionary",
    ),
}


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_input_teaches_and_changes_nothing(adata: ad.AnnData, unchanged, case: str) -> None:
    spoil, options, error, message = BAD[case]
    spoil(adata)
    with unchanged(adata), pytest.raises(error, match=message):
        sl.tl.longformer_fit(adata, **{**QUICK, **options})


def test_a_mask_of_other_genes_is_noticed(adata: ad.AnnData, unchanged) -> None:
    part = adata[:, :50].copy()
    with unchanged(part), pytest.raises(ValueError, match="other genes.*gene_knn_mask"):
        sl.tl.longformer_fit(part, "cell_type", **QUICK)


def test_scaled_values_work_with_a_warning(adata: ad.AnnData) -> None:
    adata.layers["scaled"] = sc.pp.scale(adata.X.toarray())
    with pytest.warns(UserWarning, match="scal"):
        sl.tl.longformer_fit(adata, "cell_type", **QUICK, layer="scaled")
    assert adata.uns["longformer"]["model"]["expression"] == "scaled"


def test_empty_data(adata: ad.AnnData) -> None:
    for empty in (adata[:0].copy(), adata[:, :0].copy()):
        with pytest.raises(ValueError, match="0"):
            sl.tl.longformer_fit(empty, "cell_type", **QUICK)


def test_backed_data_is_refused(adata: ad.AnnData, tmp_path: Path) -> None:
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    with pytest.raises(ValueError, match="to_memory"):
        sl.tl.longformer_fit(backed, "cell_type", **QUICK)
    backed.file.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"attention_backend": "gather"}, "gather"),
        ({"attention_backend": "numba_plain"}, "numba_plain"),
        ({"attention": "none"}, "none"),
        ({"attention": "full"}, "dense"),
        ({"attention": "linear"}, "linear"),
    ],
)
def test_the_record_tells_what_computed_attention(
    adata: ad.AnnData, options: dict, told: str
) -> None:
    sl.tl.longformer_fit(adata, "cell_type", **QUICK, model_options=options, store_model=False)
    params = adata.uns["longformer"]["params"]
    assert params["attention_backend"] == told
    again = transformer_settings(adata.uns["longformer"])  # what a comparison repeats
    assert again["model_options"] == options


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"preset": "smal"}, "`preset` must be one of"),
        ({"input_transform": "residuals"}, "`input_transform` must be one of"),
        ({"n_tokens": 20.0}, "`n_tokens` must be 'auto', 'all' or an integer"),
        ({"max_steps": 50.0}, "`max_steps` must be an integer"),
        ({"train_options": {"lr": 1}}, "TrainConfig has no field"),
        ({"train_options": {"time_limit": None}}, "`time_limit` must be a number"),
        ({"model_options": {"attention_backend": "flash"}}, "`attention_backend` must be one of"),
        ({"model_options": {"width": 1}}, "LongformerConfig has no field"),
        ({"model_options": {"n_genes": 10}}, "follow from the data"),
        ({"model_options": {"attention_backend": "fast"}}, r"one of \('auto', .*, not 'fast'"),
        (
            {"model_options": {"attention_backend": "numba", "n_heads": 3, "d_model": 24}},
            "`attention_backend`='numba' cannot run: .* not d=24 with 3 heads",
        ),
        ({"checkpoint_dir": __file__}, "is a file"),
        ({"checkpoint_dir": f"{__file__}/runs"}, "cannot be written to"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_fitted(
    adata: ad.AnnData, monkeypatch: pytest.MonkeyPatch, options: dict, text: str
) -> None:
    def fitted(*args: object) -> None:
        pytest.fail("the simple model was fitted")

    monkeypatch.setattr("scrna_longformer.evaluation._simple_mean.SimpleMean.fit", fitted)
    with pytest.raises(ValueError, match=text):
        sl.tl.longformer_fit(adata, "cell_type", **{**QUICK, **options})
    assert "longformer" not in adata.uns
