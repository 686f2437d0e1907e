"""Every model on every benchmark, and the scoreboard.

`evaluation` trains a quick relation model and a quick captioner, by the steps of their own pipelines with fewer steps
(conf/base/evaluation/parameters_quick.yml), and measures them, CLIP, and whatever else has been trained. What other
pipelines have measured joins the scoreboard; where they run in the same command, they run first.
"""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline, pipeline

from visual_relations.pipelines.clip_features.pipeline import create_image_nodes
from visual_relations.pipelines.clipcap.pipeline import create_training_nodes as create_captioner_training
from visual_relations.pipelines.evaluation import matching, nodes
from visual_relations.pipelines.relation_pretraining.pipeline import create_training as create_relation_training
from visual_relations.pipelines.scene_graphs.pipeline import create_pipeline as create_scene_graphs

# What every family of models is scored on.
SCORED_ON = ["probe_cells", "retrieval_captions", "image_folder", "workspace"]
# `--tags=zero_shot` leaves out all that needs training or scene graphs: published benchmarks with any CLIP.
ZERO_SHOT = "zero_shot"


def create_pipeline() -> Pipeline:
    """The whole journey."""
    return (
        create_scene_graphs()
        + create_quick_models()
        + Pipeline(create_matching_nodes())
        + Pipeline(create_scoreboard_nodes())
    )


def create_quick_models() -> Pipeline:
    """The training steps of REX-VLM and of one captioner, with parameters and outputs of their own."""
    relation, captioner = create_relation_training(), create_image_nodes() + create_captioner_training()
    return (
        relation.only_nodes("collect_captions")
        + _quick(
            relation.only_nodes("pretrain_rex_vlm"),
            parameters={"relation_pretraining": "quick_pretraining"},
            outputs={"rex_vlm_models": "quick_relation_models", "rex_vlm_history": "quick_relation_history"},
        )
        + captioner.to_outputs("caption_examples", "caption_image_features")
        + _quick(
            captioner.only_nodes("train_captioners"),
            parameters={
                "clipcap.comparison": "quick_captioning.comparison",
                "clipcap.training": "quick_captioning.training",
            },
            outputs={"captioner": "quick_captioner", "captioner_history": "quick_captioner_history"},
        )
    )


def _quick(step: Pipeline, parameters: dict[str, str], outputs: dict[str, str]) -> Pipeline:
    """The same step under the name `quick.…`: it may stand beside the original in one pipeline."""
    given = {name.removeprefix("params:"): name.removeprefix("params:") for name in step.inputs() if ":" in name}
    tables = {name for name in step.inputs() if ":" not in name}
    return pipeline(step, namespace="quick", inputs=tables, parameters=given | parameters, outputs=outputs)


def create_matching_nodes() -> list[Node]:
    """From benchmarks to measurements."""
    return [
        Node(
            nodes.make_swapped_probes,
            inputs=["relation_pairs", "images", "vocabulary", "params:evaluation.swapped"],
            outputs="swapped_probes",
            name="make_swapped_probes",
        ),
        Node(
            nodes.collect_probes,
            inputs=["raw_probes", "swapped_probes"],
            outputs="probe_cells",
            name="collect_probes",
            tags=ZERO_SHOT,
        ),
        Node(
            nodes.score_by_chance,
            inputs=["probe_cells", "params:evaluation"],
            outputs="chance_match_scores",
            name="score_by_chance",
            tags=ZERO_SHOT,
        ),
        Node(
            matching.match_with_clip,
            inputs=[*SCORED_ON, "params:clip_features.clip", "params:evaluation"],
            outputs=["clip_match_scores", "clip_retrieval_metrics"],
            name="match_with_clip",
            tags=ZERO_SHOT,
        ),
        Node(
            matching.match_with_relation_models,
            inputs=[
                *SCORED_ON,
                "wordpiece",
                "quick_relation_models",
                "relation_models_at_hand",
                "pretraining_metrics",
                "params:evaluation",
            ],
            outputs=["relation_model_match_scores", "relation_model_retrieval_metrics"],
            name="match_with_relation_models",
        ),
        Node(
            matching.match_with_captioners,
            inputs=[
                "probe_cells",
                "image_folder",
                "workspace",
                "language_model",
                "quick_captioner",
                "captioners_at_hand",
                "caption_metrics",
                "params:clip_features.clip",
                "params:clip_features.crop_mode",
                "params:evaluation",
            ],
            outputs="captioner_match_scores",
            name="match_with_captioners",
        ),
        Node(
            matching.match_with_language,
            inputs=["probe_cells", "image_folder", "workspace", "language_model", "params:evaluation"],
            outputs="language_match_scores",
            name="match_with_language",
        ),
        Node(
            nodes.measure_matching,
            inputs=[
                "probe_cells",
                "chance_match_scores",
                "language_match_scores",
                "clip_match_scores",
                "relation_model_match_scores",
                "captioner_match_scores",
                "clip_retrieval_metrics",
                "relation_model_retrieval_metrics",
            ],
            outputs="matching_metrics",
            name="measure_matching",
            tags=ZERO_SHOT,
        ),
    ]


def create_scoreboard_nodes() -> list[Node]:
    """From measurements of all kinds to the scoreboard."""
    return [
        Node(
            nodes.compare_with_published,
            inputs=[
                "params:evaluation",
                "published_results",
                "matching_metrics",
                "relation_metrics",
                "position_probe_metrics",
                "pseudo_label_predicate_metrics",
                "pretraining_metrics",
                "caption_metrics",
            ],
            outputs="scoreboard",
            name="compare_with_published",
            tags=ZERO_SHOT,
        ),
        Node(
            nodes.write_scoreboard,
            inputs=["scoreboard", "params:evaluation"],
            outputs=["scoreboard_page", "scoreboard_csv", "scoreboard_markdown", "scoreboard_latex"],
            name="write_scoreboard",
            tags=ZERO_SHOT,
        ),
    ]
