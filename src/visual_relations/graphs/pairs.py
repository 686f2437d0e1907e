"""Annotated pairs, and all ordered pairs of an image's objects."""

from __future__ import annotations

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from visual_relations.graphs.tables import BOX, ObjectRows
from visual_relations.graphs.vocabulary import Vocabulary, class_ids

PAIR_KEY = ["image_id", "subject_index", "object_index"]
_SUBJECT_BOX = ("sx1", "sy1", "sx2", "sy2")
_OBJECT_BOX = ("ox1", "oy1", "ox2", "oy2")
COLUMNS = [
    "pair_id",
    "image_id",
    "split",
    "subject_index",
    "object_index",
    "subject_class",
    "predicate_class",
    "object_class",
    *_SUBJECT_BOX,
    *_OBJECT_BOX,
    "width",
    "height",
]


class CandidatePairParams(BaseModel):
    """Which pairs the all-pairs protocol looks at.

    Attributes:
        splits: Splits to list pairs for.
        most_per_image: Limit for training images (annotated pairs first, the rest drawn); evaluation keeps every pair.
        seed: Of the draw.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    splits: tuple[str, ...] = ("train", "val", "test")
    most_per_image: int | None = Field(None, ge=1)
    seed: int = 0


def relation_pairs(
    images: pl.DataFrame, objects: pl.DataFrame, relations: pl.DataFrame, vocabulary: Vocabulary
) -> pl.DataFrame:
    """One row per annotated relation whose three names are classes; duplicates stay.

    Args:
        images: With size and split.
        objects: Clean objects.
        relations: Clean relations.
        vocabulary: The classes.

    Returns:
        Pair id, image, split, indices, classes (int16), boxes (float32, pixels) and image size.
    """
    classes = class_ids(objects["name"], vocabulary["objects"])
    predicates = relations.with_columns(
        predicate_class=class_ids(relations["predicate"], vocabulary["predicates"])
    ).filter(pl.col("predicate_class").is_not_null())
    return _with_ends(predicates.select(*PAIR_KEY, "predicate_class"), objects, classes, images).select(COLUMNS)


def candidate_pairs(
    images: pl.DataFrame,
    objects: pl.DataFrame,
    annotated: pl.DataFrame,
    vocabulary: Vocabulary,
    params: CandidatePairParams,
) -> pl.DataFrame:
    """All ordered pairs of different classed objects of an image, row-major: (0, 1), (0, 2) … (1, 0) and so on.

    An image with a single classed object yields the one pair of it with itself, as in Scene-Graph-Benchmark.

    Args:
        images: With size and split.
        objects: Clean objects.
        annotated: The `relation_pairs`.
        vocabulary: The classes.
        params: Splits, and the limit for training images.

    Returns:
        The columns of `relation_pairs` without `predicate_class`.
    """
    wanted = images.filter(pl.col("split").is_in(list(params.splits)))
    classes = class_ids(objects["name"], vocabulary["objects"])
    classed = objects.filter(classes.is_not_null()).join(wanted, on="image_id", how="semi", maintain_order="left")
    indices = classed.select("image_id", "object_index")
    pairs = (
        indices.rename({"object_index": "subject_index"})
        .join(indices, on="image_id", how="inner", maintain_order="left_right")
        .with_columns(alone=pl.len().over("image_id") == 1)
        .filter((pl.col("subject_index") != pl.col("object_index")) | pl.col("alone"))
        .drop("alone")
    )
    if params.most_per_image is not None:
        pairs = _limited(pairs, wanted, annotated, params.most_per_image, params.seed)
    return _with_ends(pairs, objects, classes, wanted).select(name for name in COLUMNS if name != "predicate_class")


def _with_ends(pairs: pl.DataFrame, objects: pl.DataFrame, classes: pl.Series, images: pl.DataFrame) -> pl.DataFrame:
    """Add class and box of both ends and the facts of the image; pairs with an unclassed end vanish."""
    rows = ObjectRows(objects)
    subject, target = (rows.find(pairs["image_id"], pairs[f"{end}_index"]) for end in ("subject", "object"))
    classed = (classes[subject].is_not_null() & classes[target].is_not_null()).to_numpy()
    pairs, subject, target = pairs.filter(classed), subject[classed], target[classed]
    return pairs.with_columns(
        subject_class=classes[subject],
        object_class=classes[target],
        **{name: objects[source][subject] for name, source in zip(_SUBJECT_BOX, BOX, strict=True)},
        **{name: objects[source][target] for name, source in zip(_OBJECT_BOX, BOX, strict=True)},
        pair_id=pl.concat_str(PAIR_KEY, separator=":"),
    ).join(images.select("image_id", "split", "width", "height"), on="image_id", how="left", maintain_order="left")


def _limited(pairs: pl.DataFrame, images: pl.DataFrame, annotated: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """Keep at most so many pairs of a training image: the annotated ones, then a random draw of the others."""
    known = annotated.select(PAIR_KEY).unique().with_columns(annotated=pl.lit(value=True))
    ranked = (
        pairs.join(images.select("image_id", "split"), on="image_id", how="left", maintain_order="left")
        .join(known, on=PAIR_KEY, how="left", maintain_order="left")
        .with_columns(draw=np.random.default_rng(seed).random(pairs.height))
        .with_columns(draw=pl.when(pl.col("annotated")).then(pl.lit(-1.0)).otherwise(pl.col("draw")))
        .with_columns(rank=pl.col("draw").rank("ordinal").over("image_id"))
    )
    return ranked.filter((pl.col("split") != "train") | (pl.col("rank") <= most)).select(PAIR_KEY)
