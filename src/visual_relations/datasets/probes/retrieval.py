"""Readers of retrieval collections: images with their captions, of one split."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from msgspec import Struct

from visual_relations.datasets.annotations.files import AnnotationError, read_json

RETRIEVAL_SCHEMA: dict[str, pl.DataType] = {
    "benchmark": pl.String(),
    "split": pl.String(),
    "image": pl.String(),  # file name
    "text": pl.String(),
}
Captions = list[tuple[str, str]]  # image, text


class _Captioned(Struct):
    image: str
    caption: list[str] | str


class _Sentence(Struct):
    raw: str


class _KarpathyImage(Struct):
    filename: str
    split: str
    sentences: list[_Sentence]
    filepath: str = ""


class _Karpathy(Struct):
    images: list[_KarpathyImage]


class _CocoImage(Struct):
    id: int
    file_name: str


class _CocoCaption(Struct):
    image_id: int
    caption: str


class _Coco(Struct):
    images: list[_CocoImage]
    annotations: list[_CocoCaption]


class _Paragraph(Struct):
    image_id: int
    paragraph: str


def read_retrieval_list(path: Path) -> Captions:
    """Test lists of ALBEF and X-VLM (Flickr30K, COCO): [{image, caption: [texts]}]."""
    records = read_json(path, list[_Captioned], "a list of {image, caption}")
    return [(r.image, text) for r in records for text in ([r.caption] if isinstance(r.caption, str) else r.caption)]


def read_karpathy(path: Path, split: str = "test") -> Captions:
    """Karpathy's `dataset_coco.json` and `dataset_flickr30k.json`."""
    images = read_json(path, _Karpathy, "Karpathy's images with split and sentences").images
    return [
        (f"{image.filepath}/{image.filename}" if image.filepath else image.filename, sentence.raw)
        for image in images
        if image.split == split
        for sentence in image.sentences
    ]


def read_coco_captions(path: Path, image_ids: str | None = None, split: str = "test") -> Captions:
    """COCO's `captions_*.json`.

    Args:
        path: The file.
        image_ids: A JSON file {split: [image ids]}; default: all images of the file.
        split: Which of its splits.
    """
    coco = read_json(path, _Coco, "COCO's images and annotations")
    wanted = (
        set(map(str, read_json(Path(image_ids), dict[str, list[int | str]], "ids by split")[split]))
        if image_ids
        else None
    )
    names = {image.id: image.file_name for image in coco.images if wanted is None or str(image.id) in wanted}
    return [(names[a.image_id], a.caption) for a in coco.annotations if a.image_id in names]


def read_paragraphs(path: Path, image_ids: str | None = None) -> Captions:
    """Stanford Paragraphs: `paragraphs_v1.json`, and a split's list of Visual Genome image ids."""
    wanted = set(read_json(Path(image_ids), list[int], "a list of image ids")) if image_ids else None
    records = read_json(path, list[_Paragraph], "a list of {image_id, paragraph}")
    return [
        (f"{record.image_id}.jpg", " ".join(record.paragraph.split()))
        for record in records
        if wanted is None or record.image_id in wanted
    ]


def retrieval_table(benchmark: str, split: str, captions: Captions, path: Path) -> pl.DataFrame:
    """Write captions as rows of `RETRIEVAL_SCHEMA`.

    Raises:
        AnnotationError: If there are none.
    """
    if not captions:
        raise AnnotationError(f"{path} has no captions of the split {split!r}")
    rows = [(benchmark, split, image, text) for image, text in captions]
    return pl.DataFrame(rows, schema=RETRIEVAL_SCHEMA, orient="row")
