"""Every model on every benchmark, and the scoreboard.

`evaluation` trains what it measures if that has not been done: it is the sum of the training steps of the relation
models and the captioner, and of the steps below. What other pipelines have measured joins the scoreboard.
"""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from visual_relations.pipelines.evaluation import matching, nodes
from visual_relations.pipelines.scene_graphs.pipeline import create_pipeline as create_scene_graphs

# What every family of models is scored on.
SCORED_ON = ["probe_cells", "retrieval_captions", "image_folder", "workspace"]


def create_pipeline() -> Pipeline:
    """The whole journey."""
    return create_scene_graphs() + Pipeline([*create_matching_nodes(), *create_scoreboard_nodes()])


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
            tags="zero_shot",
        ),
        Node(
            nodes.score_by_chance,
            inputs=["probe_cells", "params:evaluation"],
            outputs="chance_match_scores",
            name="score_by_chance",
            tags="zero_shot",
        ),
        Node(
            matching.match_with_clip,
            inputs=[*SCORED_ON, "params:clip_features.clip", "params:evaluation"],
            outputs=["clip_match_scores", "clip_retrieval_metrics"],
            name="match_with_clip",
            tags="zero_shot",
        ),
        Node(
            nodes.measure_matching,
            inputs=["probe_cells", "chance_match_scores", "clip_match_scores", "clip_retrieval_metrics"],
            outputs="matching_metrics",
            name="measure_matching",
            tags="zero_shot",
        ),
    ]


def create_scoreboard_nodes() -> list[Node]:
    """From measurements of all kinds to the scoreboard."""
    return [
        Node(
            nodes.compare_with_published,
            inputs=["params:evaluation", "published_results", "matching_metrics"],
            outputs="scoreboard",
            name="compare_with_published",
            tags="zero_shot",
        ),
        Node(
            nodes.write_scoreboard,
            inputs=["scoreboard", "params:evaluation"],
            outputs=["scoreboard_page", "scoreboard_csv", "scoreboard_markdown", "scoreboard_latex"],
            name="write_scoreboard",
            tags="zero_shot",
        ),
    ]
