"""Annotations in any public format to tables: read, clean, count, pair."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from visual_relations.pipelines.scene_graphs import nodes


def create_pipeline() -> Pipeline:
    """The nodes of `scene_graphs`."""
    return Pipeline(
        [
            Node(
                nodes.clean_scene_graphs,
                inputs=[
                    "raw_scene_graphs",
                    "object_alias",
                    "relationship_alias",
                    "evaluation_photos",
                    "params:scene_graphs",
                ],
                outputs=["images", "objects", "relations", "rejected_records", "given_vocabulary"],
                name="clean_scene_graphs",
            ),
            Node(
                nodes.build_vocabulary,
                inputs=["images", "objects", "relations", "given_vocabulary", "params:scene_graphs"],
                outputs="vocabulary",
                name="build_vocabulary",
            ),
            Node(
                nodes.build_relation_pairs,
                inputs=["images", "objects", "relations", "vocabulary"],
                outputs="relation_pairs",
                name="build_relation_pairs",
            ),
            Node(
                nodes.build_candidate_pairs,
                inputs=["images", "objects", "relation_pairs", "vocabulary", "params:scene_graphs"],
                outputs="candidate_pairs",
                name="build_candidate_pairs",
            ),
            Node(
                nodes.build_triplet_vocabulary,
                inputs=["relation_pairs", "vocabulary", "params:scene_graphs"],
                outputs=["triplet_vocabulary", "zero_shot_triplets"],
                name="build_triplet_vocabulary",
            ),
            Node(
                nodes.build_relation_classes,
                inputs=["images", "relations", "params:scene_graphs"],
                outputs="relation_classes",
                name="build_relation_classes",
            ),
            Node(
                nodes.verbalise_scene_graphs,
                inputs=["objects", "relations", "token_counter", "params:scene_graphs"],
                outputs="verbalised_scene_graphs",
                name="verbalise_scene_graphs",
            ),
        ]
    )
