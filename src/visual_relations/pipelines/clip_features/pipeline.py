"""Texts and photos to CLIP features; slices are created separately for pipelines that need only some."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from visual_relations.pipelines.clip_features import nodes
from visual_relations.pipelines.scene_graphs.pipeline import create_pipeline as create_scene_graphs

SHARED = ["workspace", "params:clip_features"]


def create_text_nodes() -> Pipeline:
    """Features of label texts and triplet texts."""
    return Pipeline(
        [
            Node(
                nodes.encode_object_texts,
                inputs=["vocabulary", *SHARED],
                outputs="object_text_features",
                name="encode_object_texts",
            ),
            Node(
                nodes.encode_triplet_texts,
                inputs=["triplet_vocabulary", *SHARED],
                outputs="triplet_text_features",
                name="encode_triplet_texts",
            ),
        ]
    )


def create_union_nodes() -> Pipeline:
    """Features of the crops around pairs of objects."""
    return Pipeline(
        [
            Node(
                nodes.encode_union_images,
                inputs=["images", "relation_pairs", "candidate_pairs", "image_folder", *SHARED],
                outputs=["union_image_features", "rejected_union_images"],
                name="encode_union_images",
            )
        ]
    )


def create_image_nodes() -> Pipeline:
    """Features of whole photos."""
    return Pipeline(
        [
            Node(
                nodes.encode_images,
                inputs=["images", "image_folder", *SHARED],
                outputs=["image_features", "rejected_images"],
                name="encode_images",
            )
        ]
    )


def create_object_nodes() -> Pipeline:
    """Features of the crops of objects."""
    return Pipeline(
        [
            Node(
                nodes.encode_object_images,
                inputs=["images", "objects", "image_folder", *SHARED],
                outputs=["object_image_features", "rejected_object_images"],
                name="encode_object_images",
            )
        ]
    )


def create_clip_features_nodes() -> Pipeline:
    """All nodes of `clip_features`, without those they build on."""
    return create_text_nodes() + create_union_nodes() + create_image_nodes() + create_object_nodes()


def create_pipeline() -> Pipeline:
    """From annotations to features: `scene_graphs`, then the nodes of `clip_features`."""
    return create_scene_graphs() + create_clip_features_nodes()
