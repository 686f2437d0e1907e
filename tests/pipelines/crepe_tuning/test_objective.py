"""The study of CREPE sees training and validation images only, and gives the same value for the same seed."""

import numpy as np
import open_clip
import polars as pl
import pytest
import torch
from open_clip.transform import PreprocessCfg

from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.preprocess import Preprocess
from visual_relations.pipelines.crepe_tuning.objective import CrepeObjective, TuningData
from visual_relations.pipelines.crepe_tuning.params import CrepeTrialParams
from visual_relations.tuning.study import InfeasibleError

DIM = 16
VOCABULARY = {"objects": ["man", "dog", "hat"], "predicates": ["holding", "wearing"]}
M = "prompt_learner.prompt.n_context"
LOOP = {"device": "cpu", "steps": 2}
BASE = CrepeTrialParams.model_validate(
    {
        "prompt_learner": {"contrastive": {"optimizer": "adamw", "batch_size": 8, "loop": LOOP}},
        "head": {"hidden": 8, "embedding": 4, "training": {"epochs": 2, "loop": {"device": "cpu"}}},
    }
)


@pytest.fixture(scope="module")
def clip():
    torch.manual_seed(0)
    vision = open_clip.CLIPVisionCfg(layers=1, width=32, head_width=16, patch_size=16, image_size=32)
    text = open_clip.CLIPTextCfg(width=32, heads=2, layers=1)
    model = open_clip.CLIP(DIM, vision, text)
    return FrozenClip(model, open_clip.SimpleTokenizer(), Preprocess(PreprocessCfg(size=32)), "tiny")


class TrainAndValidationOnly:
    """A bank that fails the test when a pair of a test image is asked for."""

    def select(self, ids):
        names = list(ids)
        assert not any(name.startswith("test") for name in names), "the test split was read"
        rng = np.random.default_rng(len(names))
        return rng.normal(size=(len(names), DIM)).astype(np.float16)


def relation_pairs(predicates_of_test=(0, 1)):
    rows = []
    for split in ("train", "val", "test"):
        for image in range(6):
            for other in (1, 2):
                predicate = predicates_of_test[other - 1] if split == "test" else other - 1
                boxes = {f"{end}{side}": float(i) for i, side in enumerate(("x1", "y1", "x2", "y2")) for end in "so"}
                row = {"pair_id": f"{split}{image}:0:{other}", "image_id": f"{split}{image}", "split": split, **boxes}
                row |= {"subject_index": 0, "object_index": other, "subject_class": 0, "object_class": other}
                rows.append(row | {"predicate_class": predicate, "width": 9, "height": 9})
    return pl.DataFrame(rows)


def collect(pairs):
    bank = TrainAndValidationOnly()
    pseudo = pairs.select("pair_id").unique(maintain_order=True).with_columns(similarity=pl.lit(0.3, pl.Float32))
    return TuningData.collect(pairs, VOCABULARY, bank, bank, pseudo)


def value(clip, pairs, seed=0, values=None):
    return CrepeObjective(clip, collect(pairs), BASE, 20)(values or {M: 2}, seed, lambda step, value: None)


def test_the_test_split_is_never_read(clip):
    assert "test" not in collect(relation_pairs()).pairs["split"].to_list()
    ours, other = value(clip, relation_pairs()), value(clip, relation_pairs(predicates_of_test=(1, 0)))
    without = value(clip, relation_pairs().filter(pl.col("split") != "test"))
    assert ours == other == without


def test_the_value_is_a_share_and_repeats_for_a_seed(clip):
    first = value(clip, relation_pairs())
    assert 0 <= first.value <= 1
    assert value(clip, relation_pairs()) == first
    assert first.parameters > 2 * 32


def test_calibration_and_length_are_searched(clip):
    longer = value(clip, relation_pairs(), values={M: 9, "calibration": "train_est"})
    assert longer.details["prompt_tokens"] == 9 + 5


def test_a_prompt_without_room_is_infeasible(clip):
    with pytest.raises(InfeasibleError, match="no room"):
        value(clip, relation_pairs(), values={M: 16, "prompt_learner.prompt.max_tokens": 8})


def test_a_study_without_validation_images_says_what_to_check():
    with pytest.raises(ValueError, match="check the splits"):
        collect(relation_pairs().filter(pl.col("split") == "train"))
