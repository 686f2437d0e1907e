"""Raw annotations to clean tables; whatever is dropped is kept as a rejected record with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from visual_relations.graphs.leakage import PhotoIds, evaluation_images
from visual_relations.graphs.names import clean_lists, clean_names
from visual_relations.graphs.tables import (
    BOX,
    REJECTED,
    RawGraphs,
    check_conserved,
    empty,
    grouped_by_image,
    is_repeated,
)

OBJECT_KEY = ["image_id", "object_id"]


class CleaningParams(BaseModel):
    """What counts as a usable record.

    Attributes:
        boxes: Boxes beyond the image's edge: `clip` to [0, width], `clip_to_last_pixel` to [0, width - 1] as
            Scene-Graph-Benchmark does, or `keep`.
        smallest_side: Boxes with a shorter side (pixels, after clipping) are rejected; 0 keeps all.
        self_relations: Relations of an object with itself.
        train_duplicates: The same subject, predicate and object again in a training image. Those of other splits are
            always kept: the evaluation protocol counts each of them.
        drop_articles: "is on the" becomes "on"; for Visual Genome 1.0.
        unreadable_images: Ids of images whose photo is known to be broken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    boxes: Literal["clip", "clip_to_last_pixel", "keep"] = "clip"
    smallest_side: float = Field(1.0, ge=0)
    self_relations: Literal["keep", "drop"] = "drop"
    train_duplicates: Literal["keep", "drop"] = "drop"
    drop_articles: bool = False
    unreadable_images: tuple[str, ...] = ()


@dataclass(frozen=True)
class CleanGraphs:
    """Clean tables; `object_index` counts the objects of an image from 0 in the order of the source."""

    images: pl.DataFrame
    objects: pl.DataFrame
    relations: pl.DataFrame
    rejected: pl.DataFrame


def clean_graphs(
    raw: RawGraphs,
    params: CleaningParams,
    object_aliases: Mapping[str, str] | None = None,
    predicate_aliases: Mapping[str, str] | None = None,
    evaluation: PhotoIds | None = None,
) -> CleanGraphs:
    """Clean names and boxes, resolve relation ends, and set aside what cannot be used.

    Args:
        raw: What a reader found.
        params: What counts as usable.
        object_aliases: Canonical object name by alias.
        predicate_aliases: Canonical predicate by alias.
        evaluation: Photos of evaluation sets: a training image that is one of them is rejected.

    Returns:
        Images, objects, relations, and rejected records of reading and cleaning together.
    """
    reasons = [_unreadable(params), _held_out(raw.images, evaluation or PhotoIds())]
    images, bad_images = _split_off(raw.images, reasons, "image", raw.images)
    image_facts = images.select("image_id", "width", "height", "split")
    objects, bad_objects = _clean_objects(raw.objects, image_facts, params, object_aliases)
    relations, bad_relations = _clean_relations(raw.relations, objects, image_facts, params, predicate_aliases)
    rejected = pl.concat([raw.rejected, bad_images, bad_objects, bad_relations])
    columns = ["image_id", "object_index", "object_id", "name", *BOX, "attributes", "other_names", "outside"]
    check_conserved(raw.n_records, (images, objects, relations), rejected)
    return CleanGraphs(images, objects.select(columns), relations, rejected)


def _unreadable(params: CleaningParams) -> pl.Expr:
    return pl.when(pl.col("image_id").is_in(list(params.unreadable_images))).then(pl.lit("its photo is unreadable"))


def _held_out(images: pl.DataFrame, evaluation: PhotoIds) -> pl.Expr:
    reasons = evaluation_images(images, evaluation) if len(evaluation) else pl.Series([None], dtype=pl.String)
    return pl.when(pl.col("split") == "train").then(pl.lit(reasons))


