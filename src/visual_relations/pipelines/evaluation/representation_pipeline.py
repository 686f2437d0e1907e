"""The nodes that probe what CREPE's models use; the pipeline `crepe` ends with them."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline, pipeline

from visual_relations.pipelines.evaluation import representation

PARAMETERS = "params:relation_evaluation"


def create_representation_nodes(predict: Pipeline) -> Pipeline:
    """Nodes to `position_probe_metrics` and `pseudo_label_predicate_metrics`.

    Args:
        predict: The step that predicts relations from `crepe_pairs`; it is run again on pairs with exchanged boxes.
    """
    exchange = Node(
        representation.exchange_boxes,
        inputs=["crepe_pairs", PARAMETERS],
        outputs=["shuffled_pairs", "exchanged_pairs"],
        name="exchange_boxes",
    )
    measure = Node(
        representation.measure_position_probes,
        inputs=[
            "relation_pairs",
            "candidate_pairs",
            "vocabulary",
            "triplet_vocabulary",
            "shuffled_pairs",
            "shuffled_predictions",
            "exchanged_pairs",
            "exchanged_predictions",
            PARAMETERS,
        ],
        outputs="position_probe_metrics",
        name="measure_position_probes",
    )
    pseudo_labels = Node(
        representation.measure_pseudo_labels_by_predicate,
        inputs=["crepe_pairs", "pseudo_labels", "triplet_vocabulary", "vocabulary", PARAMETERS],
        outputs="pseudo_label_predicate_metrics",
        name="measure_pseudo_labels_by_predicate",
    )
    return (
        Pipeline([exchange, measure, pseudo_labels])
        + _predict_again(predict, "shuffled")
        + _predict_again(predict, "exchanged")
    )


def _predict_again(predict: Pipeline, name: str) -> Pipeline:
    tables = {table: table for table in predict.inputs() if ":" not in table}
    given = {parameter.removeprefix("params:") for parameter in predict.inputs() if ":" in parameter}
    return pipeline(
        predict,
        namespace=name,
        inputs=tables | {"crepe_pairs": f"{name}_pairs"},
        parameters=given,
        outputs={"relation_predictions": f"{name}_predictions"},
    )
