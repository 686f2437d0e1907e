"""Every head of the grid on the features of a world: its own, or published ones.

The features come from `scene_graphs`, `clip_features` and the prompts of `crepe`. An environment that gives some of
them (published features, or a world without photos) makes the steps behind it needless: the runner leaves them out.
"""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from visual_relations.pipelines.clip_features.pipeline import create_object_nodes, create_text_nodes, create_union_nodes
from visual_relations.pipelines.crepe.pipeline import create_crepe_nodes, create_pseudo_label_nodes
from visual_relations.pipelines.crepe_head import nodes, prompts, report
from visual_relations.pipelines.evaluation.relations_pipeline import create_relation_evaluation_nodes
from visual_relations.pipelines.scene_graphs.pipeline import create_pipeline as create_scene_graphs

# The fields of `HeadFeatures` that are datasets.
FEATURES = {
    "object_text": "object_text_features",
    "object_image": "object_image_features",
    "union_image": "union_image_features",
    "triplet_text": "triplet_text_features",
    "pseudo_labels": "pseudo_labels",
    "product_text": "product_text_features",
    "product_labels": "product_pseudo_labels",
    "handcrafted_prompt": "handcrafted_text_features",
    "learned_prompt": "prompt_text_features",
    "grid_prompts": "grid_prompt_features",
}
GRID = {"pairs": "crepe_head_pairs", "vocabulary": "crepe_head_vocabulary", "params": "params:crepe_head.grid"}
TABLES = ["crepe_head_relations", "crepe_head_candidates", "crepe_head_vocabulary", "crepe_head_triplets"]


def create_pipeline() -> Pipeline:
    """From annotations and photos, or from given features, to the report of the grid."""
    features = create_scene_graphs() + create_text_nodes() + create_union_nodes() + create_object_nodes()
    heads = Pipeline(create_head_nodes()) + Pipeline(
        create_relation_evaluation_nodes("crepe_head", tables=TABLES, calibration="crepe_head_calibration")
    )
    prompts_of_crepe = Pipeline([*create_pseudo_label_nodes(), *create_crepe_nodes()])
    whole = features + prompts_of_crepe + heads + Pipeline(create_report_nodes())
    # The heads of `crepe` itself and side results of the features are not needed here.
    return whole.to_outputs("crepe_head_report", "crepe_head_predicate_metrics", "crepe_head_history")


def create_head_nodes() -> list[Node]:
    """From features to predictions."""
    return [
        Node(
            nodes.choose_head_pairs,
            inputs=[
                "relation_pairs",
                "candidate_pairs",
                "vocabulary",
                "union_image_features",
                "params:crepe_head.grid",
            ],
            outputs=[*TABLES, "crepe_head_pairs"],
            name="choose_head_pairs",
        ),
        Node(
            prompts.retrieve_from_product,
            inputs=[
                "vocabulary",
                "union_image_features",
                "workspace",
                "params:clip_features.clip",
                "params:crepe_head.grid",
            ],
            outputs=["product_text_features", "product_pseudo_labels"],
            name="retrieve_from_product",
        ),
        Node(
            prompts.learn_grid_prompts,
            inputs=[
                "crepe_head_pairs",
                "vocabulary",
                "union_image_features",
                "pseudo_labels",
                "product_pseudo_labels",
                "workspace",
                "params:clip_features.clip",
                "params:crepe_head.grid",
            ],
            outputs="grid_prompt_features",
            name="learn_grid_prompts",
        ),
        Node(
            nodes.train_heads,
            inputs={**GRID, "workspace": "workspace", **FEATURES},
            outputs=["crepe_head_models", "crepe_head_calibration", "crepe_head_history", "crepe_head_costs"],
            name="train_heads",
        ),
        Node(
            nodes.predict_heads,
            inputs={**GRID, "heads": "crepe_head_models", **FEATURES},
            outputs="crepe_head_predictions",
            name="predict_heads",
        ),
    ]


def create_report_nodes() -> list[Node]:
    """From metrics to the report."""
    return [
        Node(
            report.tabulate_grid,
            inputs=["crepe_head_metrics", "crepe_head_costs"],
            outputs="crepe_head_table",
            name="tabulate_grid",
        ),
        Node(
            report.report_grid,
            inputs=["crepe_head_table", "crepe_head_metrics", "params:crepe_head.report"],
            outputs=["crepe_head_report", "crepe_head_plot"],
            name="report_grid",
        ),
    ]
