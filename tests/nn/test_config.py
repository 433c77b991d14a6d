from __future__ import annotations

import json

import numpy as np
import pytest

from scrna_longformer.graph import GeneGraph
from scrna_longformer.nn import PRESETS, GeneLongformer, LongformerConfig, count_parameters


def test_json_round_trip_keeps_every_field() -> None:
    config = LongformerConfig.from_preset(
        "base", n_genes=30, n_classes=4, attention="random", gene_dropout=0.0, tokens="expressed"
    )
    assert LongformerConfig.from_json(config.to_json()) == config


def test_numbers_of_numpy_are_plain_numbers() -> None:
    config = LongformerConfig(n_genes=np.int64(7), n_classes=np.int32(3), dropout=np.float32(0.5))
    assert config == LongformerConfig(n_genes=7, n_classes=3, dropout=0.5)
    assert LongformerConfig.from_json(config.to_json()) == config


def test_json_of_a_newer_version_is_refused() -> None:
    values = json.loads(LongformerConfig(n_genes=3, n_classes=2).to_json())
    with pytest.raises(ValueError, match="wings.*newer version"):
        LongformerConfig.from_json(json.dumps({**values, "wings": 2}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_genes", 0),
        ("n_heads", 3),
        ("d_model", 16.0),
        ("mlp_ratio", 0),
        ("mlp_ratio", 0.01),  # no hidden unit
        ("dropout", 1.0),
        ("dropout", "0.1"),
        ("init_scale", 0),  # the linear model that training starts at could not be written
        ("init_scale", float("nan")),
        ("zero_init", "no"),
        ("attention_backend", "flash"),
        ("gene_dropout", -0.1),
        ("token", "word"),
        ("pooling", "max"),
        ("attention", "sliding"),
        ("tokens", "some"),
    ],
)
def test_bad_fields_name_themselves(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"`{field}`"):
        LongformerConfig(**{"n_genes": 10, "n_classes": 2, field: value})


@pytest.mark.parametrize("attention", ["full", "linear"])
def test_expressed_tokens_need_a_graph(attention: str) -> None:
    with pytest.raises(ValueError, match=f"`tokens`='expressed' needs .*not '{attention}'"):
        LongformerConfig(n_genes=3, n_classes=2, tokens="expressed", attention=attention)


def test_unknown_preset_and_field() -> None:
    with pytest.raises(ValueError, match="'huge'"):
        LongformerConfig.from_preset("huge", n_genes=5, n_classes=2)
    with pytest.raises(ValueError, match=r"no field \['depth'\]"):
        LongformerConfig.from_preset("tiny", n_genes=5, n_classes=2, depth=3)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_parameters_are_counted_without_building_the_model(preset: str) -> None:
    config = LongformerConfig.from_preset(preset, n_genes=12, n_classes=3)
    model = GeneLongformer(config, GeneGraph.self_only(12))
    assert count_parameters(config) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("preset", "about"),
    [
        ("tiny", 4.3e3),
        ("small", 18e3),
        ("base", 130e3),
        ("large", 320e3),
        ("prototype", 25e3),
    ],
)
def test_presets_have_the_size_they_are_said_to_have(preset: str, about: float) -> None:
    config = LongformerConfig.from_preset(preset, n_genes=500, n_classes=9)
    assert count_parameters(config) == pytest.approx(about, rel=0.05)
