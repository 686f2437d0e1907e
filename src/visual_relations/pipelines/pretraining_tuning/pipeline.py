"""The study of pretraining, from raw annotations to the best parameters; its nodes are relation_pretraining's."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from visual_relations.pipelines.relation_pretraining.pipeline import create_study
from visual_relations.pipelines.scene_graphs.pipeline import create_pipeline as create_scene_graphs


def create_pipeline() -> Pipeline:
    """The whole way."""
    return create_scene_graphs() + create_study()
