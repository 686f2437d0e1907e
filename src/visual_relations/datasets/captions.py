"""Captions in the formats they are published in, and the images they belong to.

Formats (the catalog entry's `format`):

- `coco`: {"images": [{"id", "file_name", "width", "height"}], "annotations": [{"id", "image_id", "caption"}]}; COCO
  2014 and 2017, nocaps (whose images also have "domain"), the sample world.
- `karpathy`: `dataset_coco.json`, {"images": [{"cocoid", "filepath", "filename", "split", "sentences": [{"raw",
  "sentid"}]}]}; its own splits, "restval" counts as training.
- `img2dataset`: the folder that img2dataset writes with `--output_format files`, e.g. for Conceptual Captions: one
  table per shard (`00000.parquet`: key, caption, status, width, height) beside the folder of its photos (`00000/`).

Files are named by split (`train`, `val`, `test`), or `filepath` names one file whose split is elsewhere: in the file
itself, in lists of image ids (`val_ids`, `test_ids`: the last word of each line), or in the table `images`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

import msgspec
import polars as pl
from kedro.io import AbstractDataset, DatasetError

from visual_relations.captioning.captions import RAW_CAPTIONS, REJECTED_CAPTIONS, RawCaptions
from visual_relations.datasets.annotations.builder import GraphBuilder
from visual_relations.datasets.annotations.files import AnnotationError, read_json
from visual_relations.datasets.annotations.records import Id, Rejects
from visual_relations.graphs.tables import RawGraphs

Format = Literal["coco", "karpathy", "img2dataset"]
SPLITS = ("train", "val", "test")
LISTS = ("val_ids", "test_ids")


class _Image(NamedTuple):
    image_id: str
    file_name: str
    width: int | None
    height: int | None
    split: str
    coco_id: int | None


class _Caption(NamedTuple):
    image_id: str
    caption_id: str
    caption: str
    domain: str | None


@dataclass
class _Content:
    """What one file holds."""

    images: list[_Image]
    captions: list[_Caption]
    rejects: Rejects


class _CocoImage(msgspec.Struct):
    id: Id
    file_name: str
    width: int | None = None
    height: int | None = None
    domain: str | None = None


class _CocoCaption(msgspec.Struct):
    image_id: Id
    caption: str
    id: Id | None = None


class _CocoFile(msgspec.Struct):
    images: list[_CocoImage]
    annotations: list[msgspec.Raw]


class _Sentence(msgspec.Struct):
    raw: str
    sentid: int


class _KarpathyImage(msgspec.Struct):
    filename: str
    split: str
    sentences: list[_Sentence]
    filepath: str = ""
    cocoid: int | None = None
    imgid: int | None = None


class _KarpathyFile(msgspec.Struct):
    images: list[msgspec.Raw]


class _CaptionFiles(AbstractDataset[NoReturn, Any]):
    """One or several files of captions.

    Args:
        filepath: One file for everything.
        train: File of the training captions; likewise `val`, `test`.
        val: See `train`.
        test: See `train`.
        format: See the module.
        folders: Folder of a split's photos below the image folder, by split.
        val_ids: List of the images for validation.
        test_ids: List of the images for testing; the others are for training.
        metadata: For Kedro-Viz.
    """

    def __init__(
        self,
        filepath: str | None = None,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        format: Format = "coco",  # noqa: A002 - the catalog's word
        folders: dict[str, str] | None = None,
        val_ids: str | None = None,
        test_ids: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        named = {"": filepath, "train": train, "val": val, "test": test}
        self._files = {split: Path(path) for split, path in named.items() if path}
        if not self._files:
            raise DatasetError(f"{type(self).__name__} needs `filepath`, or a file for `train`, `val` or `test`")
        self._lists = {split: Path(path) for split, path in (("val", val_ids), ("test", test_ids)) if path}
        self._filepath = next(iter(self._files.values()))
        self._format = format
        self._folders = folders or {}
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        """All files that are read."""
        return [*self._files.values(), *self._lists.values()]

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: published captions are never edited."""
        raise DatasetError(f"{type(self).__name__} is read-only: {self._filepath}")

    def _contents(self) -> Iterator[_Content]:
        readers = {"coco": _read_coco, "karpathy": _read_karpathy, "img2dataset": _read_img2dataset}
        if self._format not in readers:
            raise DatasetError(f"unknown format {self._format!r} of captions; there are {sorted(readers)}")
        listed = {image_id: split for split, path in self._lists.items() for image_id in _read_ids(path)}
        for split, path in self._files.items():
            content = readers[self._format](path, split, self._folders.get(split, ""))
            if self._lists:
                content.images = [image._replace(split=listed.get(image.image_id, "train")) for image in content.images]
            yield content

    def _describe(self) -> dict[str, Any]:
        return {"format": self._format, **{split or "filepath": str(path) for split, path in self._files.items()}}

    def _exists(self) -> bool:
        return all(path.exists() for path in self.files)


