"""Open Images V6 visual relationships: csv rows of two labelled boxes and a relation between them.

Coordinates are shares of width and height in the order XMin, XMax, YMin, YMax, so pixels need the photos (only their
headers are read). Objects have no ids: the same label and box in an image is the same object. A relation `is` states an
attribute of its first box ("table is wooden") and becomes one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from visual_relations.datasets.annotations.dataset import AnnotationDataset
from visual_relations.datasets.annotations.files import AnnotationError
from visual_relations.graphs.boxes import from_relative_ranges
from visual_relations.graphs.tables import BOX, RAW_IMAGES, RAW_OBJECTS, RAW_RELATIONS, REJECTED, RawGraphs

_RANGES = ("XMin", "XMax", "YMin", "YMax")
_COORDINATES = [f"{name}{end}" for end in (1, 2) for name in _RANGES]
_COLUMNS = ["ImageID", "LabelName1", "LabelName2", *_COORDINATES, "RelationshipLabel"]
_END = ["image_id", "label", *_RANGES]


class OpenImagesDataset(AnnotationDataset):
    """Reads `oidv6-train-annotations-vrd.csv`, `validation-…`, `test-…`.

    Args:
        splits: Annotations by split.
        class_descriptions: csv of label ids and names, e.g. `oidv6-class-descriptions.csv`.
        photos: Folder of the photos, for their sizes.
        attribute_descriptions: `oidv6-attributes-description.csv`; without it attributes keep their ids.
        relation_descriptions: `oidv6-relationships-description.csv`; without it predicates keep their labels.
        metadata: For Kedro-Viz.
    """

    def __init__(
        self,
        splits: dict[str, str],
        class_descriptions: str,
        photos: str,
        attribute_descriptions: str | None = None,
        relation_descriptions: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            metadata,
            **splits,
            class_descriptions=class_descriptions,
            attribute_descriptions=attribute_descriptions,
            relation_descriptions=relation_descriptions,
        )
        self._splits = tuple(splits)
        self._photos = Path(photos)

    def _read(self) -> RawGraphs:
        rows = pl.concat(_read_rows(self.paths[split], split) for split in self._splits)
        classes, attributes, predicates = (
            _read_names(self.paths.get(f"{kind}_descriptions")) for kind in ("class", "attribute", "relation")
        )
        images = _images(rows, self._photos)
        marked = _with_reasons(rows, classes, images)
        rejected = _rejected(marked)
        good = marked.filter(pl.col("reason").is_null())
        is_attribute = pl.col("RelationshipLabel") == "is"
        relations = good.filter(~is_attribute)
        ends = pl.concat([_ends(good, 1), _ends(relations, 2)]).unique(_END, maintain_order=True)
        stated = _attributes(good.filter(is_attribute), attributes)
        objects = _objects(ends, stated, classes, images)
        known_images = images.filter(pl.col("width").is_not_null())
        n_records = {"image": images.height, "object": ends.height, "relation": rows.height}
        return RawGraphs(
            known_images.select(RAW_IMAGES.keys()),
            objects,
            _relations(relations, predicates),
            pl.concat([rejected, _lost(images)]),
            n_records,
        )


def _read_rows(path: Path, split: str) -> pl.DataFrame:
    try:
        rows = pl.read_csv(path, infer_schema=False)
    except FileNotFoundError as error:
        raise AnnotationError(f"{path} is not there. Put the file there, or change its path in the catalog.") from error
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{path} is no csv table: {error}. Fetch it again.") from error
    if missing := [name for name in _COLUMNS if name not in rows.columns]:
        raise AnnotationError(
            f"{path} lacks the columns {missing}; it has {rows.columns}. Is it a …-annotations-vrd.csv?"
        )
    numbered = rows.select(_COLUMNS).with_row_index("row", offset=1)
    return numbered.with_columns(
        *(pl.col(name).cast(pl.Float64, strict=False) for name in _COORDINATES),
        split=pl.lit(split),
        source=pl.lit(path.name),
        record=pl.concat_str(_COLUMNS, separator=",", ignore_nulls=True),
        relation_id=pl.format("{}-{}", pl.lit(split), "row"),
    )


def _read_names(path: Path | None) -> dict[str, str]:
    """Names by id; some releases have a header line, which then names an id that never occurs."""
    if path is None:
        return {}
    try:
        table = pl.read_csv(path, has_header=False, infer_schema=False)
    except FileNotFoundError as error:
        raise AnnotationError(f"{path} is not there. Put the file there, or change its path in the catalog.") from error
    if table.width < 2:
        raise AnnotationError(f"{path} should have two columns, ids and names. Fetch it again.")
    return dict(table.select(table.columns[:2]).iter_rows())


def _images(rows: pl.DataFrame, photos: Path) -> pl.DataFrame:
    """One row per image; width and height are null where the photo cannot be read."""
    images = (
        rows.filter(pl.col("ImageID").is_not_null())
        .group_by("ImageID", maintain_order=True)
        .agg(pl.col("split", "source").first())
    )
    sizes = [_photo_size(photos / f"{image_id}.jpg") for image_id in images["ImageID"]]
    return images.select(
        pl.col("ImageID").alias("image_id"),
        (pl.col("ImageID") + ".jpg").alias("file_name"),
        pl.Series("width", [size[0] for size in sizes], dtype=pl.Int32),
        pl.Series("height", [size[1] for size in sizes], dtype=pl.Int32),
        "split",
        pl.lit(None, dtype=pl.Int64).alias("coco_id"),
        pl.lit(None, dtype=pl.String).alias("flickr_id"),
        "source",
    )


def _photo_size(path: Path) -> tuple[int | None, int | None]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as photo:
            return photo.size
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None, None


def _with_reasons(rows: pl.DataFrame, classes: dict[str, str], images: pl.DataFrame) -> pl.DataFrame:
    labels = list(classes)
    sized = images.filter(pl.col("width").is_not_null())["image_id"].to_list()
    is_attribute = (pl.col("RelationshipLabel") == "is").fill_null(value=False)
    in_range = pl.all_horizontal(pl.col(name).is_between(-1, 2).fill_null(value=False) for name in _COORDINATES)
    unknown = "label {} is not among the class descriptions"
    return rows.with_columns(
        reason=pl.coalesce(
            pl.when(pl.col("ImageID").is_null()).then(pl.lit("it names no image")),
            pl.when(pl.col("RelationshipLabel").is_null()).then(pl.lit("it has no relation")),
            pl.when(~in_range).then(pl.lit("its coordinates are not numbers between 0 and 1")),
            pl.when(~pl.col("LabelName1").is_in(labels).fill_null(value=False)).then(
                pl.format(unknown, pl.col("LabelName1").fill_null(""))
            ),
            pl.when(~is_attribute & ~pl.col("LabelName2").is_in(labels).fill_null(value=False)).then(
                pl.format(unknown, pl.col("LabelName2").fill_null(""))
            ),
            pl.when(~pl.col("ImageID").is_in(sized)).then(
                pl.lit("its photo cannot be read, and its boxes are relative to the photo's size")
            ),
        )
    )


def _rejected(marked: pl.DataFrame) -> pl.DataFrame:
    """Rows that are no relation: faulty ones, and statements of attributes."""
    stated = pl.when(pl.col("RelationshipLabel") == "is").then(pl.lit("it states an attribute, kept with its object"))
    return (
        marked.with_columns(pl.coalesce("reason", stated))
        .filter(pl.col("reason").is_not_null())
        .select(pl.lit("relation").alias("kind"), "source", pl.col("ImageID").alias("image_id"), "record", "reason")
        .cast(REJECTED)
    )


def _lost(images: pl.DataFrame) -> pl.DataFrame:
    return (
        images.filter(pl.col("width").is_null())
        .select(
            pl.lit("image").alias("kind"),
            "source",
            "image_id",
            pl.col("file_name").alias("record"),
            pl.lit("its photo cannot be read, and boxes are relative to its size").alias("reason"),
        )
        .cast(REJECTED)
    )


def _ends(rows: pl.DataFrame, end: int) -> pl.DataFrame:
    """Label and box of one end of each row."""
    return rows.select(
        pl.col("ImageID").alias("image_id"),
        pl.col(f"LabelName{end}").alias("label"),
        *(pl.col(f"{name}{end}").alias(name) for name in _RANGES),
    )


def _attributes(rows: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    stated = _ends(rows, 1).with_columns(attribute=rows["LabelName2"].replace(names))
    return stated.group_by(_END, maintain_order=True).agg(
        attributes=pl.col("attribute").drop_nulls().unique(maintain_order=True)
    )


def _object_id() -> pl.Expr:
    return pl.concat_str("label", *_RANGES, separator=",")


def _objects(ends: pl.DataFrame, stated: pl.DataFrame, classes: dict[str, str], images: pl.DataFrame) -> pl.DataFrame:
    placed = ends.join(stated, on=_END, how="left", maintain_order="left").join(
        images.select("image_id", "width", "height"), on="image_id", how="left", maintain_order="left"
    )
    corners = from_relative_ranges(*(placed[name].to_numpy() for name in (*_RANGES, "width", "height")))
    nothing = pl.lit([], dtype=pl.List(pl.String))
    return placed.select(
        "image_id",
        _object_id().alias("object_id"),
        pl.col("label").replace(classes).alias("name"),
        nothing.alias("other_names"),
        pl.col("attributes").fill_null(nothing),
        *(pl.Series(name, values) for name, values in zip(BOX, corners, strict=True)),
    ).cast(RAW_OBJECTS)


def _relations(rows: pl.DataFrame, predicates: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "image_id": rows["ImageID"],
            "relation_id": rows["relation_id"],
            "subject_id": _ends(rows, 1).select(_object_id()).to_series(),
            "object_id": _ends(rows, 2).select(_object_id()).to_series(),
            "predicate": rows["RelationshipLabel"].replace(predicates),
        },
        schema=RAW_RELATIONS,
    )
