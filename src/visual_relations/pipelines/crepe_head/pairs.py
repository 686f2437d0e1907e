"""The pairs of the grid: predicates that can be learned, candidates worth ranking, and a held-out part on request."""

from __future__ import annotations

import hashlib

import polars as pl

from visual_relations.graphs.vocabulary import Vocabulary, triplet_vocabulary
from visual_relations.metrics.relations.pruning import prune, worthwhile_classes
from visual_relations.pipelines.crepe_head.params import PruningParams

UNUSED = "unused"
PAIR_COLUMNS = ["pair_id", "image_id", "split", "subject_index", "object_index", "subject_class", "object_class"]
BOXES = [end + side for end in "so" for side in ("x1", "y1", "x2", "y2")]


def hold_out(pairs: pl.DataFrame, share: float) -> pl.DataFrame:
    """Put a share of the training images in the place of the test images, by a hash of their id.

    So that heads can be chosen without the test split: with a share above 0 that split is not used at all.
    """
    if not share:
        return pairs
    images = pairs["image_id"].unique()
    chosen = pl.Series([_unit_hash(image) < share for image in images], dtype=pl.Boolean)
    held_out = pl.col("image_id").is_in(images.filter(chosen).implode())
    split = pl.col("split")
    return pairs.with_columns(
        pl.when(split == "test").then(pl.lit(UNUSED)).when((split == "train") & held_out).then(pl.lit("test"))
        .otherwise(split).alias("split")
    )  # fmt: skip


def _unit_hash(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def learnable(relation_pairs: pl.DataFrame, vocabulary: Vocabulary) -> tuple[pl.DataFrame, Vocabulary]:
    """Leave out predicates that no training pair has: no head can predict them.

    Returns:
        Pairs with new predicate classes, and the vocabulary that numbers them; counts are those of the training pairs.
    """
    training = relation_pairs.filter(pl.col("split") == "train")
    counts = dict(training["predicate_class"].value_counts(name="count").iter_rows())
    kept = [number for number in range(len(vocabulary["predicates"])) if counts.get(number)]
    numbers = pl.DataFrame({"predicate_class": kept, "new": range(len(kept))}).cast(pl.Int16)
    pairs = relation_pairs.join(numbers, on="predicate_class", how="inner", maintain_order="left")
    pairs = pairs.with_columns(predicate_class="new").drop("new")
    return pairs, Vocabulary(
        objects=vocabulary["objects"],
        object_counts=vocabulary["object_counts"],
        predicates=[vocabulary["predicates"][number] for number in kept],
        predicate_counts=[counts[number] for number in kept],
    )


def grid_candidates(relation_pairs: pl.DataFrame, candidate_pairs: pl.DataFrame, params: PruningParams) -> pl.DataFrame:
    """Candidates of the all-pairs protocol: all of the training images, the worthwhile ones of the others."""
    annotated = relation_pairs.filter(pl.col("split") == "train").unique("pair_id")
    in_train = pl.col("split") == "train"
    training, others = candidate_pairs.filter(in_train), candidate_pairs.filter(~in_train)
    if params.recall < 1:
        others = prune(others, worthwhile_classes(annotated, training, params.recall))
    return pl.concat([training, others])


def working_pairs(
    relation_pairs: pl.DataFrame,
    candidate_pairs: pl.DataFrame,
    readable_ids: pl.Series | None,
    params: PruningParams,
    *,
    all_pairs: bool,
) -> pl.DataFrame:
    """Pairs to train on and to predict.

    Args:
        relation_pairs: Annotated pairs of all splits.
        candidate_pairs: Candidates of all splits.
        readable_ids: Pairs with a union feature; None: the world has none, and every pair will do.
        params: How many unannotated training pairs are drawn.
        all_pairs: Whether unannotated pairs are wanted.

    Returns:
        Annotated pairs (one row per predicate), a draw of unannotated training pairs, the unannotated test pairs;
        `predicate_class` is null for the latter two. `readable` says whether a head can look at the pair.
    """
    columns = [*PAIR_COLUMNS, "predicate_class", *BOXES, "width", "height"]
    relation_pairs, candidate_pairs = _with_sizes(relation_pairs), _with_sizes(candidate_pairs)
    annotated = relation_pairs.filter(pl.col("subject_index") != pl.col("object_index")).select(columns)
    parts = [annotated.filter(pl.col("split").is_in(["train", "test"]))]
    if all_pairs:
        empty = candidate_pairs.join(annotated, on="pair_id", how="anti", maintain_order="left")
        empty = empty.with_columns(predicate_class=pl.lit(None, pl.Int16)).select(columns)
        training = _readable(empty.filter(pl.col("split") == "train"), readable_ids).filter("readable").drop("readable")
        wanted = round(params.background_per_pair * annotated.filter(pl.col("split") == "train").height)
        drawn = training.sample(min(wanted, training.height), seed=0).sort("pair_id")
        parts += [drawn, empty.filter(pl.col("split") == "test")]
    return _readable(pl.concat(parts), readable_ids)


def _with_sizes(pairs: pl.DataFrame) -> pl.DataFrame:
    """Images of unknown size (annotations without a list of images) reach to their furthest box."""
    return pairs.with_columns(
        pl.col(size).fill_null(pl.max_horizontal(f"s{side}", f"o{side}").max().over("image_id").ceil().cast(pl.Int32))
        for size, side in (("width", "x2"), ("height", "y2"))
    )


def _readable(pairs: pl.DataFrame, ids: pl.Series | None) -> pl.DataFrame:
    if ids is None:
        return pairs.with_columns(readable=pl.lit(value=True))
    return pairs.with_columns(readable=pl.col("pair_id").is_in(ids.implode()))


def of_protocol(pairs: pl.DataFrame, protocol: str) -> pl.DataFrame:
    """The pairs of a protocol with `target`, the column of their label: the background is column 0 of "all_pairs"."""
    predicate = pl.col("predicate_class").cast(pl.Int64)
    if protocol == "all_pairs":
        return pairs.with_columns(target=(predicate + 1).fill_null(0))
    return pairs.filter(predicate.is_not_null()).with_columns(target=predicate)


def training_triplets(relation_pairs: pl.DataFrame, vocabulary: Vocabulary) -> pl.DataFrame:
    """Triplet vocabulary of the renumbered predicates."""
    return triplet_vocabulary(relation_pairs, vocabulary)
