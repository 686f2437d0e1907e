"""The study of ClipCap sees training and validation captions only."""

import numpy as np
import polars as pl
import pytest

from visual_relations.captioning.captions import CAPTIONS
from visual_relations.pipelines.clipcap_tuning.objective import TuningCaptions
from visual_relations.pipelines.clipcap_tuning.params import ClipcapTrialParams
from visual_relations.tuning.params import with_values


def captions(splits=("train", "val", "test")):
    rows = [
        {
            "image_id": f"{split}{image}",
            "caption_id": f"{split}{image}{k}",
            "caption": "a man",
            "domain": None,
            "split": split,
        }
        for split in splits
        for image in range(3)
        for k in range(2)
    ]
    return pl.DataFrame(rows, schema=CAPTIONS)


class TrainAndValidationOnly:
    """A bank that fails the test when the vector of a test image is asked for."""

    dim = 4

    def select(self, ids):
        names = list(ids)
        assert not any(name.startswith("test") for name in names), "the test split was read"
        return np.ones((len(names), self.dim), np.float16)


def test_the_test_split_is_left_out():
    data = TuningCaptions.collect(captions(), TrainAndValidationOnly(), "nowhere")
    assert set(data.captions["split"]) == {"train", "val"}
    data.features.select(data.captions["image_id"])


def test_captions_without_validation_images_say_what_to_check():
    with pytest.raises(ValueError, match="check the splits"):
        TuningCaptions.collect(captions(("train", "test")), TrainAndValidationOnly(), "nowhere")


def test_prefix_length_and_rate_are_put_into_the_captioners_own_parameters():
    base = ClipcapTrialParams.model_validate({"mapper": {}, "training": {}})
    params = with_values(base, {"mapper.prefix_length": 3, "training.learning_rate": 0.5, "tune_language_model": True})
    assert (params.mapper.prefix_length, params.training.learning_rate, params.tune_language_model) == (3, 0.5, True)
