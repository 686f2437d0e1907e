"""Published features read as the project's datasets; what is wrong in a folder is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from kedro.io import DatasetError

from visual_relations.datasets.released_features import AbsentDataset, ReleasedFeaturesDataset


def load(folder: Path, part: str):
    return ReleasedFeaturesDataset(str(folder), part).load()


def test_pairs_have_the_projects_columns_and_the_image_has_its_real_shape(released_folder: Path) -> None:
    pairs = load(released_folder, "relation_pairs")
    assert pairs.height == 420
    assert pairs.select("width", "height").unique().rows() == [(800, 600)]
    assert (pairs["sx2"] <= pairs["width"]).all()
    assert dict(pairs.group_by("split").len().iter_rows()) == {"train": 300, "test": 120}
    first = pairs.row(0, named=True)
    assert first["pair_id"] == f"{first['image_id']}:{first['subject_index']}:{first['object_index']}"


def test_objects_of_an_image_are_numbered_by_class_and_box(released_folder: Path) -> None:
    pairs = load(released_folder, "relation_pairs")
    ends = [
        pairs.select("image_id", index=f"{end}_index", cls=f"{end}_class", x1=f"{end[0]}x1", y1=f"{end[0]}y1")
        for end in ("subject", "object")
    ]
    objects = pl.concat(ends).unique()
    assert objects.select("image_id", "index").unique().height == objects.height


def test_features_come_row_for_row_by_pair_and_pseudo_labels_name_their_text(released_folder: Path) -> None:
    pairs, bank = load(released_folder, "relation_pairs"), load(released_folder, "union_image_features")
    with np.load(released_folder / "test.npz") as file:
        expected, index, texts = file["union_image"], file["pseudo_text_index"], file["pseudo_text_bank"]
    ids = pairs.filter(pl.col("split") == "test")["pair_id"]
    np.testing.assert_array_equal(bank.select(ids), expected)
    labels = load(released_folder, "pseudo_labels").join(ids.to_frame(), on="pair_id", how="right")
    np.testing.assert_array_equal(load(released_folder, "triplet_text_features").select(labels["text"]), texts[index])


def test_the_vocabulary_counts_training_pairs_and_knows_predicates_of_both_splits(released_folder: Path) -> None:
    vocabulary = load(released_folder, "vocabulary")
    assert vocabulary["predicates"] == ["above", "under", "beside", "inside"]
    assert sum(vocabulary["predicate_counts"]) == 300
    assert vocabulary["predicate_counts"][3] == 0
    assert load(released_folder, "object_text_features").select(vocabulary["objects"]).shape == (6, 16)
    assert load(released_folder, "triplet_vocabulary")["count"].sum() == 300
    assert "predicate_class" not in load(released_folder, "candidate_pairs").columns


def test_a_missing_folder_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"--params released_features\.folder"):
        load(tmp_path / "nothing", "relation_pairs")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("test.jsonl", b'{"img_name": "a.jpg"}\n', r"test\.jsonl, line 1"),
        ("train.jsonl", b'{"img_name": "a.j', r"train\.jsonl, line 1"),
        ("train.npz", b"PK", r"cannot read .*train\.npz"),
        ("labels_CLIP.npy", b"", r"cannot read .*labels_CLIP\.npy"),
    ],
)
def test_a_broken_file_is_named_with_its_line(released_folder: Path, file: str, content: bytes, message: str) -> None:
    (released_folder / file).write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        [load(released_folder, part) for part in ("object_text_features", "relation_pairs", "union_image_features")]


def test_features_that_do_not_fit_their_pairs_or_are_not_finite_are_refused(released_folder: Path) -> None:
    with np.load(released_folder / "test.npz") as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(released_folder / "test.npz", **(arrays | {"union_image": arrays["union_image"][:-1]}))
    with pytest.raises(DatasetError, match=r"119 rows of union_image, test\.jsonl has 120 pairs"):
        load(released_folder, "union_image_features")
    arrays["union_image"][7, 3] = np.nan
    np.savez(released_folder / "test.npz", **arrays)
    with pytest.raises(DatasetError, match="row 7 is NaN"):
        load(released_folder, "union_image_features")


def test_absent_features_load_as_none_and_nothing_is_ever_saved(released_folder: Path) -> None:
    assert AbsentDataset().load() is None
    with pytest.raises(DatasetError, match="only read"):
        ReleasedFeaturesDataset(str(released_folder), "vocabulary").save({})
