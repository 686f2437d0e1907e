"""ALBEF, X-VLM, REALBEF and REX-VLM: the 2 x 2 of localisation and relations, trained and measured side by side."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from visual_relations.pipelines.relation_pretraining import nodes, report, study
from visual_relations.pipelines.scene_graphs.pipeline import create_pipeline as create_scene_graphs

ARMS = ("albef", "realbef", "x_vlm", "rex_vlm")
WORLD = [
    "images",
    "objects",
    "relations",
    "relation_classes",
    "pretraining_captions",
    "caption_sources",
    "image_folder",
    "wordpiece",
]
COMMON = "params:relation_pretraining"
FIGURES = ["pretraining_foil_figure", "pretraining_curves"]


def create_pipeline() -> Pipeline:
    """The whole journey, from annotations to the report."""
    return create_scene_graphs() + create_training() + create_reports()


def create_training() -> Pipeline:
    """The nodes that train the four models."""
    return Pipeline([_collect(), *(_pretrain(arm) for arm in ARMS)])


def create_study() -> Pipeline:
    """Open, run and read the study of one model. `kedro tune pretraining --workers N` shares the second step."""
    parameters = [COMMON, f"params:{study.STUDIED}", "params:pretraining_tuning"]
    nodes_of_study = [
        Node(
            study.open_pretraining_study,
            inputs=[*WORLD, "study_store", *parameters],
            outputs="pretraining_study_plan",
            name="open_pretraining_study",
        ),
        Node(
            study.run_pretraining_study,
            inputs=["pretraining_study_plan", *WORLD, "study_store", "workspace", *parameters],
            outputs="pretraining_study_state",
            name="run_pretraining_study",
        ),
        Node(
            study.read_pretraining_study,
            inputs=["pretraining_study_plan", "pretraining_study_state", "study_store", *parameters],
            outputs=[
                "pretraining_best_parameters",
                "pretraining_trials",
                "pretraining_sweep_plot",
                "pretraining_study_history_plot",
                "pretraining_study_importances_plot",
                "pretraining_study_slice_plot",
                "pretraining_study_parallel_plot",
            ],
            name="read_pretraining_study",
        ),
    ]
    return Pipeline([_collect()]) + Pipeline(nodes_of_study, tags="tuning")


def create_reports() -> Pipeline:
    """The nodes that measure and compare them."""
    arms = [f"params:{arm}" for arm in ARMS]
    return Pipeline(
        [
            *(_measure(arm) for arm in ARMS),
            Node(
                nodes.join_tables,
                inputs=[f"{arm}_metrics" for arm in ARMS],
                outputs="pretraining_metrics",
                name="join_pretraining_metrics",
            ),
            Node(
                nodes.join_tables,
                inputs=[f"{arm}_history" for arm in ARMS],
                outputs="pretraining_history",
                name="join_pretraining_history",
            ),
            Node(
                report.draw_figures,
                inputs=["pretraining_metrics", "pretraining_history"],
                outputs=FIGURES,
                name="draw_pretraining_figures",
            ),
            Node(
                report.write_report,
                inputs=["pretraining_metrics", "caption_coverage", *FIGURES, COMMON, *arms],
                outputs="pretraining_report",
                name="write_pretraining_report",
            ),
            Node(
                report.log_summary,
                inputs=["pretraining_metrics", "pretraining_report", *arms],
                outputs=None,
                name="log_pretraining_summary",
            ),
        ]
    )


def _collect() -> Node:
    return Node(
        nodes.collect_captions,
        inputs=["caption_sources", "images", "evaluation_photos"],
        outputs=["pretraining_captions", "caption_coverage"],
        name="collect_captions",
    )


def _pretrain(arm: str) -> Node:
    return Node(
        nodes.pretrain,
        inputs=[*WORLD, "workspace", COMMON, f"params:{arm}"],
        outputs=[f"{arm}_models", f"{arm}_history"],
        name=f"pretrain_{arm}",
    )


def _measure(arm: str) -> Node:
    return Node(
        nodes.measure,
        inputs=[*WORLD, "raw_probes", f"{arm}_models", COMMON, f"params:{arm}"],
        outputs=f"{arm}_metrics",
        name=f"measure_{arm}",
    )