class CaptionsDataset(_CaptionFiles):
    """The captions."""

    def load(self) -> RawCaptions:
        """Read the captions.

        Raises:
            AnnotationError: If a file is absent, in another format, or holds no readable caption.
        """
        contents = list(self._contents())
        captions = pl.DataFrame([c for content in contents for c in content.captions], RAW_CAPTIONS, orient="row")
        if not captions.height:
            raise AnnotationError(f"{self._filepath}: no caption could be read. Is `format: {self._format}` right?")
        rejected = [
            {"image_id": row["image_id"], "caption_id": None, "caption": row["record"], "reason": row["reason"]}
            for content in contents
            for row in content.rejects.rows
        ]
        return RawCaptions(captions, pl.DataFrame(rejected, REJECTED_CAPTIONS))


class CaptionedImagesDataset(_CaptionFiles):
    """The images of captions, as scene graphs without objects: where there are no others, `images` comes from here."""

    def load(self) -> RawGraphs:
        """Read the images; one that several files list counts once.

        Raises:
            AnnotationError: If a file is absent or in another format.
        """
        builder = GraphBuilder()
        for content in self._contents():
            for image in content.images:
                if not builder.has_image(image.image_id):
                    builder.found["image"] += 1
                    builder.image(**image._asdict())
        return builder.build(vocabulary={"objects": [], "predicates": []})


def _read_coco(path: Path, split: str, folder: str) -> _Content:
    content: _CocoFile = read_json(path, _CocoFile, 'COCO captions: {"images": […], "annotations": […]}')
    images = [
        _Image(
            str(i.id), _below(folder, i.file_name), i.width, i.height, split, i.id if isinstance(i.id, int) else None
        )
        for i in content.images
    ]
    domains = {str(image.id): image.domain for image in content.images}
    captions, rejects = [], Rejects(path.name)
    for number, raw in enumerate(content.annotations):
        try:
            record = msgspec.json.decode(raw, type=_CocoCaption)
        except msgspec.DecodeError as error:
            rejects.add("caption", None, bytes(raw).decode(errors="replace"), f"annotation {number}: {error}")
            continue
        image_id, caption_id = str(record.image_id), str(number if record.id is None else record.id)
        captions.append(_Caption(image_id, caption_id, record.caption, domains.get(image_id)))
    return _Content(images, captions, rejects)


def _read_karpathy(path: Path, split: str, folder: str) -> _Content:  # noqa: ARG001 - the file has its own splits
    content: _KarpathyFile = read_json(path, _KarpathyFile, 'Karpathy\'s splits: {"images": […]}')
    images, captions, rejects = [], [], Rejects(path.name)
    for number, raw in enumerate(content.images):
        try:
            record = msgspec.json.decode(raw, type=_KarpathyImage)
        except msgspec.DecodeError as error:
            rejects.add("caption", None, bytes(raw).decode(errors="replace"), f"image {number}: {error}")
            continue
        image_id = str(next(key for key in (record.cocoid, record.imgid, number) if key is not None))
        own_split = "train" if record.split == "restval" else record.split
        file_name = _below(folder, _below(record.filepath, record.filename))
        images.append(_Image(image_id, file_name, None, None, own_split, record.cocoid))
        captions += [_Caption(image_id, str(s.sentid), s.raw, None) for s in record.sentences]
    return _Content(images, captions, rejects)


def _read_img2dataset(path: Path, split: str, folder: str) -> _Content:
    tables = sorted(path.glob("*.parquet"))
    if not tables:
        raise AnnotationError(f"{path} holds no table of img2dataset (00000.parquet …): is it the right folder?")
    images, captions, rejects = [], [], Rejects(path.name)
    for table in tables:
        for row in pl.read_parquet(table).iter_rows(named=True):
            # The key pairs photo and caption, whatever failed to download before it.
            image_id = f"{split}_{row['key']}" if split else str(row["key"])
            if row["status"] != "success" or row["caption"] is None:
                reason = row.get("error_message") or row["status"]
                rejects.add("caption", image_id, row["caption"] or "", f"not downloaded: {reason}")
                continue
            file_name = _below(folder, f"{table.stem}/{row['key']}.jpg")
            images.append(_Image(image_id, file_name, row.get("width"), row.get("height"), split, None))
            captions.append(_Caption(image_id, str(row["key"]), row["caption"], None))
    return _Content(images, captions, rejects)


def _read_ids(path: Path) -> Iterator[str]:
    """Image ids of a list such as Karpathy's: `val2014/COCO_val2014_000000391895.jpg 391895`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise AnnotationError(f"{path} is not there. Put the list there, or leave it out of the catalog.") from None
    return (line.split()[-1] for line in lines if line.strip())


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
