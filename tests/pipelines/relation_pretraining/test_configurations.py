"""Every environment's parameters, merged as a run merges them, describe models that can be built and trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from kedro.config import OmegaConfigLoader

from visual_relations.pipelines.relation_pretraining.params import ArmParams, PretrainingParams, pretrainer_params
from visual_relations.settings import CONFIG_LOADER_ARGS
from visual_relations.vision_language.pretrainer import Pretrainer

ROOT = Path(__file__).parents[3]
ARMS = ("albef", "realbef", "x_vlm", "rex_vlm")
BERT_WORDS, GQA_RELATIONS = 30522, 310


def parameters(env: str) -> dict:
    loader = OmegaConfigLoader(conf_source=str(ROOT / "conf"), env=env, **CONFIG_LOADER_ARGS)
    return loader["parameters"]


def build(env: str, arm: str) -> tuple[PretrainingParams, ArmParams, Pretrainer]:
    found = parameters(env)
    common = PretrainingParams.model_validate(found["relation_pretraining"])
    params = ArmParams.model_validate(found[arm])
    with torch.device("meta"):
        pretrainer = Pretrainer(pretrainer_params(common, params, BERT_WORDS, GQA_RELATIONS))
    return common, params, pretrainer


@pytest.mark.parametrize("env", ["base", "gqa", "visual_genome"])
@pytest.mark.parametrize("arm", ARMS)
def test_parameters_build_a_model_and_its_queue_fits_its_batches(env: str, arm: str) -> None:
    _, params, pretrainer = build(env, arm)
    assert (pretrainer.model.box_head is not None) == params.localisation
    assert (pretrainer.model.relation_head is not None) == params.relations
    assert (params.streams.regions.ratio > 0) == params.localisation
    if pretrainer.teacher is not None:
        assert pretrainer.teacher.config.queue % params.streams.captions.images == 0


def test_sizes_of_the_paper() -> None:
    common, params, pretrainer = build("gqa", "rex_vlm")
    head = sum(each.numel() for each in pretrainer.model.relation_head.parameters())
    assert head == 5_674_294  # the paper: 5.7 M
    assert pretrainer.model.config.grid == 14
    assert params.streams.ratios() == {"captions": 2, "regions": 1.5, "graphs": 1, "relations": 1}
    assert round(common.optimiser.warmup * common.training.steps) == 5_000
    assert pretrainer.teacher is None


def test_the_relation_models_differ_from_their_bases_in_their_streams_only() -> None:
    for base, with_relations in (("albef", "realbef"), ("x_vlm", "rex_vlm")):
        found = parameters("gqa")
        first, second = (ArmParams.model_validate(found[name]) for name in (base, with_relations))
        assert first.recipe == second.recipe
        assert first.localisation == second.localisation
        assert first.streams.captions.images == second.streams.captions.images
