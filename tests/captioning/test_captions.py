from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from visual_relations.captioning.captions import (
    RAW_CAPTIONS,
    REJECTED_CAPTIONS,
    CaptionCleaningParams,
    RawCaptions,
    clean_captions,
    references_of,
)
from visual_relations.captioning.neighbours import borrow_captions, consensus, most_typical, nearest_images

IMAGES = pl.DataFrame({"image_id": ["1", "2", "3"], "split": ["train", "test", "train"]})


def _clean(captions: list[tuple[str, str | None]], with_vector=("1", "2", "3"), **params):
    rows = [(image, str(n), text, None) for n, (image, text) in enumerate(captions)]
    raw = RawCaptions(pl.DataFrame(rows, RAW_CAPTIONS, orient="row"), pl.DataFrame(schema=REJECTED_CAPTIONS))
    return clean_captions(raw, IMAGES, pl.Series(with_vector), CaptionCleaningParams(**params))


def test_dirty_captions_become_one_line():
    kept, rejected = _clean([("1", "  A dog\n runs  fast.\n"), ("2", "A\tcat")])
    assert kept["caption"].to_list() == ["A dog runs fast.", "A cat"]
    assert kept["split"].to_list() == ["train", "test"]
    assert not rejected.height


@pytest.mark.parametrize(
    ("image", "text", "reason"),
    [
        ("1", " \n ", "empty"),
        ("1", None, "empty"),
        ("9", "A dog.", "not in the table of images"),
        ("3", "A dog.", "has no image vector"),
        ("1", "word " * 51, "more than 50 words"),
    ],
)
def test_unusable_captions_are_rejected_with_a_reason(image, text, reason):
    kept, rejected = _clean([(image, text)], with_vector=("1", "2"))
    assert not kept.height
    assert reason in rejected["reason"][0]
    assert rejected["image_id"][0] == image


def test_references_stay_as_people_wrote_them():
    long = "word " * 60
    kept, _ = _clean([("2", long), ("2", "A cat"), ("1", "A dog"), ("1", "A dog . ")], full_stop=True)
    assert kept["caption"].to_list() == [long.strip(), "A cat", "A dog.", "A dog."]
    assert references_of(kept, "test") == {"2": [long.strip(), "A cat"]}


def test_nearest_images_are_those_of_the_largest_cosine():
    bank = np.array([[1.0, 0.0], [0.0, 9.0], [5.0, 5.0]])
    assert nearest_images(np.array([[2.0, 0.1], [0.0, 1.0]]), bank, 2).tolist() == [[0, 2], [1, 2]]
    assert nearest_images(np.array([[2.0, 0.1]]), bank, 9).shape == (1, 3)


def test_the_borrowed_caption_is_the_one_that_agrees_with_the_others():
    texts = ["a dog runs on grass", "a dog runs fast", "two planes", "the dog runs on the grass"]
    assert consensus(texts) == "a dog runs on grass"
    bank = np.eye(2)
    assert borrow_captions(bank, bank, [["a cat", "a cat sits"], texts], 1) == ["a cat", "a dog runs on grass"]


def test_the_typical_caption_is_the_most_frequent_one():
    assert most_typical({"1": ["a", "b"], "2": ["b", "c"]}) == "b"
