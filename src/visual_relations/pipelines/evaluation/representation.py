"""What a relation model's inputs are worth: does it use where things are, and how good are its pseudo labels?

A pair's picture is that of its union box. Given that of another pair, a model keeps the labels and loses the place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from visual_relations.metrics.intervals import accuracy_interval
from visual_relations.metrics.table import metric_table
from visual_relations.pipelines.evaluation.relations import UNCALIBRATED, evaluate_relation_predictions
from visual_relations.pipelines.evaluation.relations_params import RelationEvaluationParams

SHUFFLED = "boxes shuffled"  # the union box of another pair in the same picture
EXCHANGED = "picture exchanged"  # that of a pair in another picture
PROTOCOL = "annotated_pairs"
SEED = 0


def exchange_boxes(crepe_pairs: pl.DataFrame, params: RelationEvaluationParams) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give every evaluated pair the union box of another one.

    Args:
        crepe_pairs: Working pairs of all splits; only annotated, readable ones of the evaluated split are exchanged.
        params: Which split.

    Returns:
        The same table twice, with `pair_id` naming the pair whose picture is shown and `own_id` the pair itself: from
        another pair of the same picture (from anywhere, where there is only one), and from another picture.
    """
    evaluated = (pl.col("split") == params.split) & pl.col("predicate_class").is_not_null() & pl.col("readable")
    others = crepe_pairs.filter(pl.col("split") != params.split).with_columns(own_id=pl.col("pair_id"))
    rows = crepe_pairs.filter(evaluated)
    pairs = rows.unique("pair_id", maintain_order=True).select("pair_id", "image_id")
    tables = []
    for exchanged in (_within_pictures(pairs), _between_pictures(pairs)):
        shown = rows.rename({"pair_id": "own_id"}).join(exchanged, on="own_id", maintain_order="left")
        tables.append(pl.concat([others, shown.select(others.columns)]))
    return tables[0], tables[1]


def measure_position_probes(
    relation_pairs: pl.DataFrame,
    candidate_pairs: pl.DataFrame,
    vocabulary: dict[str, Any],
    triplet_vocabulary: pl.DataFrame,
    shuffled_pairs: pl.DataFrame,
    shuffled_predictions: pl.DataFrame,
    exchanged_pairs: pl.DataFrame,
    exchanged_predictions: pl.DataFrame,
    params: RelationEvaluationParams,
) -> pl.DataFrame:
    """Measure the relation models on exchanged boxes.

    Args:
        relation_pairs: Annotated pairs.
        candidate_pairs: All ordered pairs.
        vocabulary: Class names.
        triplet_vocabulary: Training triplets.
        shuffled_pairs: From `exchange_boxes`, first.
        shuffled_predictions: Of the models for them.
        exchanged_pairs: From `exchange_boxes`, second.
        exchanged_predictions: Of the models for them.
        params: Split and cut-offs.

    Returns:
        A metric table with the variants "boxes shuffled" and "picture exchanged"; a model that does as well as with its
        own boxes does not look at them.
    """
    tables = []
    none = pl.DataFrame(schema={"model": pl.String, "protocol": pl.String, "seed": pl.Int32, "method": pl.String})
    for variant, pairs, shown in (
        (SHUFFLED, shuffled_pairs, shuffled_predictions),
        (EXCHANGED, exchanged_pairs, exchanged_predictions),
    ):
        own = pairs.select("pair_id", "own_id").unique()
        predictions = (
            shown.filter(pl.col("protocol") == PROTOCOL)
            .join(own, on="pair_id", maintain_order="left")
            .with_columns(pair_id=pl.col("own_id"))
            .select(shown.columns)
        )
        summary, _ = evaluate_relation_predictions(
            relation_pairs,
            candidate_pairs,
            vocabulary,
            triplet_vocabulary,
            predictions,
            predictions.clear(),
            none,
            params,
        )
        renamed = pl.when(pl.col("variant") == UNCALIBRATED).then(pl.lit(variant)).otherwise(pl.col("variant"))
        tables.append(summary.with_columns(variant=renamed))
    return pl.concat(tables)


def measure_pseudo_labels_by_predicate(
    crepe_pairs: pl.DataFrame,
    pseudo_labels: pl.DataFrame,
    triplet_vocabulary: pl.DataFrame,
    vocabulary: dict[str, Any],
    params: RelationEvaluationParams,
) -> pl.DataFrame:
    """How often the retrieved triplet has the annotated predicate, for each predicate.

    Args:
        crepe_pairs: Working pairs.
        pseudo_labels: Retrieved triplet of each pair.
        triplet_vocabulary: The triplets.
        vocabulary: Class names.
        params: Name of the benchmark.

    Returns:
        A metric table: `pseudo_label_recall` of every predicate and their mean, per split; the variant "shuffled" gives
        each pair the pseudo label of another one.
    """
    found = triplet_vocabulary.with_row_index("triplet").select("triplet", found="predicate_class")
    annotated = crepe_pairs.filter(pl.col("predicate_class").is_not_null(), "readable")
    joined = annotated.join(pseudo_labels, on="pair_id").join(found, on="triplet", maintain_order="left")
    rows: list[dict[str, Any]] = []
    for (split,), part in joined.group_by("split", maintain_order=True):
        shuffled = part.with_columns(found=part["found"].shuffle(seed=SEED))
        for variant, table in (("", part), ("shuffled", shuffled)):
            shared = {"benchmark": params.benchmark, "split": split, "model": "pseudo_labels", "variant": variant}
            rows += [{**shared, "protocol": PROTOCOL, **row} for row in _recall_rows(table, vocabulary["predicates"])]
    return metric_table(rows)


def _recall_rows(table: pl.DataFrame, predicates: list[str]) -> list[dict[str, Any]]:
    right = (pl.col("found") == pl.col("predicate_class")).sum()
    counts = table.group_by("predicate_class").agg(count=pl.len(), right=right).sort("predicate_class")
    named = [(predicates[p], n, r) for p, n, r in counts.select("predicate_class", "count", "right").iter_rows()]
    parts = [(f"predicate:{name}", [right], [count]) for name, count, right in named]
    parts.append(("macro:predicate", [right for _, _, right in named], [count for _, count, _ in named]))
    rows = []
    for name, rights, totals in parts:
        low, high = accuracy_interval(rights, totals)
        value = sum(r / n for r, n in zip(rights, totals, strict=True)) / len(totals)
        row = {"metric": "pseudo_label_recall", "slice": name, "value": value, "count": sum(totals)}
        rows.append({**row, "low": low, "high": high})
    return rows


def _within_pictures(pairs: pl.DataFrame) -> pl.DataFrame:
    """Every pair (`own_id`) with the next one of its picture; the only pair of a picture with one from elsewhere."""
    following = pl.col("pair_id").shift(-1).fill_null(pl.col("pair_id").first()).over("image_id")
    several = pairs.filter(pl.len().over("image_id") > 1).select(own_id="pair_id", pair_id=following)
    single = pairs.filter(pl.len().over("image_id") == 1)
    return pl.concat([several, _between_pictures(single)])


def _between_pictures(pairs: pl.DataFrame) -> pl.DataFrame:
    """Every pair (`own_id`) with one of another picture: a rotation of all by the size of the largest picture."""
    ordered = pairs.sort("image_id", maintain_order=True)
    largest = max(ordered["image_id"].value_counts()["count"], default=0)
    places = (np.arange(ordered.height) + largest) % max(ordered.height, 1)
    return pl.DataFrame({"own_id": ordered["pair_id"], "pair_id": ordered["pair_id"].gather(places)})