def _clean_objects(
    objects: pl.DataFrame, image_facts: pl.DataFrame, params: CleaningParams, aliases: Mapping[str, str] | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    named = objects.with_columns(
        clean_names(objects["name"], aliases),
        other_names=clean_lists(objects["other_names"], lambda names: clean_names(names, aliases)),
        attributes=clean_lists(objects["attributes"], clean_names),
    )
    located = named.join(
        image_facts.with_columns(known=pl.lit(value=True)), on="image_id", how="left", maintain_order="left"
    )
    finite = pl.all_horizontal(pl.col(name).is_finite() for name in BOX)
    clipped = located.with_columns(_outside().alias("outside"), finite.alias("finite"), *_clipped(params))
    reasons = [
        pl.when(pl.col("known").is_null()).then(pl.lit("its image is not among the images")),
        pl.when(pl.col("name").is_null()).then(pl.lit("it has no name")),
        pl.when(~pl.col("finite")).then(pl.lit("its box is not made of finite numbers")),
        pl.when(_shorter_side() < params.smallest_side).then(pl.lit("its box has no area inside the image")),
        pl.when(pl.lit(is_repeated(objects, OBJECT_KEY))).then(pl.lit("its object_id occurs twice")),
    ]
    kept, rejected = _split_off(clipped, reasons, "object", objects)
    index = pl.int_range(pl.len(), dtype=pl.Int32).over("image_id")
    return grouped_by_image(kept).with_columns(object_index=index), rejected


def _clean_relations(
    relations: pl.DataFrame,
    objects: pl.DataFrame,
    image_facts: pl.DataFrame,
    params: CleaningParams,
    aliases: Mapping[str, str] | None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    named = clean_names(relations["predicate"], aliases, drop_articles=params.drop_articles)
    # Both ends at once: the objects are hashed only one time.
    ends = pl.concat([relations["subject_id"], relations["object_id"]])
    index = _index_of(pl.concat([relations["image_id"], relations["image_id"]]), ends, objects)
    linked = (
        relations.rename({"object_id": "target_id"})
        .with_columns(
            named,
            subject_index=index[: relations.height],
            object_index=index[relations.height :],
        )
        .join(image_facts.select("image_id", "split"), on="image_id", how="left", maintain_order="left")
    )
    ends_agree = pl.col("subject_index") == pl.col("object_index")
    again = pl.lit(is_repeated(linked, ["image_id", "subject_index", "predicate", "object_index"]))
    reasons = [
        pl.when(pl.col("subject_index").is_null()).then(pl.lit("its subject is not among the image's objects")),
        pl.when(pl.col("object_index").is_null()).then(pl.lit("its object is not among the image's objects")),
        pl.when(pl.col("predicate").is_null()).then(pl.lit("it has no predicate")),
    ]
    if params.self_relations == "drop":
        reasons.append(pl.when(ends_agree).then(pl.lit("subject and object are the same")))
    if params.train_duplicates == "drop":
        reasons.append(
            pl.when((pl.col("split") == "train") & again).then(pl.lit("it repeats another relation of the image"))
        )
    kept, rejected = _split_off(linked, reasons, "relation", relations)
    return kept.select("image_id", "relation_id", "subject_index", "object_index", "predicate"), rejected


def _index_of(image_ids: pl.Series, object_ids: pl.Series, objects: pl.DataFrame) -> pl.Series:
    """`object_index` of objects given by image and id; null where there is no such object."""
    known = objects.select("object_index", *OBJECT_KEY)
    wanted = pl.DataFrame({"image_id": image_ids, "object_id": object_ids})
    key = pl.struct(OBJECT_KEY).hash().alias("key")
    by_key = known.select(key).with_row_index("row")
    if by_key["key"].n_unique() < known.height:  # two objects share a hash
        return wanted.join(known, on=OBJECT_KEY, how="left", maintain_order="left")["object_index"]
    # A join on one number takes half the time of one on two strings; then the strings are compared.
    row = wanted.select(key).join(by_key, on="key", how="left", maintain_order="left")["row"]
    if not known.height:
        return pl.Series([None] * wanted.height, dtype=pl.Int32)
    met = known[row.fill_null(0)]
    same = row.is_not_null() & (met["image_id"] == image_ids) & (met["object_id"] == object_ids)
    return pl.select(pl.when(same).then(met["object_index"])).to_series()


def _split_off(
    table: pl.DataFrame, reasons: Sequence[pl.Expr], kind: str, published: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part rows with a reason (the first that holds) from those without; `published` shows them as they came."""
    reason = table.select(pl.coalesce(*reasons).alias("reason")).to_series()
    if reason.null_count() == table.height:
        return table, empty(REJECTED)
    bad = reason.is_not_null()
    rejected = (
        published.with_columns(reason)
        .filter(bad)
        .select(
            kind=pl.lit(kind),
            source=pl.lit("cleaning"),
            image_id="image_id",
            record=pl.struct(published.columns).struct.json_encode().str.head(300),
            reason="reason",
        )
    )
    return table.filter(~bad), rejected.cast(REJECTED)


def _outside() -> pl.Expr:
    """Whether the published box crosses the image's edge; false where the size is unknown."""
    beyond = (
        (pl.col("x1") < 0) | (pl.col("y1") < 0) | (pl.col("x2") > pl.col("width")) | (pl.col("y2") > pl.col("height"))
    )
    return beyond.fill_null(value=False)


def _clipped(params: CleaningParams) -> list[pl.Expr]:
    if params.boxes == "keep":
        return []
    margin = 1 if params.boxes == "clip_to_last_pixel" else 0
    limits = {"x1": "width", "y1": "height", "x2": "width", "y2": "height"}
    return [
        pl.when(pl.col(size).is_not_null())
        .then(pl.col(name).clip(0, pl.col(size) - margin))
        .otherwise(pl.col(name))
        .cast(pl.Float32)
        for name, size in limits.items()
    ]


def _shorter_side() -> pl.Expr:
    return pl.min_horizontal(pl.col("x2") - pl.col("x1"), pl.col("y2") - pl.col("y1"))
