"""The nodes that evaluate relation predictions; other pipelines end with them."""

from __future__ import annotations

from kedro.pipeline import Node

from visual_relations.pipelines.evaluation import relations


def create_relation_evaluation_nodes(prefix: str = "relation", source: str | None = None) -> list[Node]:
    """Nodes from `<prefix>_predictions` and its calibration to `<prefix>_metrics` and `<prefix>_predicate_metrics`.

    Args:
        prefix: Names the datasets: "relation" for CREPE, "crepe_head" for the released features.
        source: Prefix of the parameters (`params:<source>_evaluation`); default the same.
    """
    parameters = f"params:{source or prefix}_evaluation"
    tables = ["relation_pairs", "candidate_pairs", "vocabulary"]
    return [
        Node(
            relations.predict_controls,
            inputs=[*tables, parameters],
            outputs=f"{prefix}_control_predictions",
            name=f"predict_{prefix}_controls",
        ),
        Node(
            relations.evaluate_relation_predictions,
            inputs=[
                *tables,
                "triplet_vocabulary",
                f"{prefix}_predictions",
                f"{prefix}_control_predictions",
                "predicate_calibration" if prefix == "relation" else f"{prefix}_calibration",
                parameters,
            ],
            outputs=[f"{prefix}_metrics", f"{prefix}_predicate_metrics"],
            name=f"evaluate_{prefix}_predictions",
        ),
    ]
