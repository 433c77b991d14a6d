"""Named contestants of a comparison, and those that need AnnData."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import pytest
from anndata import AnnData
from scipy import sparse

import scrna_longformer as sl
from scrna_longformer.evaluation import score, terms_of
from scrna_longformer.tl._compare_models import descriptions, resolve_contestants
from scrna_longformer.tl._contestants._celltypist import CellTypistClassifier
from scrna_longformer.tl._contestants._ingest import IngestClassifier, ingest_obstacle
from scrna_longformer.tl._contestants._registry import CONTESTANTS
from scrna_longformer.tl._contestants._scvi import ScanviClassifier, ScviEmbedding


@pytest.fixture
def cells(rng: np.random.Generator) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Log CP10k of counts in which an eighth of the genes marks each of three classes."""
    codes = rng.permutation(np.arange(180) % 3)
    marked = np.arange(80) % 8 == codes[:, None]
    counts = rng.poisson(rng.gamma(0.5, 1.0, 80) * np.where(marked, 5.0, 1.0) + 0.1)
    counts[:, 0] = 1
    X = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    return sparse.csr_matrix(X.astype(np.float32)), codes


@pytest.fixture
def log_lines() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("scrna_longformer")
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


def keeps_the_contract(model: object, X: sparse.csr_matrix, codes: np.ndarray) -> np.ndarray:
    names = np.array(["B", "NK", "T"])[codes]
    proba = model.fit(X[:120], names[:120]).predict_proba(X[120:])  # type: ignore[attr-defined]
    assert list(model.classes_) == ["B", "NK", "T"]  # type: ignore[attr-defined]
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-4)
    assert score(codes[120:], proba)["macro_f1"] > 0.6
    return proba


@pytest.mark.slow  # its search for neighbours is compiled when first used
@pytest.mark.filterwarnings("ignore")  # of Scanpy's neighbours
def test_ingest_transfers_labels(cells: tuple[sparse.csr_matrix, np.ndarray]) -> None:
    if why := ingest_obstacle():
        pytest.skip(why)
    proba = keeps_the_contract(IngestClassifier(), *cells)
    assert len(np.unique(proba, axis=0)) <= 3  # a label has one probability
    assert proba.max() < 1


@pytest.mark.filterwarnings("ignore")  # of CellTypist's own imports
def test_celltypist_works_and_leaves_the_root_logger_alone(
    cells: tuple[sparse.csr_matrix, np.ndarray],
) -> None:
    pytest.importorskip("celltypist", reason="needs the extra 'baselines'")
    before = list(logging.getLogger().handlers)
    first, second = (keeps_the_contract(CellTypistClassifier(), *cells) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert logging.getLogger().handlers == before


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of scvi-tools' own imports
def test_scvi_tools_works(cells: tuple[sparse.csr_matrix, np.ndarray]) -> None:
    pytest.importorskip("scvi", reason="needs the extra 'baselines'")
    X, codes = cells
    keeps_the_contract(ScanviClassifier(max_epochs=60, n_latent=5), X, codes)
    first, second = (
        ScviEmbedding(max_epochs=3, n_latent=5).fit(X[:120]).transform(X[120:]) for _ in range(2)
    )
    assert first.shape == (60, 5)
    np.testing.assert_array_equal(first, second)


def test_all_has_every_contestant() -> None:
    names = list(resolve_contestants("all", {}))
    assert ("ingest" in names) == (not ingest_obstacle())
    assert {"marker_scoring", "quadratic_pca", "longformer_tiny", "longformer"} <= set(names)
    assert names[: len(sl.evaluation.BASELINES)] == list(sl.evaluation.BASELINES)


def test_what_keeps_ingest_from_running_is_told(
    log_lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.7.0")
    assert "ingest" not in resolve_contestants("all", {})
    assert any("pip install 'pynndescent<0.7'" in line for line in log_lines)
    with pytest.raises(ImportError, match="pynndescent 0.7.0"):
        CONTESTANTS["ingest"](0)


def test_presets_are_contestants() -> None:
    assert resolve_contestants(["longformer_base"], {})["longformer_base"].preset == "base"


def test_what_cannot_run_is_left_out_and_told(
    log_lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "scvi" else object()
    )
    names = list(resolve_contestants("all", {}, with_counts=False))
    assert "scanvi" not in names
    assert "pearson_pca20" not in names
    assert "xgboost" in names
    assert any("leaves out pearson_pca20, pearson_pca50" in line for line in log_lines)
    assert any("pip install 'scrna-longformer[baselines]'" in line for line in log_lines)


def test_default_runs_where_there_are_no_counts(
    rng: np.random.Generator, log_lines: list[str]
) -> None:
    adata = AnnData(rng.random((60, 20)).astype(np.float32))  # corrected values, say
    adata.obs["type"] = np.array(["a", "b"])[np.arange(60) % 2]
    adata.obs["type"] = adata.obs["type"].astype("category")
    with pytest.raises(ValueError, match="not log1p of scaled counts"):
        sl.tl.baseline_compare(adata, "type", models=["pearson_pca20"], n_splits=2)
    assert "pearson_pca20" not in resolve_contestants("default", {}, with_counts=False)


def test_terms_are_part_of_the_record() -> None:
    frame = descriptions(resolve_contestants(["pearson_pca20", "longformer"], {}))
    row = frame.set_index("model").loc["pearson_pca20"]
    assert row["class_weights"] == "balanced"
    assert "3 inner folds" in row["tuning"]
    assert "Pearson" in row["inputs"]
    assert "as given" not in frame.astype(str).to_numpy()
    own = descriptions({"mine": IngestClassifier()}).iloc[0]
    assert own["tuning"] == "as given"


@pytest.mark.parametrize("name", CONTESTANTS)
def test_every_contestant_states_its_terms(name: str) -> None:
    terms = terms_of(CONTESTANTS[name])
    assert "as given" not in (terms.inputs, terms.class_weights, terms.tuning)
