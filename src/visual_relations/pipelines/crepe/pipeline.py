"""CREPE from raw annotations to the report."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from visual_relations.pipelines.clip_features.pipeline import create_text_nodes, create_union_nodes
from visual_relations.pipelines.crepe import nodes, report, reporting
from visual_relations.pipelines.evaluation.relations_pipeline import create_relation_evaluation_nodes
from visual_relations.pipelines.evaluation.representation_pipeline import create_representation_nodes
from visual_relations.pipelines.scene_graphs.pipeline import create_pipeline as create_scene_graphs

# What a head can be fed from; training and prediction take the same.
FEATURES = [
    "crepe_pairs",
    "vocabulary",
    "object_text_features",
    "triplet_text_features",
    "union_image_features",
    "prompt_text_features",
    "handcrafted_text_features",
    "pseudo_labels",
    "params:crepe.recipe",
    "params:crepe.relation_heads",
    "params:crepe.comparison",
]
FIGURES = [
    "model_overview_plot",
    "predicate_recall_plot",
    "confusion_plot",
    "pseudo_label_plot",
    "prompt_curves_plot",
    "head_curves_plot",
]


def create_pipeline() -> Pipeline:
    """The whole journey."""
    crepe = Pipeline(create_crepe_nodes())
    return (
        create_scene_graphs()
        + create_text_nodes()
        + create_union_nodes()
        + Pipeline(create_pseudo_label_nodes())
        + crepe
        + Pipeline(create_relation_evaluation_nodes())
        + create_representation_nodes(crepe.only_nodes("predict_relations"))
        + Pipeline(create_report_nodes())
    )


def create_pseudo_label_nodes() -> list[Node]:
    """From features to pseudo labels."""
    return [
        Node(
            nodes.retrieve_pseudo_labels,
            inputs=[
                "union_image_features",
                "triplet_text_features",
                "triplet_vocabulary",
                "params:crepe.pseudo_labels",
            ],
            outputs="pseudo_labels",
            name="retrieve_pseudo_labels",
        ),
    ]


def create_crepe_nodes() -> list[Node]:
    """From features and pseudo labels to predictions."""
    return [
        Node(
            nodes.choose_pairs,
            inputs=["relation_pairs", "candidate_pairs", "union_image_features", "params:crepe.comparison"],
            outputs="crepe_pairs",
            name="choose_pairs",
        ),
        Node(
            nodes.learn_prompts,
            inputs=[
                "crepe_pairs",
                "vocabulary",
                "union_image_features",
                "pseudo_labels",
                "workspace",
                "params:clip_features.clip",
                "params:crepe.recipe",
                "params:crepe.prompt_learner",
            ],
            outputs=["crepe_prompt_learner", "prompt_history"],
            name="learn_prompts",
        ),
        Node(
            nodes.encode_prompts,
            inputs=[
                "crepe_pairs",
                "vocabulary",
                "union_image_features",
                "crepe_prompt_learner",
                "workspace",
                "params:clip_features.clip",
                "params:crepe.comparison",
            ],
            outputs=["prompt_text_features", "handcrafted_text_features"],
            name="encode_prompts",
        ),
        Node(
            nodes.train_relation_heads,
            inputs=[*FEATURES, "workspace"],
            outputs=["crepe_relation_heads", "predicate_calibration", "head_history"],
            name="train_relation_heads",
        ),
        Node(
            nodes.predict_relations,
            inputs=[*FEATURES, "triplet_vocabulary", "crepe_relation_heads"],
            outputs="relation_predictions",
            name="predict_relations",
        ),
    ]


def create_report_nodes() -> list[Node]:
    """From predictions and metrics to figures, gallery and report."""
    predicted = ["relation_predictions", "predicate_calibration", "vocabulary", "params:crepe.report"]
    return [
        Node(
            reporting.measure_pseudo_labels,
            inputs=["crepe_pairs", "pseudo_labels", "triplet_vocabulary", "params:crepe.report"],
            outputs="pseudo_label_metrics",
            name="measure_pseudo_labels",
        ),
        Node(
            reporting.count_confusions,
            inputs=["crepe_pairs", *predicted],
            outputs="crepe_confusions",
            name="count_confusions",
        ),
        Node(
            reporting.choose_gallery,
            inputs=["crepe_pairs", "relation_pairs", "images", *predicted],
            outputs="crepe_gallery",
            name="choose_gallery",
        ),
        Node(
            report.draw_gallery,
            inputs=["crepe_gallery", "image_folder"],
            outputs=["crepe_gallery_page", "crepe_gallery_picture"],
            name="draw_gallery",
        ),
        Node(
            report.draw_figures,
            inputs=[
                "relation_metrics",
                "relation_predicate_metrics",
                "crepe_confusions",
                "pseudo_label_metrics",
                "prompt_history",
                "head_history",
                "vocabulary",
                "params:crepe.report",
            ],
            outputs=FIGURES,
            name="draw_figures",
        ),
        Node(
            report.write_report,
            # All parameters, so that a misspelt one is found: their parts are validated above, the whole of them here.
            inputs=["relation_metrics", "crepe_gallery", "image_folder", "params:crepe", *FIGURES],
            outputs="crepe_report",
            name="write_report",
        ),
        Node(
            report.log_summary,
            inputs=["relation_metrics", "crepe_report", "params:crepe.report"],
            outputs=None,
            name="log_summary",
        ),
    ]
