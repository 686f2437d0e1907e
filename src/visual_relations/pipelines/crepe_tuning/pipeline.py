"""The study of CREPE, from raw annotations to the best parameters."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from visual_relations.pipelines.clip_features.pipeline import create_text_nodes, create_union_nodes
from visual_relations.pipelines.crepe.pipeline import create_pseudo_label_nodes
from visual_relations.pipelines.crepe_tuning import nodes
from visual_relations.pipelines.scene_graphs.pipeline import create_pipeline as create_scene_graphs

DATA = ["relation_pairs", "vocabulary", "union_image_features", "object_text_features", "pseudo_labels", "study_store"]


def create_pipeline() -> Pipeline:
    """The whole way."""
    return (
        create_scene_graphs()
        + create_text_nodes()
        + create_union_nodes()
        + Pipeline(create_pseudo_label_nodes())
        + Pipeline(create_study_nodes(), tags="tuning")
    )


def create_study_nodes() -> list[Node]:
    """Open, run and read the study. `kedro tune crepe --workers N` runs the second in N processes."""
    return [
        Node(
            nodes.open_crepe_study,
            inputs=[*DATA, "params:crepe_tuning"],
            outputs="crepe_study_plan",
            name="open_crepe_study",
        ),
        Node(
            nodes.run_crepe_study,
            inputs=["crepe_study_plan", *DATA, "params:clip_features.clip", "params:crepe_tuning"],
            outputs="crepe_study_state",
            name="run_crepe_study",
        ),
        Node(
            nodes.read_crepe_study,
            inputs=["crepe_study_plan", "crepe_study_state", "study_store", "params:crepe_tuning"],
            outputs=[
                "crepe_best_parameters",
                "crepe_trials",
                "crepe_tokens_plot",
                "crepe_study_history_plot",
                "crepe_study_importances_plot",
                "crepe_study_slice_plot",
                "crepe_study_parallel_plot",
            ],
            name="read_crepe_study",
        ),
    ]
