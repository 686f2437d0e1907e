"""Visual Genome's `image_data.json` and split files: what is known about an image beside its graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import polars as pl

from visual_relations.datasets.annotations import columns
from visual_relations.datasets.annotations.files import AnnotationError, read_json, read_list
from visual_relations.datasets.annotations.records import Id, Rejects, Size, decode_all
from visual_relations.graphs.tables import RAW_IMAGES

_FOLDERS = ("VG_100K", "VG_100K_2")


class _Image(msgspec.Struct, gc=False):
    """One record; release 1.0 calls the image `id`."""

    width: Size
    height: Size
    image_id: Id | None = None
    id: Id | None = None
    url: str | None = None
    coco_id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    flickr_id: Id | None = None


def read_image_data(path: Path, rejects: Rejects) -> tuple[pl.DataFrame, int]:
    """Read sizes, addresses and ids in other collections.

    Returns:
        `RAW_IMAGES` with an empty split, and the number of records in the file.
    """
    raw = read_list(path)
    images: list[_Image] = []
    seen: set[str] = set()
    for _, image in decode_all(raw, _Image, (), rejects):
        image.image_id = image.id if image.image_id is None else image.image_id
        reason = _fault(image, seen)
        if reason:
            rejects.add("image", image.image_id, msgspec.to_builtins(image), reason)
        else:
            images.append(image)
            seen.add(str(image.image_id))
    frame = pl.DataFrame(
        {
            "image_id": columns.ids(columns.field(images, "image_id")),
            "file_name": columns.texts([_file_name(image) for image in images]),
            "width": columns.field(images, "width"),
            "height": columns.field(images, "height"),
            "split": [""] * len(images),
            "coco_id": columns.field(images, "coco_id"),
            "flickr_id": columns.ids(columns.field(images, "flickr_id")),
        },
        schema=RAW_IMAGES,
    )
    return frame, len(raw)


def _fault(image: _Image, seen: set[str]) -> str:
    if image.image_id is None:
        return "neither `image_id` nor `id`"
    if str(image.image_id) in seen:
        return "this image occurs twice"
    return ""


def _file_name(image: _Image) -> str:
    # Visual Genome's photos lie in two folders; the one in the address may be wrong, so whoever opens it tries both.
    *_, folder, name = f"//{image.url or image.image_id}".split("/")
    name = name if image.url else f"{name}.jpg"
    return f"{folder}/{name}" if folder in _FOLDERS else name


def with_splits(images: pl.DataFrame, path: Path | None) -> pl.DataFrame:
    """Assign splits from a file {"train": [ids], "val": […], "test": […]}; images in none keep "".

    Raises:
        AnnotationError: If an image is in two splits.
    """
    if path is None:
        return images
    named: dict[str, list[Id]] = read_json(path, dict[str, list[Id]], 'lists of image ids: {"train": […], …}')
    split_of: dict[str, str] = {}
    for split, image_ids in named.items():
        for image_id in map(str, image_ids):
            if split_of.setdefault(image_id, split) != split:
                raise AnnotationError(
                    f"{path}: image {image_id} is in {split_of[image_id]!r} and in {split!r}. Keep it in one of them."
                )
    return images.with_columns(split=pl.col("image_id").replace_strict(split_of, default="", return_dtype=pl.String))


def add_unknown_images(images: pl.DataFrame, image_ids: pl.Series) -> pl.DataFrame:
    """Append images that have a graph but no metadata; their size stays null."""
    unknown = pl.DataFrame({"image_id": image_ids}).join(images, on="image_id", how="anti")
    extra = unknown.with_columns(file_name=pl.col("image_id") + ".jpg", split=pl.lit(""))
    return pl.concat([images, extra], how="diagonal").select(RAW_IMAGES.keys()).cast(RAW_IMAGES)
