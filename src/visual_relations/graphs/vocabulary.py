"""Class ids, counts, and the triplets they make up. Ids are 0-based positions in a list of names."""

from __future__ import annotations

from string import Formatter
from typing import Literal, TypedDict

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

TRIPLET = ["subject_class", "predicate_class", "object_class"]


class Vocabulary(TypedDict):
    """Names by class id, and how often each occurs in the training images."""

    objects: list[str]
    predicates: list[str]
    object_counts: list[int]
    predicate_counts: list[int]


class VocabularyParams(BaseModel):
    """Which names become classes. Ignored where the format itself fixes the lists (VG150, VRD).

    Attributes:
        objects: The most frequent object names to keep; null keeps all.
        predicates: The most frequent predicates to keep; null keeps all.
        minimum_count: Names that occur less often in training are no class.
        order: Whether ids follow the alphabet, as VG150's do, or the frequency.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    objects: int | None = Field(None, ge=1)
    predicates: int | None = Field(None, ge=1)
    minimum_count: int = Field(1, ge=1)
    order: Literal["alphabetical", "frequency"] = "alphabetical"


def make_vocabulary(
    object_names: pl.Series, predicates: pl.Series, given: dict[str, list[str]], params: VocabularyParams
) -> Vocabulary:
    """Count names of training images and turn them into classes.

    Args:
        object_names: Names of all objects in training images.
        predicates: Predicates of all relations in training images.
        given: Lists the format fixes, by "objects" and "predicates"; empty when it fixes none.
        params: Which names to keep otherwise.

    Returns:
        Names and training counts.
    """
    objects, object_counts = _classes(object_names, given.get("objects"), params.objects, params)
    relations, predicate_counts = _classes(predicates, given.get("predicates"), params.predicates, params)
    return Vocabulary(
        objects=objects, predicates=relations, object_counts=object_counts, predicate_counts=predicate_counts
    )


def _classes(
    names: pl.Series, given: list[str] | None, limit: int | None, params: VocabularyParams
) -> tuple[list[str], list[int]]:
    counts = names.drop_nulls().alias("name").value_counts(name="count")
    if given is not None:
        count_of = dict(counts.iter_rows())
        return given, [count_of.get(name, 0) for name in given]
    # Ties by name, so that the cut does not depend on the order of the file.
    ranked = counts.filter(pl.col("count") >= params.minimum_count).sort(["count", "name"], descending=[True, False])
    kept = ranked if limit is None else ranked.head(limit)
    kept = kept.sort("name") if params.order == "alphabetical" else kept
    return kept["name"].to_list(), kept["count"].to_list()


def class_ids(names: pl.Series, classes: list[str]) -> pl.Series:
    """Class id of each name, int16; null for names that are no class."""
    ids = pl.int_range(len(classes), dtype=pl.Int16, eager=True)
    return names.replace_strict(pl.Series(classes, dtype=pl.String), ids, default=None, return_dtype=pl.Int16)


def triplet_vocabulary(
    pairs: pl.DataFrame, vocabulary: Vocabulary, template: str = "{subject} {predicate} {object}"
) -> pl.DataFrame:
    """Count the distinct triplets of the training pairs, most frequent first.

    Args:
        pairs: Annotated pairs with `split` and the three class columns.
        vocabulary: Names of the classes.
        template: Sentence with {subject}, {predicate} and {object}.

    Returns:
        `subject_class`, `predicate_class`, `object_class`, `text` (the sentence) and `count`.
    """
    counted = pairs.filter(pl.col("split") == "train").group_by(TRIPLET).agg(pl.len().cast(pl.UInt32).alias("count"))
    text = fill_template(template, {name.removesuffix("_class"): class_name(name, vocabulary) for name in TRIPLET})
    return counted.sort(["count", *TRIPLET], descending=[True, False, False, False]).select(
        *TRIPLET, text.alias("text"), "count"
    )


def zero_shot_triplets(pairs: pl.DataFrame, triplets: pl.DataFrame) -> pl.DataFrame:
    """Distinct triplets of each evaluation split that training never shows, with their counts there."""
    unseen = pairs.filter(pl.col("split") != "train").join(triplets, on=TRIPLET, how="anti")
    return unseen.group_by("split", *TRIPLET).agg(pl.len().cast(pl.UInt32).alias("count")).sort("split", *TRIPLET)


def class_name(column: str, vocabulary: Vocabulary) -> pl.Expr:
    """The name behind a class column such as `predicate_class`."""
    names = vocabulary["predicates"] if column.startswith("predicate") else vocabulary["objects"]
    ids = pl.int_range(len(names), dtype=pl.Int16, eager=True)
    return pl.col(column).replace_strict(ids, pl.Series(names, dtype=pl.String), return_dtype=pl.String)


def fill_template(template: str, values: dict[str, pl.Expr]) -> pl.Expr:
    """A sentence per row.

    Args:
        template: Text with fields in braces, such as "a photo of a {subject} {predicate} a {object}".
        values: Column for each field.

    Raises:
        ValueError: If the template has another field.
    """
    parts: list[pl.Expr] = []
    for text, name, _, _ in Formatter().parse(template):
        parts += [pl.lit(text)] if text else []
        if name is not None:
            if name not in values:
                raise ValueError(f"template {template!r} has the field {name!r}; there are {sorted(values)}")
            parts.append(values[name])
    return pl.concat_str(parts)
