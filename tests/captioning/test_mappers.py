from __future__ import annotations

import pytest
import torch

from visual_relations.captioning.mappers import build_mapper
from visual_relations.captioning.params import MapperParams

GPT2_SMALL = 768


@pytest.mark.parametrize(
    ("kind", "prefix_length", "clip_length", "feature_dim", "parameters"),
    [  # facts of the original, counted on its own code
        ("mlp", 10, 10, 512, 31_468_800),
        ("mlp", 10, 10, 640, 31_960_320),
        ("mlp", 40, 10, 640, 481_735_680),
        ("transformer", 10, 10, 512, 41_745_408),
        ("transformer", 10, 10, 640, 42_728_448),
        ("transformer", 40, 40, 512, 53_587_968),
        ("transformer", 40, 40, 640, 57_520_128),
    ],
)
def test_parameters_are_as_many_as_in_the_original(kind, prefix_length, clip_length, feature_dim, parameters):
    params = MapperParams(kind=kind, prefix_length=prefix_length, clip_length=clip_length)
    with torch.device("meta"):
        mapper = build_mapper(params, feature_dim, GPT2_SMALL)
    assert sum(parameter.numel() for parameter in mapper.parameters()) == parameters


@pytest.mark.parametrize("kind", ["linear", "mlp", "transformer"])
def test_a_prefix_has_the_width_of_the_language_model(kind):
    mapper = build_mapper(MapperParams(kind=kind, prefix_length=3, clip_length=2, heads=2), 7, 12)
    assert mapper(torch.randn(5, 7)).shape == (5, 3, 12)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="5 heads does not fit a language model of width 12"):
        build_mapper(MapperParams(kind="transformer", heads=5), 7, 12)
