"""Scoring with any scorer: everything is encoded once, what is done survives a kill, what is missing is reported."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
from PIL import Image

from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.metrics.matching.items import KEY, ProbeItem, cell_table
from visual_relations.pipelines.evaluation.params import ScoringParams
from visual_relations.pipelines.evaluation.pictures import Pictures
from visual_relations.pipelines.evaluation.scoring import BLANK_PICTURES, retrieve, score_cells

SMALL = ScoringParams(image_batch=2, text_batch=2, pair_batch=3, rerank=2)


class ByBrightness:
    """Scores a picture with a text by how near its red level is to the number in the text; counts what it encodes."""

    name, fingerprint, threshold, looks = "brightness", "1", None, True

    def __init__(self, *, dies_after=None):
        self.images, self.texts, self.pairs = 0, 0, 0
        self.dies_after = dies_after

    def encode_images(self, images):
        self.images += len(images)
        return {"level": np.array([[image.getpixel((0, 0))[0]] for image in images], dtype=np.float32)}

    def encode_texts(self, texts):
        self.texts += len(texts)
        return {"level": np.array([[float(text)] for text in texts], dtype=np.float32)}

    def score_pairs(self, images, texts):
        assert "usable" not in images
        self.pairs += len(images["level"])
        if self.dies_after is not None and self.pairs > self.dies_after:
            raise KeyboardInterrupt
        return -np.abs(images["level"] - texts["level"])[:, 0]

    def similarity(self, images, texts):
        return -np.abs(images["level"] - texts["level"].T)


class Reranking(ByBrightness):
    def rerank_pairs(self, images, texts):
        return self.score_pairs(images, texts)


@pytest.fixture
def folder(tmp_path):
    for level in (10, 20, 30):
        Image.new("RGB", (8, 6), (level, 0, 0)).save(tmp_path / f"{level}.png")
    return ImageFolder(tmp_path)


def items(*images):
    crossed = ((True, False), (False, True))
    return [ProbeItem(f"{a}-{b}", (f"{a}.png", f"{b}.png"), (str(a), str(b)), crossed) for a, b in images]


def score(scorer, folder, work, cells):
    return score_cells(scorer, cells, Pictures.of(cells, folder), work, SMALL)


def test_every_picture_and_text_is_encoded_once_and_every_pair_scored_once(folder, tmp_path):
    cells = cell_table("winoground", "test", items((10, 20), (20, 30), (30, 10)))
    scorer = ByBrightness()
    table = score(scorer, folder, tmp_path / "work", cells)
    # Three pictures and one blank; three texts, each with every picture.
    assert (scorer.images, scorer.texts, scorer.pairs) == (3 + 1, 3, 9)
    own = cells.join(table, on=KEY)
    assert own.height == 12
    assert own.filter("gold")["score"].to_list() == [0] * 6


def test_items_of_one_picture_are_scored_with_a_blank_one_too(folder, tmp_path):
    items = [ProbeItem(str(level), (f"{level}.png",), ("10", "20"), ((True, False),)) for level in (10, 20, 30)]
    cells = cell_table("valse", "test", items)
    scorer = ByBrightness()
    table = score(scorer, folder, tmp_path / "work", cells)
    assert scorer.pairs == 6 + 2
    blank = cells.join(table.filter(variant=BLANK_PICTURES), on=KEY)
    assert blank.height == 6
    assert blank.group_by("text").agg(pl.col("score").n_unique())["score"].to_list() == [1, 1]


def test_a_killed_run_continues_without_encoding_again(folder, tmp_path):
    cells = cell_table("winoground", "test", items((10, 20), (20, 30), (30, 10)))
    with pytest.raises(KeyboardInterrupt):
        score(ByBrightness(dies_after=7), folder, tmp_path / "work", cells)
    again = ByBrightness()
    resumed = score(again, folder, tmp_path / "work", cells)
    assert (again.images, again.texts) == (1, 0)
    assert again.pairs == 9 - 6
    assert resumed.equals(score(ByBrightness(), folder, tmp_path / "fresh", cells))


def test_a_picture_that_cannot_be_used_leaves_its_cells_without_score(folder, tmp_path, caplog):
    (folder.root / "40.png").write_bytes(b"no picture")
    cells = cell_table("winoground", "test", items((10, 20), (10, 40), (10, 50)))
    table = score(ByBrightness(), folder, tmp_path / "work", cells).filter(variant="")
    assert table.filter(item="10-20").height == 4
    assert table.filter(item="10-40", image_index=1).height == 0
    assert "1 of 4 pictures are not there" in caplog.text
    assert "1 of 3 pictures are damaged" in caplog.text


def test_a_control_that_does_not_look_opens_no_picture(folder, tmp_path):
    scorer = ByBrightness()
    scorer.looks = False
    item = ProbeItem("1", ("99.png",), ("10", "20"), ((True, False),))
    table = score(scorer, folder, tmp_path / "work", cell_table("valse", "test", [item]))
    assert scorer.images == 1
    assert table["variant"].to_list() == ["", ""]


def test_a_box_cuts_the_picture(folder, tmp_path):
    picture = Image.new("RGB", (10, 10), (10, 0, 0))
    picture.paste((200, 0, 0), (5, 0, 10, 10))
    picture.save(folder.root / "halves.png")
    whole = ProbeItem("whole", ("halves.png",), ("10", "200"), ((True, False),))
    right = ProbeItem("right", ("halves.png",), ("200", "10"), ((True, False),), box=(5, 0, 10, 10))
    table = score(ByBrightness(), folder, tmp_path / "work", cell_table("aro_relation", "test", [whole, right]))
    assert table.filter(variant="", text_index=0)["score"].to_list() == [0, 0]


def test_other_names_of_the_same_photo_are_found(folder):
    Image.new("RGB", (4, 4), (7, 0, 0)).save(folder.root / "000000000042.png")
    for name in ("COCO_val2014_000000000042.jpg", "v7w_000000000042.jpg", "val2014/COCO_train2014_000000000042.jpg"):
        pictures = Pictures.of(pl.DataFrame({"image": [name, "other.jpg"], "box": [None, None]}), folder)
        opened, reasons = pictures.open(slice(0, 1))
        assert (opened[0].getpixel((0, 0))[0], reasons) == (7, [""])
        assert pictures.absent == ["other.jpg"]


def test_pictures_inside_a_parquet_file_are_opened(folder):
    packed = io.BytesIO()
    Image.new("RGB", (4, 4), (9, 0, 0)).save(packed, "PNG")
    rows = {"image": [{"bytes": packed.getvalue(), "path": None}] * 2}
    pl.DataFrame(rows).write_parquet(folder.root / "test.parquet")
    keys = pl.DataFrame({"image": ["test.parquet#1.image", "test.parquet#2.image"], "box": [None, None]})
    opened, reasons = Pictures.of(keys, folder).open(slice(0, 2))
    assert opened[0].getpixel((0, 0))[0] == 9
    assert reasons[0] == ""
    assert "test.parquet#2.image" in reasons[1]


@pytest.mark.parametrize("scorer_class", [ByBrightness, Reranking])
def test_retrieval_ranks_a_collection_and_leaves_missing_pictures_out(folder, tmp_path, scorer_class):
    captions = pl.DataFrame(
        {"image": ["10.png", "10.png", "20.png", "30.png", "99.png"], "text": ["10", "11", "21", "9", "99"]}
    ).with_columns(benchmark=pl.lit("flickr30k"), split=pl.lit("test"))
    pictures = Pictures.of(captions.with_columns(box=pl.lit(None)), folder)
    scorer = scorer_class()
    rows = {row["metric"]: row for row in retrieve(scorer, captions, pictures, tmp_path / "work", SMALL)}
    # "9" belongs to picture 30 but looks like 10: the third text of picture 30, the third picture of text "9".
    assert (scorer.images, scorer.texts) == (3, 4)
    assert rows["TR@1"]["value"] == pytest.approx(2 / 3)
    assert rows["IR@1"]["value"] == pytest.approx(3 / 4)
    assert rows["coverage"]["value"] == pytest.approx(3 / 4)
    assert (rows["TR@1"]["count"], rows["IR@1"]["count"]) == (3, 4)
