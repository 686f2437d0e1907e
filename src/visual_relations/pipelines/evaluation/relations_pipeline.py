"""The nodes that evaluate relation predictions; other pipelines end with them."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node

from visual_relations.pipelines.evaluation import relations

TABLES = ("relation_pairs", "candidate_pairs", "vocabulary", "triplet_vocabulary")


def create_relation_evaluation_nodes(
    prefix: str = "relation", tables: Sequence[str] = TABLES, calibration: str = "predicate_calibration"
) -> list[Node]:
    """Nodes from `<prefix>_predictions` to `<prefix>_metrics` and `<prefix>_predicate_metrics`.

    Args:
        prefix: Of the datasets and of the parameters `<prefix>_evaluation`.
        tables: Datasets that hold relation pairs, candidate pairs, vocabulary and training triplets.
        calibration: Dataset of the label frequencies.
    """
    parameters = f"params:{prefix}_evaluation"
    pairs, candidates, vocabulary, triplets = tables
    return [
        Node(
            relations.predict_controls,
            inputs=[pairs, candidates, vocabulary, parameters],
            outputs=f"{prefix}_control_predictions",
            name=f"predict_{prefix}_controls",
        ),
        Node(
            relations.evaluate_relation_predictions,
            inputs=[
                pairs,
                candidates,
                vocabulary,
                triplets,
                f"{prefix}_predictions",
                f"{prefix}_control_predictions",
                calibration,
                parameters,
            ],
            outputs=[f"{prefix}_metrics", f"{prefix}_predicate_metrics"],
            name=f"evaluate_{prefix}_predictions",
        ),
    ]
