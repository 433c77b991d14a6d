"""Saving: what is replaced, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from anndata import AnnData

import scrna_longformer as sl
from scrna_longformer.graph import GeneGraph
from scrna_longformer.nn import GeneLongformer, LongformerConfig
from scrna_longformer.tl._fit_record import store_fitted
from scrna_longformer.train import FittedLongformer

GENES = ["A", "HLA/B", "C", "D"]
FILES = ["model.json", "model.safetensors"]


def with_model(seed: int) -> AnnData:
    """Cells with a model of random weights."""
    config = LongformerConfig(n_genes=4, n_classes=2, d_model=8, n_heads=2, n_layers=1)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = GeneLongformer(config, GeneGraph.full(4)).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter)
    fitted = FittedLongformer(model, genes=np.array(GENES), classes=np.array(["T", "B"]))
    adata = AnnData(np.zeros((3, 4), dtype=np.float32))
    adata.uns["longformer"] = {"model": store_fitted(fitted), "training": {}}
    return adata


def weights(folder: Path) -> dict[str, np.ndarray]:
    return sl.io.load_model(folder).to_arrays()


def assert_holds(folder: Path, adata: AnnData) -> None:
    expected = adata.uns["longformer"]["model"]["weights"]
    found = weights(folder)
    assert set(found) == set(expected)
    assert all(np.array_equal(found[name], expected[name]) for name in found)
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_a_model_is_replaced(tmp_path: Path) -> None:
    first, second = with_model(0), with_model(1)
    sl.io.save_model(first, tmp_path / "made" / "here")
    assert_holds(tmp_path / "made" / "here", first)
    sl.io.save_model(second, tmp_path / "made" / "here")
    assert_holds(tmp_path / "made" / "here", second)


@pytest.mark.parametrize("name", FILES)
def test_a_save_that_fails_leaves_the_earlier_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    first = with_model(0)
    sl.io.save_model(first, tmp_path)
    opened = Path.open

    def on_a_full_disk(path: Path, mode: str = "r", *args, **options):
        if path.name.startswith(name) and "w" in mode:
            raise OSError(28, "No space left on device")
        return opened(path, mode, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", on_a_full_disk)
        with pytest.raises(OSError, match="No space left"):
            sl.io.save_model(with_model(1), tmp_path)
    assert_holds(tmp_path, first)


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_in_the_place_of_the_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / "model").write_text("mine")
    with pytest.raises(ValueError, match=r"`path`='.*' cannot be a folder: '.*model' is a file"):
        sl.io.save_model(with_model(0), tmp_path / "model" / below)
    assert (tmp_path / "model").read_text() == "mine"


def test_what_has_no_model_is_refused_by_its_own_name(tmp_path: Path) -> None:
    adata = with_model(0)
    del adata.uns["longformer"]["model"]
    with pytest.raises(
        KeyError, match="save_model: `adata` has no model.*store_model=False"
    ) as lost:
        sl.io.save_model(adata, tmp_path)
    assert "reference" not in str(lost.value)
    adata.uns["longformer"] = "a note"
    with pytest.raises(KeyError, match="there is no record of a fit; uns has models under no key"):
        sl.io.save_model(adata, tmp_path)
    with pytest.raises(TypeError, match="save_model: `adata` must be an AnnData, not int"):
        sl.io.save_model(3, tmp_path)
    assert not list(tmp_path.iterdir())
