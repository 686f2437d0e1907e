"""Relation heads on features: CREPE's claim checked, ablated and improved on."""

from visual_relations.pipelines.crepe_head.pipeline import create_pipeline

__all__ = ["create_pipeline"]
