"""The study of pretraining trains and measures on training and validation images only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from visual_relations.pipelines.relation_pretraining.build import World
from visual_relations.pipelines.relation_pretraining.params import EvaluationParams
from visual_relations.pipelines.relation_pretraining.study import PretrainingObjective, base_of
from visual_relations.tuning.params import with_values

VALUES = {"streams.relations.pairs_per_image": 1, "verbalisation.triplets": 2}


def with_test_split(world: World) -> World:
    """A part of the training images become test images."""
    is_test = pl.col("image_id").cast(pl.Int32) % 8 == 1
    split = pl.when(is_test).then(pl.lit("test")).otherwise("split").alias("split")
    return replace(world, images=world.images.with_columns(split), captions=world.captions.with_columns(split))


@pytest.fixture
def split_world(tmp_path: Path, make: Any) -> World:
    return with_test_split(make.world(tmp_path / "images"))


def make_all_training(world: World) -> World:
    """The same world when nothing is held out for testing."""
    split = pl.col("split").replace("test", "train")
    return replace(world, images=world.images.with_columns(split), captions=world.captions.with_columns(split))


def objective(world: World, make: Any, **ratios: float) -> PretrainingObjective:
    common = make.common(evaluation=EvaluationParams(split="test"))
    return PretrainingObjective(world, common, make.arm(**ratios), 3, None)


def test_a_trial_is_the_same_whatever_the_test_images_are(split_world: World, make: Any) -> None:
    ratios = {"captions": 1, "graphs": 1, "relations": 2}
    outcome = objective(split_world, make, **ratios)(VALUES, 0, lambda step, value: None)
    without = split_world.of("train", "val")
    assert set(without.images["split"]) == set(without.captions["split"]) == {"train", "val"}
    assert objective(without, make, **ratios)(VALUES, 0, lambda step, value: None) == outcome
    assert outcome != objective(make_all_training(split_world), make, **ratios)(VALUES, 0, lambda step, value: None)
    assert 0 <= outcome.value <= 1
    assert outcome.parameters


def test_searched_values_are_put_into_the_models_own_parameters(make: Any) -> None:
    trial = with_values(base_of(make.common(), make.arm()), {**VALUES, "optimiser.rate": 0.5})
    assert (trial.streams.relations.pairs_per_image, trial.verbalisation.triplets, trial.optimiser.rate) == (1, 2, 0.5)
