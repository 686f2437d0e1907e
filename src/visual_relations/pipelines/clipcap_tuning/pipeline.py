"""The study of ClipCap, from raw captions to the best parameters."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from visual_relations.pipelines.clip_features.pipeline import create_image_nodes
from visual_relations.pipelines.clipcap.pipeline import create_training_nodes
from visual_relations.pipelines.clipcap_tuning import nodes
from visual_relations.pipelines.scene_graphs.pipeline import create_pipeline as create_scene_graphs

DATA = ["image_captions", "caption_image_features", "language_model", "study_store"]


def create_pipeline() -> Pipeline:
    """The whole way."""
    return (
        create_scene_graphs().to_outputs("images")
        + create_image_nodes()
        + create_training_nodes().only_nodes("prepare_captions", "encode_caption_images")
        + Pipeline(create_study_nodes(), tags="tuning")
    )


def create_study_nodes() -> list[Node]:
    """Open, run and read the study. `kedro tune clipcap --workers N` runs the second in N processes."""
    return [
        Node(
            nodes.open_clipcap_study,
            inputs=[*DATA, "params:clipcap_tuning"],
            outputs="clipcap_study_plan",
            name="open_clipcap_study",
        ),
        Node(
            nodes.run_clipcap_study,
            inputs=["clipcap_study_plan", *DATA, "params:clipcap_tuning"],
            outputs="clipcap_study_state",
            name="run_clipcap_study",
        ),
        Node(
            nodes.read_clipcap_study,
            inputs=["clipcap_study_plan", "clipcap_study_state", "study_store", "params:clipcap_tuning"],
            outputs=[
                "clipcap_best_parameters",
                "clipcap_trials",
                "clipcap_prefix_plot",
                "clipcap_study_history_plot",
                "clipcap_study_importances_plot",
                "clipcap_study_slice_plot",
                "clipcap_study_parallel_plot",
            ],
            name="read_clipcap_study",
        ),
    ]
