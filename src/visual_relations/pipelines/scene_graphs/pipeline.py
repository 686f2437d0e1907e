"""Annotations in any public format to tables: read, clean, count, pair."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from visual_relations.pipelines.scene_graphs import explore, nodes

FIGURES = ["predicate_long_tail", "object_pair_heat_map", "graph_sizes", "box_sanity"]


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
            Node(
                explore.summarise_scene_graphs,
                inputs=["images", "objects", "relations", "rejected_records", "relation_pairs", "vocabulary"],
                outputs="scene_graph_summary",
                name="summarise_scene_graphs",
            ),
            Node(
                explore.plot_scene_graphs,
                inputs=["images", "objects", "relations", "triplet_vocabulary", "vocabulary"],
                outputs=FIGURES,
                name="plot_scene_graphs",
            ),
            Node(
                explore.build_scene_graph_page,
                inputs=["images", "objects", "relations", "scene_graph_summary", *FIGURES, "params:scene_graphs"],
                outputs="scene_graph_page",
                name="build_scene_graph_page",
            ),
        ]
    )
