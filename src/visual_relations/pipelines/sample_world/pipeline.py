"""A small illustrated world with scene graphs, captions, probes and tiny models, made from a seed."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from visual_relations.pipelines.sample_world import nodes


def create_pipeline() -> Pipeline:
    """The nodes of `sample_world`."""
    return Pipeline(
        [
            Node(
                nodes.draw_scenes,
                inputs=["params:sample_world"],
                outputs=["new_world_images", "new_world_scenes"],
                name="draw_scenes",
            ),
            Node(
                nodes.annotate_scenes,
                inputs=["new_world_scenes", "params:sample_world"],
                outputs=[
                    "new_world_image_data",
                    "new_world_scene_graphs",
                    "new_world_relationships",
                    "new_world_splits",
                    "new_world_object_alias",
                    "new_world_relationship_alias",
                ],
                name="annotate_scenes",
            ),
            Node(
                nodes.write_captions,
                inputs=["new_world_scenes", "params:sample_world"],
                outputs="new_world_captions",
                name="write_captions",
            ),
            Node(
                nodes.write_probes,
                inputs=["new_world_scenes", "new_world_splits", "new_world_language_model", "params:sample_world"],
                outputs="new_world_probes",
                name="write_probes",
            ),
            Node(
                nodes.train_clip,
                inputs=["params:sample_world", "new_world_workspace"],
                outputs=["new_world_clip", "new_world_clip_history"],
                name="train_clip",
            ),
            Node(
                nodes.train_language_model,
                inputs=["params:sample_world", "new_world_workspace"],
                outputs=["new_world_language_model", "new_world_wordpiece", "new_world_language_history"],
                name="train_language_model",
            ),
            Node(
                nodes.measure_clip,
                inputs=[
                    "new_world_clip",
                    "new_world_images",
                    "new_world_scenes",
                    "new_world_captions",
                    "new_world_splits",
                ],
                outputs="new_world_clip_retrieval",
                name="measure_clip",
            ),
        ]
    )
