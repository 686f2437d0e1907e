"""From annotations in any public format to clean tables, vocabularies, pairs and graph sentences."""

from visual_relations.pipelines.scene_graphs.pipeline import create_pipeline

__all__ = ["create_pipeline"]
