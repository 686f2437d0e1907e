"""Which crops of which photo are to be encoded: one row per distinct crop, with the ids of all that share it.

Crops of one photo stand together, so that each photo is decoded once. A union crop is the same in both directions of
a pair and for every predicate between the two: it is encoded once.
"""

from __future__ import annotations

import polars as pl

BOX = ["x1", "y1", "x2", "y2"]
COLUMNS = ["image_id", "file_name", "width", "height", *BOX, "ids"]


def union_crops(images: pl.DataFrame, pairs: list[pl.DataFrame]) -> pl.DataFrame:
    """The boxes around both objects of each pair: the plain rectangle, as in CREPE.

    Args:
        images: Table `images`.
        pairs: Tables with `pair_id`, `image_id` and the boxes of subject and object.

    Returns:
        Columns `COLUMNS`; `ids` are pair ids.
    """
    boxes = pl.concat(
        table.select(
            "image_id",
            *(pl.min_horizontal(f"s{side}", f"o{side}").alias(side) for side in ("x1", "y1")),
            *(pl.max_horizontal(f"s{side}", f"o{side}").alias(side) for side in ("x2", "y2")),
            id="pair_id",
        )
        for table in pairs
    )
    return _crops(images, boxes)


def object_crops(images: pl.DataFrame, objects: pl.DataFrame) -> pl.DataFrame:
    """The box of each object; ids are `image_id:object_index`."""
    return _crops(
        images, objects.select("image_id", *BOX, id=pl.format("{}:{}", pl.col("image_id"), pl.col("object_index")))
    )


def whole_images(images: pl.DataFrame) -> pl.DataFrame:
    """Whole photos: rows without a box; ids are image ids."""
    no_box = [pl.lit(None, pl.Float32).alias(side) for side in BOX]
    return _crops(images, images.select("image_id", *no_box, id="image_id"))


def _crops(images: pl.DataFrame, boxes: pl.DataFrame) -> pl.DataFrame:
    distinct = boxes.unique("id", keep="first", maintain_order=True).group_by(["image_id", *BOX], maintain_order=True)
    photos = images.select("image_id", "file_name", "width", "height").with_row_index("place")
    joined = distinct.agg(ids="id").join(photos, on="image_id", how="left", maintain_order="left")
    return joined.sort("place", maintain_order=True).select(COLUMNS)
