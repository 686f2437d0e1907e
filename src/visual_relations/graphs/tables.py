"""The tables every annotation reader yields, whatever the format it reads.

Boxes are x1, y1, x2, y2 in pixels of the original image. All ids are strings. `object_id` is unique within its image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
    first = pl.col("_row").first().over("image_id")
    return table.with_row_index("_row").sort(first, maintain_order=True).drop("_row")


def is_repeated(table: pl.DataFrame, columns: list[str]) -> pl.Series:
    """Whether a row's values in these columns have occurred in an earlier row."""
    # Equal rows have equal hashes, and comparing hashes is much faster: only rows that share one are compared in full.
    hashes = table.select(pl.struct(columns).hash()).to_series()
    repeated = np.zeros(table.height, dtype=bool)
    if hashes.n_unique() < table.height:
        shared = hashes.is_duplicated()
        among_them = ~table.filter(shared).select(pl.struct(columns).is_first_distinct()).to_series()
        repeated[np.flatnonzero(shared.to_numpy())] = among_them.to_numpy()
    return pl.Series(repeated)


class ObjectRows:
    """Finds the row of an object from its index within its image; faster than a join on both.

    Args:
        objects: Clean objects: grouped by image, `object_index` counting from 0.

    Raises:
        ValueError: If they are not grouped so.
    """

    def __init__(self, objects: pl.DataFrame) -> None:
        runs = objects["image_id"].rle()
        self._lengths = runs.struct.field("len").to_numpy().astype(np.int64)
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._images = pl.DataFrame({"image_id": runs.struct.field("value")}).with_row_index("place")
        counted = np.arange(objects.height) - np.repeat(self._starts, self._lengths)
        if self._images["image_id"].n_unique() < len(runs) or (counted != objects["object_index"].to_numpy()).any():
            raise ValueError("objects are not grouped by image with object_index 0, 1, …: sort them by both first")

    def find(self, image_ids: pl.Series, indices: pl.Series) -> NDArray[np.int64]:
        """Rows of objects.

        Args:
            image_ids: Image of each wanted object; fastest when those of an image stand together.
            indices: Its `object_index`.

        Returns:
            Row numbers, as long as `image_ids`.

        Raises:
            ValueError: If there is no such object.
        """
        runs = image_ids.rle()
        wanted = pl.DataFrame({"image_id": runs.struct.field("value")})
        places = wanted.join(self._images, on="image_id", how="left", maintain_order="left")["place"]
        place = np.repeat(places.fill_null(len(self._starts)).to_numpy(), runs.struct.field("len").to_numpy())
        index = indices.to_numpy()
        bad = (index < 0) | (index >= np.append(self._lengths, 0)[place])
        if bad.any():
            row = int(bad.argmax())
            raise ValueError(f"image {image_ids[row]} has no object {index[row]}")
        return np.append(self._starts, 0)[place] + index


def lists_of(values: pl.Series, lengths: NDArray[np.int64]) -> pl.Series:
    """Cut a column of strings into lists of the given lengths."""
    import pyarrow as pa  # type: ignore[import-untyped]

    ends = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=ends[1:])
    flat = values.to_arrow(compat_level=pl.CompatLevel.newest())  # as it lies in memory, without a copy
    column = pl.from_arrow(pa.LargeListArray.from_arrays(pa.array(ends), flat))
    assert isinstance(column, pl.Series)  # noqa: S101 - for the type checker
    return column
