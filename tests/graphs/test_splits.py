"""Splits by a hash of the id."""

import polars as pl
import pytest
from pydantic import ValidationError

from visual_relations.graphs.splits import SplitParams, assign_splits


def images(ids: range, split: str = "") -> pl.DataFrame:
    return pl.DataFrame({"image_id": [str(number) for number in ids], "split": [split] * len(ids)})


def test_shares_are_kept_and_given_splits_stay():
    found = assign_splits(images(range(4_000)), SplitParams(val=0.1, test=0.3))
    shares = dict(found["split"].value_counts(normalize=True).iter_rows())
    assert shares["test"] == pytest.approx(0.3, abs=0.03)
    assert shares["val"] == pytest.approx(0.1, abs=0.02)
    assert assign_splits(images(range(10), "test"), SplitParams())["split"].unique().to_list() == ["test"]


def test_an_image_keeps_its_split_in_a_smaller_copy_and_changes_it_with_the_seed():
    whole, part = (assign_splits(images(ids), SplitParams()) for ids in (range(500), range(100, 200)))
    assert part.equals(whole[100:200])
    assert not assign_splits(images(range(500)), SplitParams(seed=1)).equals(whole)


def test_more_than_all_images_is_refused():
    with pytest.raises(ValidationError, match="more than all"):
        SplitParams(val=0.6, test=0.6)
