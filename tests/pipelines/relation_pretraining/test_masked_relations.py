"""Masked relation classification learns from where the entities are: labels say nothing in the world of these tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visual_relations.artefacts.workspace import Workspace
from visual_relations.metrics.intervals import accuracy_interval
from visual_relations.pipelines.relation_pretraining.measure import collect_examples, label_guesses, predict_relations
from visual_relations.pipelines.relation_pretraining.nodes import pretrain
from visual_relations.pipelines.relation_pretraining.params import EvaluationParams, OptimiserParams
from visual_relations.training.params import TrainingParams
from visual_relations.vision_language.params import MaskScope


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["vit_last+cross", "cross", "pixels"])
def test_it_beats_the_majority_class_and_falls_back_to_it_when_boxes_are_shuffled(
    tmp_path: Path, make: Any, scope: MaskScope
) -> None:
    world = make.world(tmp_path / "images", n_images=480)
    common = make.common(
        mask_scope=scope,
        optimiser=OptimiserParams(rate=3e-3),
        training=TrainingParams(steps=400, device="cpu", log_every=50, clip_norm=1.0, threads=1),
        evaluation=EvaluationParams(split="val"),
    )
    models, _ = pretrain(
        world.images,
        world.objects,
        world.relations,
        world.relation_classes,
        world.captions,
        dict(world.caption_sources),
        world.image_folder,
        world.tokenizer,
        Workspace(tmp_path / "work"),
        common,
        make.arm(relations=1),
    )
    examples = collect_examples(world.of("val"), world.captions.head(0), 32, common.evaluation)
    right = {
        boxes: (scores.argmax(1) == truth)
        for boxes in ("true", "shuffled")
        for scores, truth in [predict_relations(models["seed_0"], examples, common, world, boxes)]
    }
    _, truth = predict_relations(models["seed_0"], examples, common, world, "true")
    majority, by_labels = (float(np.mean(guess == truth)) for guess in label_guesses(examples, world.of("train")))
    assert majority == by_labels  # all things have the same name
    low, _ = accuracy_interval([int(right["true"].sum())], [len(truth)])
    assert low > majority + 0.2
    shuffled_low, _ = accuracy_interval([int(right["shuffled"].sum())], [len(truth)])
    assert shuffled_low <= majority
