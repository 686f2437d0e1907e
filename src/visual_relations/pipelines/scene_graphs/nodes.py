"""Steps of the pipeline: each takes tables and returns tables."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from visual_relations.graphs import pairs, vocabulary
from visual_relations.graphs.cleaning import clean_graphs
from visual_relations.graphs.leakage import PhotoIds
from visual_relations.graphs.relation_classes import relation_classes
from visual_relations.graphs.splits import assign_splits
from visual_relations.graphs.tables import RawGraphs
from visual_relations.graphs.verbalise import CountTokens, GraphSentences
from visual_relations.graphs.vocabulary import Vocabulary
from visual_relations.pipelines.scene_graphs.params import SceneGraphsParams

Names = dict[str, list[str]]


def clean_scene_graphs(
    raw: RawGraphs,
    object_alias: dict[str, str],
    relationship_alias: dict[str, str],
    evaluation_photos: PhotoIds,
    params: SceneGraphsParams,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame, Names]:
    """Bring annotations to the project's tables.

    Args:
        raw: What a reader found.
        object_alias: Canonical object name by alias.
        relationship_alias: Canonical predicate by alias.
        evaluation_photos: Photos that must not be trained on.
        params: Splits and cleaning.

    Returns:
        `images`, `objects`, `relations`, `rejected_records`, and the class lists that the format itself fixes.
    """
    raw = replace(raw, images=assign_splits(raw.images, params.splits))
    clean = clean_graphs(raw, params.cleaning, object_alias, relationship_alias, evaluation_photos)
    return clean.images, clean.objects, clean.relations, clean.rejected, raw.vocabulary or {}


def build_vocabulary(
    images: pl.DataFrame, objects: pl.DataFrame, relations: pl.DataFrame, given: Names, params: SceneGraphsParams
) -> Vocabulary:
    """Choose object and predicate classes and count them in the training images."""
    return vocabulary.make_vocabulary(
        _of_training(objects, images)["name"], _of_training(relations, images)["predicate"], given, params.vocabulary
    )


def build_relation_pairs(
    images: pl.DataFrame, objects: pl.DataFrame, relations: pl.DataFrame, names: Vocabulary
) -> pl.DataFrame:
    """One row per annotated relation between classes."""
    return pairs.relation_pairs(images, objects, relations, names)


def build_candidate_pairs(
    images: pl.DataFrame,
    objects: pl.DataFrame,
    relation_pairs: pl.DataFrame,
    names: Vocabulary,
    params: SceneGraphsParams,
) -> pl.DataFrame:
    """All ordered pairs of an image's objects, for the all-pairs protocol."""
    return pairs.candidate_pairs(images, objects, relation_pairs, names, params.candidate_pairs)


def build_triplet_vocabulary(
    relation_pairs: pl.DataFrame, names: Vocabulary, params: SceneGraphsParams
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Distinct training triplets with counts, and the triplets of other splits that training never shows."""
    triplets = vocabulary.triplet_vocabulary(relation_pairs, names, params.triplet_template)
    return triplets, vocabulary.zero_shot_triplets(relation_pairs, triplets)


def build_relation_classes(images: pl.DataFrame, relations: pl.DataFrame, params: SceneGraphsParams) -> pl.DataFrame:
    """Classes of masked relation classification."""
    return relation_classes(_of_training(relations, images)["predicate"], params.relation_classes)


def verbalise_scene_graphs(
    objects: pl.DataFrame, relations: pl.DataFrame, count_tokens: CountTokens, params: SceneGraphsParams
) -> pl.DataFrame:
    """Graphs as sentences, one per image and epoch."""
    sentences = GraphSentences(objects, relations, params.verbalisation, count_tokens)
    return pl.concat(sentences.draw(epoch) for epoch in range(params.epochs))


def _of_training(table: pl.DataFrame, images: pl.DataFrame) -> pl.DataFrame:
    training = images.filter(pl.col("split") == "train").select("image_id")
    return table.join(training, on="image_id", how="semi", maintain_order="left")
