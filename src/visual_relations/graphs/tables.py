"""The tables every annotation reader yields, whatever the format it reads.

Boxes are x1, y1, x2, y2 in pixels of the original image. All ids are strings. `object_id` is unique within its image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

BOX = ("x1", "y1", "x2", "y2")

RAW_IMAGES = pl.Schema(
    {
        "image_id": pl.String(),
        "file_name": pl.String(),  # below the image folder
        "width": pl.Int32(),  # null when the source does not say
        "height": pl.Int32(),
        "split": pl.String(),  # "train", "val", "test", or "" when the source does not say
        "coco_id": pl.Int64(),
        "flickr_id": pl.String(),
    }
)

RAW_OBJECTS = pl.Schema(
    {
        "image_id": pl.String(),
        "object_id": pl.String(),
        "name": pl.String(),
        "other_names": pl.List(pl.String()),  # further names annotators gave
        "attributes": pl.List(pl.String()),
        **dict.fromkeys(BOX, pl.Float32()),
    }
)

RAW_RELATIONS = pl.Schema(
    {
        "image_id": pl.String(),
        "relation_id": pl.String(),
        "subject_id": pl.String(),
        "object_id": pl.String(),
        "predicate": pl.String(),
    }
)

REJECTED = pl.Schema(
    {
        "kind": pl.String(),  # "image", "object" or "relation"
        "source": pl.String(),  # file, or the cleaning step
        "image_id": pl.String(),
        "record": pl.String(),  # the record itself, shortened
        "reason": pl.String(),
    }
)

KINDS = ("image", "object", "relation")


@dataclass(frozen=True)
class RawGraphs:
    """Annotations as published, in one shape.

    Attributes:
        images: `RAW_IMAGES`.
        objects: `RAW_OBJECTS`.
        relations: `RAW_RELATIONS`.
        rejected: `REJECTED`; what could not be read, one row per record.
        n_records: Records found in the source by kind; equals rows plus rejected rows of that kind.
        vocabulary: Names fixed by the format, {"objects": […], "predicates": […]}; None when the source is open.
    """

    images: pl.DataFrame
    objects: pl.DataFrame
    relations: pl.DataFrame
    rejected: pl.DataFrame
    n_records: dict[str, int]
    vocabulary: dict[str, list[str]] | None = None

    def __post_init__(self) -> None:
        check_conserved(self.n_records, (self.images, self.objects, self.relations), self.rejected)


def check_conserved(n_records: dict[str, int], tables: Sequence[pl.DataFrame], rejected: pl.DataFrame) -> None:
    """Make sure that no record vanished.

    Args:
        n_records: Records that went in, by kind.
        tables: Images, objects and relations that came out.
        rejected: The rejected records.

    Raises:
        RuntimeError: If records of a kind that went in are neither in its table nor rejected.
    """
    n_rejected = dict(rejected.group_by("kind").len().iter_rows())
    for kind, table in zip(KINDS, tables, strict=True):
        found = table.height + n_rejected.get(kind, 0)
        if found != n_records[kind]:
            raise RuntimeError(
                f"{n_records[kind]} {kind} records went in, but {table.height} rows and "
                f"{n_rejected.get(kind, 0)} rejected records came out: a fault in the reader, please report it"
            )


def empty(schema: pl.Schema) -> pl.DataFrame:
    """A table without rows."""
    return pl.DataFrame(schema=schema)


def rejected_frame(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Rejected records as a table; records are cut to a readable length."""
    return pl.DataFrame(list(rows), schema=REJECTED).with_columns(pl.col("record").str.head(300))


def grouped_by_image(table: pl.DataFrame) -> pl.DataFrame:
    """The same rows with those of an image next to each other, in the order in which images first occur."""
    if not table.height or table["image_id"].rle_id()[-1] + 1 == table["image_id"].n_unique():
        return table
    place = pl.int_range(pl.len()).first().over("image_id")
    return table.with_columns(place.alias("_place")).sort("_place", maintain_order=True).drop("_place")


def object_rows(objects: pl.DataFrame, image_ids: pl.Series, indices: pl.Series) -> pl.Series:
    """Rows of `objects` that indices within images mean. Faster than a join on both: rows are first row plus index.

    Args:
        objects: Clean objects: grouped by image, `object_index` counting from 0.
        image_ids: Image of each wanted object.
        indices: Its `object_index`.

    Returns:
        Row numbers, as long as `image_ids`.

    Raises:
        ValueError: If the objects are not grouped so, or an object does not exist.
    """
    numbered = objects.select("image_id", "object_index").with_row_index("row")
    first = numbered.group_by("image_id").agg(pl.col("row").first(), pl.len())
    place = numbered.join(first, on="image_id", maintain_order="left")
    if not (place["row"] - place["row_right"] == place["object_index"]).all():
        raise ValueError("objects are not grouped by image with object_index 0, 1, …: sort them by both first")
    wanted = pl.DataFrame({"image_id": image_ids, "index": indices}).join(
        first, on="image_id", how="left", maintain_order="left"
    )
    unknown = wanted.filter(~(pl.col("index") < pl.col("len")).fill_null(value=False))
    if unknown.height:
        raise ValueError(f"image {unknown['image_id'][0]} has no object {unknown['index'][0]}")
    return wanted["row"] + wanted["index"]
